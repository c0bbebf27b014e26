"""iPET: generations of members that learn from texts that other members labelled.

Every member of a generation starts from the original backbone. It is trained on the labelled
examples T and on a new draw from the unlabelled text, labelled by some of the *other* members of
the generation before. The training set grows by the factor d with every generation and keeps the
label ratios of T. Without labelled examples the first members are untrained.

Source: PET, section 3.4.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pet.config import EnsembleConfig, IpetConfig
from pet.errors import DataError, UsageError
from pet.members import MemberResult, MemberSpec
from pet.members.store import MemberStore
from pet.members.stored import pool_scores
from pet.model import Ensemble
from pet.pipeline.draws import Plan, draw_rows
from pet.pipeline.generations import Draws, in_generation, train_generation
from pet.seeds import MemberStream, derived_seed
from pet.task import Task
from pet.task.kinds import refuse_multi_label
from pet.task.labels import label_numbers

log = logging.getLogger(__name__)


def train_generations(
    store: MemberStore, specs: Sequence[MemberSpec], config: IpetConfig, ensemble: EnsembleConfig
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
    ensemble : EnsembleConfig
        Combiners.

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
    current = in_generation(specs, 0)
    if not store.work.data.train:
        current = [s.changed(training=replace(s.training, max_steps=0)) for s in current]
    results = train_generation(store, 0, current, {}, ensemble)
    for number in range(1, plan.generations + 1):
        previous, current = current, in_generation(specs, number)
        if number < plan.generations and store.has_generation(number, current):
            log.info("generation %d: finished before", number)
            continue
        try:
            draws = _draws(store, plan, number, previous, current, ensemble.combine_verbalizers)
        except DataError as error:
            if config.generations is not None or number == 1:
                raise
            reason = str(error).splitlines()[0].removesuffix(".")
            log.warning("%s: generation %d is the last", reason, number - 1)
            return previous, train_generation(store, number - 1, previous, {}, ensemble)
        results = train_generation(store, number, current, draws, ensemble)
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


def _draws(
    store: MemberStore,
    plan: Plan,
    number: int,
    previous: Sequence[MemberSpec],
    current: Sequence[MemberSpec],
    combine_verbalizers: str,
) -> Draws:
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
        scores = (ensemble(chunk) for chunk in pool_scores(store.folder, labellers))
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
