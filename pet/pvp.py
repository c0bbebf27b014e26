"""PVP: a pattern with the verbalizers that read its mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pet.errors import PatternError
from pet.pattern import Pattern
from pet.verbalizer import Verbalizer


@dataclass(frozen=True, init=False)
class PVP:
    """A pattern-verbalizer pair; several verbalizers share one forward pass.

    Where the pattern names a ``{label}`` it asks about every label, and the verbalizers have words
    for "yes" and "no".

    Parameters
    ----------
    pattern : str or Pattern
        The cloze template.
    *verbalizers : Verbalizer
        One or more; their label scores are combined by the ensembling layers.
    """

    pattern: Pattern
    verbalizers: tuple[Verbalizer, ...]

    def __init__(self, pattern: str | Pattern, *verbalizers: Verbalizer) -> None:
        if not verbalizers or not all(isinstance(v, Verbalizer) for v in verbalizers):
            raise PatternError(
                f"PVP({str(pattern)!r}): expected one or more Verbalizers after the pattern, "
                f"found {verbalizers!r}."
            )
        parsed = pattern if isinstance(pattern, Pattern) else Pattern(pattern)
        if parsed.is_soft:
            raise PatternError(
                f"Pattern {parsed.template!r} needs a soft template, which this version cannot "
                "train yet.",
                "Replace {soft...} by ordinary words.",
            )
        object.__setattr__(self, "pattern", parsed)
        object.__setattr__(self, "verbalizers", verbalizers)

    def answers(self, labels: Sequence[str]) -> tuple[str, ...]:
        """What the verbalizers have words for: the labels, or "yes" and "no" about each."""
        return ("yes", "no") if self.pattern.asks_each_label else tuple(labels)
