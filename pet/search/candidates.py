"""Candidate patterns for a task: its own, those of rules, and those that a seq2seq LM writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pet.config import TemplateSearchConfig
from pet.data import Example
from pet.errors import UsageError
from pet.search.spans import SpanWriter, spread, written_templates
from pet.search.templates import rule_templates
from pet.task import PVP, Task


def candidates(
    task: Task,
    examples: Sequence[Example],
    config: TemplateSearchConfig,
    device: str = "auto",
    max_length: int = 256,
) -> tuple[Task, list[str]]:
    """Return a task whose patterns are the candidates, and where each comes from.

    The task's own patterns come first, as they are. The others have the verbalizers that most of
    these have, and a seq2seq LM is shown the first word of each label.

    Parameters
    ----------
    task : Task
        What patterns are for.
    examples : sequence of Example
        Labelled; what a seq2seq LM is shown.
    config : TemplateSearchConfig
        Which candidates.
    device : str
        Of the seq2seq LM.
    max_length : int
        Most tokens of a text that it is shown.

    Raises
    ------
    UsageError
        When the task's own patterns ask about each label, so that no label words are known.
    """
    own = [pvp.verbalizers for pvp in task.pvps if not pvp.pattern.asks_each_label]
    if not own:
        raise UsageError(
            f"All patterns of task {task.name!r} ask about {{label}}: there are no label words for "
            "other patterns.",
            "Give the task one pattern with label words.",
        )
    usual = max(own, key=own.count)
    known = {pvp.pattern.template for pvp in task.pvps}
    pvps, origins = list(task.pvps), ["task"] * len(task.pvps)
    others = rule_templates(task, config.families)
    if config.seq2seq is not None:
        writer = SpanWriter.load(config.seq2seq, device)
        words = {label: next(iter(usual[0].words[label])) for label in task.labels}
        shown = spread(examples, config.span_examples)
        written = written_templates(
            writer, task, shown, words, config.beams, config.span_tokens, max_length
        )
        others |= dict.fromkeys(written, "seq2seq")
    for template, origin in others.items():
        if template not in known:
            pvps.append(PVP(template, *usual))
            origins.append(origin)
    return replace(task, pvps=pvps), origins
