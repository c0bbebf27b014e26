"""English rules: families of candidate patterns in English."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pet.search.frames import MOST_NAMED, between, placeholders, words_of
from pet.task import Task


def _null(task: Task) -> list[str]:
    body = " ".join(placeholders(task))
    return [f"{body} {{mask}}", f"{{mask}} {body}", *between(task, "{a} {mask} {b}")]


def _punctuation(task: Task) -> list[str]:
    body = " ".join(placeholders(task))
    return [
        f"{body} ( {{mask}} )",
        f"( {{mask}} ) {body}",
        f"[ {{mask}} ] {body}",
        f"{{mask}}: {body}",
        f"{body} - {{mask}}.",
        f"{body} ... {{mask}}!",
        *between(task, "{a}? {mask}, {b}"),
        *between(task, "{a}?{sep}{mask}, {b}"),
        *between(task, "{a} ( {mask} ) {b}"),
        *between(task, "{a}. {mask}. {b}"),
    ]


def _prompt(task: Task) -> list[str]:
    body = " ".join(placeholders(task))
    named = [f"The {words_of(field)} is {{mask}}. {body}" for field in task.fields]
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
        *between(task, "{a} This is {mask}: {b}"),
    ]


def _question_answer(task: Task) -> list[str]:
    body = " ".join(placeholders(task))
    questions = ["what is it?", "how was it?", "what is it about?"]
    if len(task.labels) <= MOST_NAMED:
        *first, last = [words_of(label) for label in task.labels]
        questions.append(f"is it {', '.join(first)} or {last}?")
    return [
        template
        for question in questions
        for template in (
            f"Question: {question} Answer: {{mask}}. {body}",
            f"{body} Question: {question} Answer: {{mask}}.",
        )
    ] + between(task, "{a}{sep}Question: {b}? Answer: {mask}.")


ENGLISH: Mapping[str, Callable[[Task], list[str]]] = {
    "null": _null,
    "punctuation": _punctuation,
    "prompt": _prompt,
    "question-answer": _question_answer,
}
