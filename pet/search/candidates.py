"""Candidate patterns: the task's, those of rules, and those that a seq2seq LM writes."""

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
    """Return a task whose patterns are the candidates, and the origin of each.

    The task's patterns come first, unchanged. The others get the verbalizers that most of these
    have. A seq2seq LM is shown the first word of each label.

    Parameters
    ----------
    task : Task
        The task that needs patterns.
    examples : sequence of Example
        Labelled examples; a seq2seq LM is shown some of them.
    config : TemplateSearchConfig
        The families of rules, and the seq2seq LM if there is one.
    device : str
        Device of the seq2seq LM.
    max_length : int
        Most tokens of a text that the seq2seq LM is shown.

    Returns
    -------
    tuple
        The task, and for each of its patterns "task", a family's name or "seq2seq".

    Raises
    ------
    UsageError
        When all patterns of the task ask about each label, so that no label words are known.
    """
    verbalizers = [pvp.verbalizers for pvp in task.pvps if not pvp.pattern.asks_each_label]
    if not verbalizers:
        raise UsageError(
            f"All patterns of task {task.name!r} ask about {{label}}: there are no label words for "
            "other patterns.",
            "Give the task one pattern with label words.",
        )
    usual = max(verbalizers, key=verbalizers.count)
    known = {pvp.pattern.template for pvp in task.pvps}
    pvps, origins = list(task.pvps), ["task"] * len(task.pvps)
    templates = rule_templates(task, config.families)
    if config.seq2seq is not None:
        writer = SpanWriter.load(config.seq2seq, device)
        words = {label: next(iter(usual[0].words[label])) for label in task.labels}
        shown = spread(examples, config.span_examples)
        written = written_templates(
            writer, task, shown, words, config.beams, config.span_tokens, max_length
        )
        templates |= dict.fromkeys(written, "seq2seq")
    for template, origin in templates.items():
        if template not in known:
            pvps.append(PVP(template, *usual))
            origins.append(origin)
    return replace(task, pvps=pvps), origins
