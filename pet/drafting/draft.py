"""A draft: a task made of label names alone, with generic patterns; examples refine it later."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pet.drafting.conventions import convention_of
from pet.drafting.label_words import is_number, words_of_names
from pet.encoding.scripts import has_ideographs
from pet.errors import TaskError
from pet.search.templates import FAMILIES, rule_templates
from pet.task import PVP, Task, Verbalizer
from pet.task.label_names import fault_of

# With {a} for the text, or {a} and {b} for two. They name no subject, so that they suit many.
_GENERIC = (
    "{a} It was {mask}.",
    "Category: {mask}. {a}",
    "{a} This is about {mask}.",
    "( {mask} ) {a}",
)
_GENERIC_PAIR = (
    "{a}? {mask}, {b}",
    "{a} ( {mask} ) {b}",
    "{a}{sep}Question: {b}? Answer: {mask}.",
    "{mask}: {a}{sep}{b}",
)
_EACH_LABEL = (
    "{a} Is this about {label}? {mask}.",
    "Question: is it {label}? Answer: {mask}. {a}",
    "{label}? {mask}. {a}",
)
_YES_NO = {"yes": ("yes", "true"), "no": ("no", "false")}
_NAME = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class _Asked:
    """Patterns with words, and how they were decided; as in `Draft`."""

    pvps: list[PVP]
    told: str
    names_speak: bool = True
    is_convention: bool = False


@dataclass(frozen=True)
class Draft:
    """A drafted task, and what was decided in drafting it, in sentences for people.

    Parameters
    ----------
    task : Task
        The task.
    decisions : tuple of str
        One sentence a decision.
    names_speak : bool
        Whether label names were used as label words; numbers say nothing, and their words are
        place holders until examples refine them.
    is_convention : bool
        Whether the names are usual ones, such as positive and negative, whose words are known.
    is_refined : bool
        Whether examples have chosen words and patterns.
    """

    task: Task
    decisions: tuple[str, ...] = ()
    names_speak: bool = True
    is_convention: bool = False
    is_refined: bool = False


def draft_task(
    labels: Sequence[str],
    columns: Mapping[str, str] | None = None,
    label_column: str = "label",
    name: str = "drafted",
    several: bool = False,
) -> Draft:
    """Draft a task from label names.

    Label names become the first label words. Names that many data sets share, such as positive and
    negative, get words and patterns that are known to fit them.

    Parameters
    ----------
    labels : sequence of str
        The classes.
    columns : mapping, optional
        Field to its column; by default one field, ``text``.
    label_column : str
        Column of the label.
    name : str
        Name of the task; other characters than letters, digits, ``.``, ``_`` and ``-`` are
        replaced.
    several : bool
        Whether a text has any number of labels instead of one.

    Raises
    ------
    TaskError
        When there are fewer than two labels, or some cannot be told apart.

    Examples
    --------
    >>> from pet.drafting import draft_task
    >>> task = draft_task(["billing", "technical"]).task
    >>> task.pvps[1].pattern.template, dict(task.pvps[1].verbalizers[0].words["billing"])
    ('Category: {mask}. {text}', {'billing': 1.0})
    """
    if fault := fault_of(labels):
        problem, hint = fault
        raise TaskError(
            f"The labels cannot be used: {problem}",
            f"{hint or ''} `--label-map OLD=NEW` renames labels of a file.".strip(),
        )
    columns = columns or {"text": "text"}
    name = _NAME.sub("-", name).strip("-") or "drafted"
    asked = _multi_label(labels, columns) if several else _single(labels, columns)
    task = Task(
        name=name,
        labels=labels,
        fields=list(columns),
        pvps=asked.pvps,
        columns={field: column for field, column in columns.items() if field != column},
        label_column=label_column,
        metrics=("accuracy", "macro_f1"),
        kind="multi-label" if several else "single",
    )
    return Draft(task, (asked.told,), asked.names_speak, asked.is_convention)


def _multi_label(labels: Sequence[str], columns: Mapping[str, str]) -> _Asked:
    words = Verbalizer(_YES_NO)
    pvps = [PVP(template, words) for template in filled(_EACH_LABEL, columns)]
    told = "Texts have several labels: every pattern asks about each of them, by its name."
    return _Asked(pvps, told, is_convention=True)


def _single(labels: Sequence[str], columns: Mapping[str, str]) -> _Asked:
    known = convention_of(labels, len(columns))
    if known is not None:
        convention, usual = known
        patterns = convention.patterns if len(columns) == 1 else convention.pair_patterns
        verbalizer = Verbalizer(usual)
        told = "The label names are usual ones: words and patterns that suit them are known."
    else:
        words = words_of_names(labels)
        # The masks of a name of several words are filled in one pass, however long it is.
        verbalizer = Verbalizer(words, decoding="parallel")
        patterns = _GENERIC if len(columns) == 1 else _GENERIC_PAIR
        told = "The label names are the first label words, in generic patterns."
    templates = filled(patterns, columns)
    if has_ideographs(labels):
        shell = shell_task(labels, columns, verbalizer)
        families = [rule_templates(shell, [family]) for family in FAMILIES]
        templates = [next(iter(found)) for found in families]
    speak = known is not None or not all(map(is_number, labels))
    if not speak:
        told = "The labels are numbers, which say nothing: label words must come from examples."
    pvps = [PVP(template, verbalizer) for template in templates]
    return _Asked(pvps, told, speak, known is not None)


def filled(patterns: Sequence[str], columns: Mapping[str, str]) -> list[str]:
    """Return patterns with the first field at ``{a}`` and the others at ``{b}``."""
    first, *others = [f"{{{field}}}" for field in columns]
    body = " ".join(others) if others else ""
    two = any("{b}" in pattern for pattern in patterns)
    a = first if two or not others else f"{first} {body}"
    return [pattern.replace("{a}", a).replace("{b}", body) for pattern in patterns]


def shell_task(labels: Sequence[str], columns: Mapping[str, str], words: Verbalizer) -> Task:
    """Return a task with one pattern, which tells fields and labels to the rules for patterns."""
    body = " ".join(f"{{{field}}}" for field in columns)
    return Task("shell", labels, list(columns), [PVP(f"{body} {{mask}}", words)])
