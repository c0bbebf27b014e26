"""Chinese rules: the same families of candidate patterns, in Chinese."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pet.encoding.scripts import has_ideographs
from pet.search.frames import MOST_NAMED, between, literal, placeholders
from pet.task import Task


def _body(task: Task) -> str:
    return "，".join(placeholders(task))


def _null(task: Task) -> list[str]:
    body = _body(task)
    return [f"{body}{{mask}}", f"{{mask}}{body}", *between(task, "{a}{mask}{b}", "，")]


def _punctuation(task: Task) -> list[str]:
    body = _body(task)
    return [
        f"{body}（{{mask}}）",
        f"（{{mask}}）{body}",
        f"【{{mask}}】{body}",
        f"{{mask}}：{body}",
        f"{body}——{{mask}}。",
        f"{body}……{{mask}}！",
        *between(task, "{a}？{mask}，{b}", "，"),
        *between(task, "{a}？{sep}{mask}，{b}", "，"),
        *between(task, "{a}（{mask}）{b}", "，"),
        *between(task, "{a}。{mask}。{b}", "，"),
    ]


def _prompt(task: Task) -> list[str]:
    body = _body(task)
    return [
        f"{body}这是{{mask}}。",
        f"{body}真是{{mask}}。",
        f"{body}总之，很{{mask}}。",
        f"{body}总的来说，{{mask}}。",
        f"{body}用一个词来说：{{mask}}。",
        f"{body}说的是{{mask}}。",
        f"{body}类别：{{mask}}。",
        f"类别：{{mask}}。{body}",
        f"{{mask}}！{body}",
        f"下面的内容与{{mask}}有关：{body}",
        *between(task, "“{a}”和“{b}”，两者{mask}。", "，"),
    ]


def _question_answer(task: Task) -> list[str]:
    body = _body(task)
    questions = ["这是什么？", "怎么样？", "说的是什么？"]
    if len(task.labels) <= MOST_NAMED:
        *first, last = [_name(task, label) for label in task.labels]
        questions.append(f"是{'、'.join(first)}还是{last}？")
    asked = [f"问：{question}答：{{mask}}。" for question in questions]
    return [template for one in asked for template in (one + body, body + one)] + between(
        task, "{a}{sep}问：{b}？答：{mask}。", "，"
    )


def _name(task: Task, label: str) -> str:
    """Return a label's name, or, if that is not Chinese, its first label word."""
    words = (pvp.verbalizers[0].words for pvp in task.pvps if not pvp.pattern.asks_each_label)
    first = next((next(iter(own[label])) for own in words), label)
    return literal(label if has_ideographs([label]) else first)


CHINESE: Mapping[str, Callable[[Task], list[str]]] = {
    "null": _null,
    "punctuation": _punctuation,
    "prompt": _prompt,
    "question-answer": _question_answer,
}
