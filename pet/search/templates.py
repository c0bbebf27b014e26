"""Candidate patterns: families of rules, filled in with a task's fields and label names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pet.errors import UsageError, did_you_mean
from pet.task import Task
from pet.task.parts import Field

# Longer lists of label names make a question that leaves no room for the text.
_MOST_NAMED = 8


def rule_templates(task: Task, families: Sequence[str]) -> dict[str, str]:
    """Return templates, each with the name of its family.

    The families are those of "True Few-Shot Learning with Prompts" (Schick and Schuetze, TACL
    2022): ``null`` puts the mask beside the text, ``punctuation`` adds only punctuation, ``prompt``
    adds words about the text, and ``question-answer`` asks for the label.

    Parameters
    ----------
    task : Task
        Its fields, with the options they have in its patterns, and its label names are used.
    families : sequence of str
        Names in `FAMILIES`.

    Raises
    ------
    UsageError
        When a family is unknown.
    """
    origins: dict[str, str] = {}
    for name in families:
        if name not in FAMILIES:
            raise UsageError(f"Unknown family {name!r}.", did_you_mean(name, FAMILIES))
        for template in FAMILIES[name](task):
            origins.setdefault(template, name)
    return origins


def placeholders(task: Task) -> list[str]:
    """Return the fields as a template has them, such as ``{passage}`` or ``{question:keep}``."""
    options: dict[str, str] = {}
    for pvp in task.pvps:
        for piece in pvp.pattern.parts:
            if isinstance(piece, Field):
                cut = "" if piece.cut == "tail" else f":{piece.cut}"
                options.setdefault(piece.name, ":keep" if piece.keep else cut)
    return [f"{{{name}{options.get(name, '')}}}" for name in task.fields]


def literal(text: str) -> str:
    """Escape braces, so that a template holds the text literally."""
    return text.replace("{", "{{").replace("}", "}}")


def _null(task: Task) -> list[str]:
    body = " ".join(placeholders(task))
    return [f"{body} {{mask}}", f"{{mask}} {body}", *_between(task, "{a} {mask} {b}")]


def _punctuation(task: Task) -> list[str]:
    body = " ".join(placeholders(task))
    return [
        f"{body} ( {{mask}} )",
        f"( {{mask}} ) {body}",
        f"[ {{mask}} ] {body}",
        f"{{mask}}: {body}",
        f"{body} - {{mask}}.",
        f"{body} ... {{mask}}!",
        *_between(task, "{a}? {mask}, {b}"),
        *_between(task, "{a}?{sep}{mask}, {b}"),
        *_between(task, "{a} ( {mask} ) {b}"),
        *_between(task, "{a}. {mask}. {b}"),
    ]


def _prompt(task: Task) -> list[str]:
    body = " ".join(placeholders(task))
    named = [
        f"{_words(name)} is {{mask}}. {body}" for name in (f"The {field}" for field in task.fields)
    ]
    return [
        f"{body} It was {{mask}}.",
        f"{body} This is {{mask}}.",
        f"{body} It is about {{mask}}.",
        f"{body} All in all, it was {{mask}}.",
        f"{body} In one word: {{mask}}.",
        f"{body} Category: {{mask}}.",
        f"Category: {{mask}}. {body}",
        f"Just {{mask}}! {body}",
        *named,
        *_between(task, "{a} This is {mask}: {b}"),
    ]


def _question_answer(task: Task) -> list[str]:
    body = " ".join(placeholders(task))
    questions = ["what is it?", "how was it?", "what is it about?"]
    if len(task.labels) <= _MOST_NAMED:
        *first, last = [_words(label) for label in task.labels]
        questions.append(f"is it {', '.join(first)} or {last}?")
    return [
        template
        for question in questions
        for template in (
            f"Question: {question} Answer: {{mask}}. {body}",
            f"{body} Question: {question} Answer: {{mask}}.",
        )
    ] + _between(task, "{a}{sep}Question: {b}? Answer: {mask}.")


def _between(task: Task, frame: str) -> list[str]:
    """Put the first field at ``{a}``, the others at ``{b}``; return [] if there is one field."""
    first, *others = placeholders(task)
    if not others:
        return []
    return [frame.replace("{a}", first).replace("{b}", " ".join(others))]


def _words(name: str) -> str:
    return literal(name.replace("_", " ").strip())


FAMILIES: dict[str, Callable[[Task], list[str]]] = {
    "null": _null,
    "punctuation": _punctuation,
    "prompt": _prompt,
    "question-answer": _question_answer,
}
