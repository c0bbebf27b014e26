"""Find label words for a task: the searches of `pet verbalize`."""

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
        With the weights that words are judged by.
    task : Task
        Its patterns and labels; its label words are what ``kpt`` refines, and else ignored.
    examples : sequence of Example
        Labelled; at least one of every label.
    config : WordSearchConfig
        Which search, and how far it goes.
    sample : sequence of mapping
        Unlabelled texts.
    patterns : sequence of int, optional
        Numbers of the patterns; all of them by default. Those that name a label are answered
        with yes or no, and passed over.
    max_length : int
        Most tokens of an input.

    Returns
    -------
    dict
        What was found, by pattern number; under None for all patterns together.
    """
    chosen = [own for own in task.select(patterns) if not own[1].pattern.asks_each_label]
    if not chosen:
        raise UsageError(
            f"The chosen patterns of task {task.name!r} ask about {{label}}: they are answered "
            "with yes or no, and have no label words to find.",
            "Choose others with `--patterns`.",
        )
    pvps = [pvp for _, pvp in chosen]
    given = all_words(task, pvps) if config.search == "kpt" else None
    words = None if given is None else [word for own in given.words.values() for word in own]
    readings = Readings.take(backbone, pvps, task.labels, examples, sample, max_length, words)

    def search(part: Readings) -> FoundWords:
        if given is not None:
            return kpt(part, config, given)
        part = part.frequent(config.frequent)
        return petal(part, config) if config.search == "petal" else lm_bff(part, config)

    if config.joint:
        return {None: search(readings)}
    return {number: search(readings.only(row)) for row, (number, _) in enumerate(chosen)}


def all_words(task: Task, pvps: Sequence[PVP]) -> Verbalizer:
    """Join the verbalizers of some patterns: every word once, with its first weight."""
    joined: dict[str, dict[str, float]] = {label: {} for label in task.labels}
    for pvp in pvps:
        for verbalizer in pvp.verbalizers:
            for label, words in verbalizer.words.items():
                joined[label] |= {w: a for w, a in words.items() if w not in joined[label]}
    return Verbalizer(joined)


def with_words(task: Task, found: Mapping[int | None, FoundWords]) -> Task:
    """Return the task with the words that were found, for the patterns they were found for."""
    pvps = []
    for number, pvp in enumerate(task.pvps):
        own = None if pvp.pattern.asks_each_label else found.get(number) or found.get(None)
        pvps.append(pvp if own is None else pvp.with_verbalizers(own.verbalizer))
    return replace(task, pvps=pvps)
