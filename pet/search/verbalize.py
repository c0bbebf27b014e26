"""Verbalize: find label words for a task by one of the three searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from pet.backbone import LanguageModel
from pet.config import WordSearchConfig
from pet.data import Example
from pet.errors import UsageError
from pet.search.kpt import kpt
from pet.search.lm_bff import lm_bff
from pet.search.petal import petal
from pet.search.readings import FoundWords, Readings
from pet.task import PVP, Task, Verbalizer


@torch.inference_mode()
def find_words(
    backbone: LanguageModel,
    task: Task,
    examples: Sequence[Example],
    config: WordSearchConfig,
    sample: Sequence[Mapping[str, str]] = (),
    patterns: Sequence[int] | None = None,
    max_length: int = 256,
) -> dict[int | None, FoundWords]:
    """Find label words for all patterns together, or for each.

    Parameters
    ----------
    backbone : LanguageModel
        Model that judges the words.
    task : Task
        Its patterns and labels are used; its label words only by ``kpt``, which refines them.
    examples : sequence of Example
        Labelled; at least one of every label.
    config : WordSearchConfig
        The search and its settings.
    sample : sequence of mapping
        Unlabelled texts.
    patterns : sequence of int, optional
        Indices of the patterns; all of them by default. Those that name a label are answered
        with yes or no, and are skipped.
    max_length : int
        Most tokens of an input.

    Returns
    -------
    dict
        The words of each pattern by its index; under None those of all patterns together.

    Raises
    ------
    UsageError
        When all chosen patterns ask about ``{label}``.
    DataError
        When a label has no example.
    VerbalizerError
        When there are too few words for the labels.
    """
    chosen = [
        (index, pvp) for index, pvp in task.select(patterns) if not pvp.pattern.asks_each_label
    ]
    if not chosen:
        raise UsageError(
            f"The chosen patterns of task {task.name!r} ask about {{label}}: they are answered "
            "with yes or no, and have no label words to find.",
            "Choose others with `--patterns`.",
        )
    pvps = [pvp for _, pvp in chosen]
    given = all_words(task, pvps) if config.search == "kpt" else None
    words = None if given is None else [word for words in given.words.values() for word in words]
    readings = Readings.read(backbone, pvps, task.labels, examples, sample, max_length, words)

    def search(readings: Readings) -> FoundWords:
        if given is not None:
            return kpt(readings, config, given)
        readings = readings.frequent(config.frequent)
        return petal(readings, config) if config.search == "petal" else lm_bff(readings, config)

    if config.joint:
        return {None: search(readings)}
    return {index: search(readings.only(row)) for row, (index, _) in enumerate(chosen)}


def all_words(task: Task, pvps: Sequence[PVP]) -> Verbalizer:
    """Join the verbalizers of some patterns: every word once, with its first weight."""
    joined: dict[str, dict[str, float]] = {label: {} for label in task.labels}
    for pvp in pvps:
        for verbalizer in pvp.verbalizers:
            for label, words in verbalizer.words.items():
                joined[label] |= {w: a for w, a in words.items() if w not in joined[label]}
    return Verbalizer(joined)


def with_words(task: Task, found: Mapping[int | None, FoundWords]) -> Task:
    """Return the task with these words in the patterns that they were found for."""
    pvps = []
    for index, pvp in enumerate(task.pvps):
        words = None if pvp.pattern.asks_each_label else found.get(index) or found.get(None)
        pvps.append(pvp if words is None else pvp.with_verbalizers(words.verbalizer))
    return replace(task, pvps=pvps)
