"""iPET: generations of members that learn from texts that other members labelled.

Every member of a generation starts from the original backbone. It is trained on the labelled
examples T and on a new draw from the unlabelled text, labelled by some of the *other* members of
the generation before. The training set grows by the factor d with every generation and keeps the
label ratios of T. Without labelled examples the first members are untrained.

Source: PET, section 3.4.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from pet.config import IpetConfig
from pet.data import Example
from pet.errors import DataError, UsageError
from pet.members import MemberResult, MemberSpec
from pet.members.store import MemberStore
from pet.members.stored import pool_scores
from pet.model import Ensemble
from pet.pipeline.draws import Plan, draw_rows
from pet.runs import RunFolder, generation_name
from pet.runs.layout import generation_of
from pet.seeds import MemberStream, derived_seed
from pet.task import Task
from pet.task.kinds import refuse_multi_label
from pet.task.labels import label_numbers
from pet.types import Scores

log = logging.getLogger(__name__)


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


def train_generations(
    store: MemberStore, specs: Sequence[MemberSpec], config: IpetConfig, combine_verbalizers: str
) -> tuple[list[MemberSpec], list[MemberResult]]:
    """Train all generations; finished ones are only loaded.

    Parameters
    ----------
    store : MemberStore
        Trains, keeps and loads members; its data has unlabelled text.
    specs : sequence of MemberSpec
        Members of one generation.
    config : IpetConfig
        Growth, generations, labellers.
    combine_verbalizers : str
        Combiner of the verbalizers of one member.

    Returns
    -------
    tuple
        Specs and results of the last generation.

    Raises
    ------
    DataError
        When too few unlabelled texts are predicted to have some label.
    UsageError
        See `refuse_generations`.
    """
    labels = store.work.task.labels
    refuse_generations(store.work.task, specs)
    numbers = label_numbers([example.label for example in store.work.data.train], labels)
    counts = np.bincount(numbers, minlength=len(labels)).tolist()
    plan = Plan.from_config(counts, config, len(store.work.data.pool or ()))
    log.info("iPET: %d generations after the first", plan.generations)
    current = _named(specs, 0)
    if not store.work.data.train:
        current = [s.changed(training=replace(s.training, max_steps=0)) for s in current]
    results = _finished(store, 0, current, {}, combine_verbalizers)
    for number in range(1, plan.generations + 1):
        previous, current = current, _named(specs, number)
        if number < plan.generations and store.has_generation(number, current):
            log.info("generation %d: finished before", number)
            continue
        try:
            draws = _draws(store, plan, number, previous, current, combine_verbalizers)
        except DataError as error:
            if config.generations is not None or number == 1:
                raise
            reason = str(error).splitlines()[0].removesuffix(".")
            log.warning("%s: generation %d is the last", reason, number - 1)
            return previous, _finished(store, number - 1, previous, {}, combine_verbalizers)
        results = _finished(store, number, current, draws, combine_verbalizers)
    return current, results


def refuse_generations(task: Task, specs: Sequence[MemberSpec]) -> None:
    """Refuse members that cannot label text for each other.

    Raises
    ------
    UsageError
        When there are fewer than two, as no member labels for itself; or when the task is
        multi-label.
    """
    refuse_multi_label(task, "Method 'ipet'", "Use `--method pet`.")
    if len(specs) < 2:
        raise UsageError(
            f"Method 'ipet' needs two or more members, which label text for each other; the chosen "
            f"patterns, repetitions and kinds of members make {len(specs)}.",
            "Choose more `--patterns`, or `--repetitions 2`.",
        )


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


def agreement(scores: Iterable[list[Scores]], ensemble: Ensemble) -> float:
    """Return the mean share of members whose label is that of their average, over all texts.

    ``scores`` yields the members' scores, (V, n, C) each, chunk by chunk.
    """
    same = total = 0
    for chunk in scores:
        votes = ensemble.member_scores(chunk).argmax(axis=2)
        same += int((votes == ensemble(chunk).argmax(axis=1)).sum())
        total += votes.size
    return same / total


def _named(specs: Sequence[MemberSpec], number: int) -> list[MemberSpec]:
    """Return the members of a generation, with its name and its seeds."""
    named = [spec.changed(name=f"{generation_name(number)}/{spec.name}") for spec in specs]
    # The first generation keeps the seeds of plain PET, so its members are those of plain PET.
    return (
        [s.seeded(derived_seed(s.seed, MemberStream.GENERATION, number)) for s in named]
        if number
        else named
    )


_Draws = Mapping[str, Mapping[str, Sequence[int]]]


def _draws(
    store: MemberStore,
    plan: Plan,
    number: int,
    previous: Sequence[MemberSpec],
    current: Sequence[MemberSpec],
    combine_verbalizers: str,
) -> _Draws:
    """Draw texts for each member of a generation: member name to label to row numbers."""
    file = store.folder.generation(number).draws
    if store.folder.has(file):
        with store.folder.reading(file):
            drawn = store.folder.read_json(file)
            return {spec.name: drawn[spec.name]["rows"] for spec in current}
    draws: dict[str, Any] = {}
    for spec, itself in zip(current, previous, strict=True):
        generator = np.random.default_rng(derived_seed(spec.seed, MemberStream.LABELLERS))
        others = [other.name for other in previous if other is not itself]
        size = max(1, round(plan.labeller_share * len(others)))
        labellers = [others[i] for i in sorted(generator.choice(len(others), size, replace=False))]
        ensemble = Ensemble.uniform(size, combine_verbalizers=combine_verbalizers)
        chunks = pool_scores(store.folder, labellers)
        scores = np.concatenate([ensemble(chunk) for chunk in chunks])
        try:
            wanted, most_likely = plan.wanted(number), plan.most_likely(number)
            rows = draw_rows(scores, wanted, store.work.task.labels, generator, most_likely)
        except DataError as error:
            raise DataError(
                f"{spec.name}, labelled by {', '.join(labellers)}: {error.message}"
            ) from error
        draws[spec.name] = {"labellers": labellers, "rows": rows}
    store.folder.write_json(file, draws)
    return {name: draw["rows"] for name, draw in draws.items()}


def _finished(
    store: MemberStore,
    number: int,
    specs: Sequence[MemberSpec],
    draws: _Draws,
    combine_verbalizers: str,
) -> list[MemberResult]:
    """Train members that are not finished, score the unlabelled text, and write the record."""
    waiting = {spec.name: draws.get(spec.name, {}) for spec in specs if not store.has(spec)}
    rows = {row for by_label in waiting.values() for rows in by_label.values() for row in rows}
    pool = store.work.data.pool
    texts = pool.select(rows) if pool is not None and rows else {}
    drawn = {
        name: [Example(texts[row].texts, label) for label, rows in by_label.items() for row in rows]
        for name, by_label in waiting.items()
    }
    results = store.members(specs, drawn, scores_pool=True)
    if not store.folder.has(store.folder.generation(number).record):
        names = tuple(spec.name for spec in specs)
        ensemble = Ensemble.uniform(len(names), combine_verbalizers=combine_verbalizers)
        draw = next(iter(draws.values()), {})  # of one member; all have the same sizes
        finished = Generation(
            number,
            names,
            {label: len(draw.get(label, ())) for label in store.work.task.labels},
            agreement(pool_scores(store.folder, names), ensemble),
        )
        store.folder.write_json(store.folder.generation(number).record, asdict(finished))
    return results
