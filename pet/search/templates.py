"""Candidate patterns: families of rules, filled in with a task's fields and label names."""

from __future__ import annotations

from collections.abc import Sequence

from pet.encoding.scripts import has_ideographs, has_kana
from pet.errors import UsageError, did_you_mean
from pet.search.chinese_rules import CHINESE
from pet.search.english_rules import ENGLISH
from pet.task import Task
from pet.task.parts import Words

FAMILIES = tuple(ENGLISH)


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
        Names in `FAMILIES`; a task in Chinese gets Chinese rules.

    Raises
    ------
    UsageError
        When a family is unknown.
    """
    rules = CHINESE if is_chinese(task) else ENGLISH
    origins: dict[str, str] = {}
    for name in families:
        if name not in FAMILIES:
            raise UsageError(f"Unknown family {name!r}.", did_you_mean(name, FAMILIES))
        for template in rules[name](task):
            origins.setdefault(template, name)
    return origins


def is_chinese(task: Task) -> bool:
    """Tell whether a task is asked in Chinese: its patterns' own words or its labels are."""
    words = [
        part.text for pvp in task.pvps for part in pvp.pattern.parts if isinstance(part, Words)
    ]
    texts = [*words, *task.labels]
    return has_ideographs(texts) and not has_kana(texts)
