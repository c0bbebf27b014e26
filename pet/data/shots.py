"""Few-shot draws: so many labelled examples of every label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pet.data.example import Example
from pet.errors import DataError
from pet.task.labels import Label, names


def draw_shots(
    examples: Sequence[Example], labels: Sequence[str], shots: int, seed: int
) -> list[Example]:
    """Draw ``shots`` examples of every label without replacement; a seed gives one draw.

    An example with several labels counts for each of them, so a label may get more than ``shots``.
    Of examples without labels ``shots`` are drawn too, or all if there are fewer.

    Raises
    ------
    DataError
        When a label has too few examples; the message names it and its count.
    """
    if shots < 1:
        raise DataError(f"The number of shots must be 1 or more, not {shots}.")
    generator = np.random.default_rng(seed)
    drawn: dict[tuple[tuple[str, ...], Label | None], Example] = {}
    for label in labels:
        candidates = {e.key: e for e in examples if label in names(e.label)}
        if len(candidates) < shots:
            raise DataError(
                f"Label {label!r} has {len(candidates)} different examples; {shots} shots were "
                "asked for.",
                f"Use `--shots {len(candidates)}` or label more.",
            )
        rest = [e for e in candidates.values() if (e.key, e.label) not in drawn]
        wanted = shots - (len(candidates) - len(rest))
        chosen = generator.permutation(len(rest))[: max(0, wanted)]
        drawn |= {(rest[index].key, rest[index].label): rest[index] for index in chosen}
    without = list({e.key: e for e in examples if e.label == ()}.values())
    chosen = generator.permutation(len(without))[:shots]
    return [*drawn.values(), *(without[index] for index in chosen)]
