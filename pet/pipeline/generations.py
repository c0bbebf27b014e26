"""Generations of a run's members: those of a later one learn from texts that earlier ones labelled.

Every member of a generation starts from the original backbone, and its name begins with that of
its generation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from pet.config import EnsembleConfig
from pet.data import Example
from pet.members import MemberResult, MemberSpec
from pet.members.store import MemberStore
from pet.members.stored import pool_scores
from pet.model.ensemble import agreements
from pet.pipeline.combining import uniform
from pet.runs import RunFolder, generation_name
from pet.runs.layout import generation_of
from pet.seeds import MemberStream, derived_seed
from pet.task.labels import Label

# Member name to label to row numbers of unlabelled texts.
Draws = Mapping[str, Mapping[str, Sequence[int]]]


@dataclass(frozen=True)
class Generation:
    """A finished generation.

    ``drawn`` counts, for each label, the drawn texts that every member learned from; ``agreement``
    is the mean share of members whose label of a text is that of their average.
    """

    number: int
    members: tuple[str, ...]
    drawn: Mapping[str, int]
    agreement: float


def finished_generations(folder: RunFolder) -> list[Generation]:
    """Read the generations of a run folder, in order; empty for other methods.

    Raises
    ------
    RunError
        When the record of one is damaged, or missing in a run that has its ensemble.
    """
    generations: list[Generation] = []
    last = _last_generation(folder)
    while len(generations) <= last or folder.has(folder.generation(len(generations)).record):
        record = folder.generation(len(generations)).record
        with folder.reading(record):
            plain = folder.read_json(record)
            generations.append(Generation(**{**plain, "members": tuple(plain["members"])}))
    return generations


def _last_generation(folder: RunFolder) -> int:
    """Return the number of the generation whose members are the ensemble; -1 without any."""
    if not folder.has(folder.ensemble):
        return -1
    with folder.reading(folder.ensemble):
        numbers = [generation_of(name) for name in folder.read_json(folder.ensemble)["members"]]
        return max((number for number in numbers if number is not None), default=-1)


def in_generation(specs: Sequence[MemberSpec], number: int) -> list[MemberSpec]:
    """Return the members of a generation, with its name and its seeds."""
    named = [spec.changed(name=f"{generation_name(number)}/{spec.name}") for spec in specs]
    # The first generation keeps the seeds of plain PET, so iPET's first members are those of PET.
    return (
        [s.seeded(derived_seed(s.seed, MemberStream.GENERATION, number)) for s in named]
        if number
        else named
    )


def train_generation(
    store: MemberStore,
    number: int,
    specs: Sequence[MemberSpec],
    draws: Draws,
    config: EnsembleConfig,
) -> list[MemberResult]:
    """Train a generation's members that are not finished, score the text, and write the record.

    Parameters
    ----------
    store : MemberStore
        Trains members, and has them score its unlabelled text.
    number : int
        Number of the generation.
    specs : sequence of MemberSpec
        Its members.
    draws : mapping
        Unlabelled texts that each member learns from, as rows of the text.
    config : EnsembleConfig
        Combiners.
    """
    waiting = {spec.name: draws.get(spec.name, {}) for spec in specs if not store.has(spec)}
    rows = {row for by_label in waiting.values() for rows in by_label.values() for row in rows}
    pool = store.work.data.pool
    texts = pool.select(rows) if pool is not None and rows else {}
    weights = _mean_weights(store.work.data.train)
    drawn = {
        name: [
            Example(texts[row].texts, label, weights.get(label, 1.0))
            for label, rows in by_label.items()
            for row in rows
        ]
        for name, by_label in waiting.items()
    }
    results = store.members(specs, drawn, scores_pool=True)
    if not store.folder.has(store.folder.generation(number).record):
        names = tuple(spec.name for spec in specs)
        ensemble = uniform(config, store.work.task.kind, specs, results)
        draw = next(iter(draws.values()), {})  # of one member; all have the same sizes
        finished = Generation(
            number,
            names,
            {label: len(draw.get(label, ())) for label in store.work.task.labels},
            float(agreements(pool_scores(store.folder, names), ensemble).mean()),
        )
        store.folder.write_json(store.folder.generation(number).record, asdict(finished))
    return results


def _mean_weights(examples: Sequence[Example]) -> dict[Label | None, float]:
    """Return the mean weight of each label's examples, which a drawn text of it has too."""
    weights: dict[Label | None, list[float]] = {}
    for example in examples:
        weights.setdefault(example.label, []).append(example.weight)
    return {label: sum(of) / len(of) for label, of in weights.items()}
