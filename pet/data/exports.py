"""Exports of labelling tools: Label Studio, Prodigy, doccano and Argilla, as plain rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pet.data.formats.base import Hints
from pet.data.formats.headers import column_called
from pet.data.label_cells import literal
from pet.errors import DataError, quoted
from pet.task.label_names import is_missing

_RESPONSES = ".responses"
_ANSWERS = ("annotations", "completions", "predictions")  # of Label Studio
_TASK_KEYS = {"id", "data", "meta", "created_at", "updated_at", "inner_id", "project"}


@dataclass(frozen=True)
class Disagreement:
    """Different labels that several people gave to one text."""

    labels: tuple[Any, ...]

    def __str__(self) -> str:
        """Return the labels for a message."""
        told = (", ".join(map(str, one)) if isinstance(one, list) else one for one in self.labels)
        return " and ".join(map(quoted, told))

    def error(self, where: str) -> DataError:
        """Return the error that tells the labels, in the row at the place ``where``."""
        return DataError(
            f"{where}: people gave this text different labels: {self}.",
            "Keep one of them, or remove the row.",
            kind=("disagreement",),
        )


class Unanswered(dict[str, Any]):
    """A row of an export that nobody has labelled: skipped, or not looked at yet."""


def plain_row(row: Mapping[str, Any], hints: Hints) -> Mapping[str, Any]:
    """Return an exported row with its texts and its label in columns; other rows as they are."""
    made = _in_columns(row, hints)
    has_answer = made is row or made.get(hints.label, "") is not None
    return made if has_answer else Unanswered(made)


def _in_columns(row: Mapping[str, Any], hints: Hints) -> Mapping[str, Any]:
    if _is_label_studio(row, hints):
        return _label_studio(row, hints)
    if _is_argilla(row, hints):
        return _argilla(row, hints)
    more: dict[str, Any] = {}
    label = column_called(hints.label, row)
    if label is None:
        more = _label_elsewhere(row, hints)
    elif _is_responses(row[label]):
        more = {label: _agreed(_submitted(row[label]))}
    if isinstance(row.get("data"), str) and len(hints.texts) == 1:  # doccano before 1.5
        (names,) = hints.texts
        if all(column_called(name, row) is None for name in names):
            more[names[0]] = row["data"]
    return {**row, **more} if more else row


def is_set_aside(row: Mapping[str, Any], hints: Hints) -> bool:
    """Tell whether a person rejected or ignored the label of a row, as Prodigy writes it."""
    columns = {hints.label, *(name for names in hints.texts for name in names)}
    return row.get("answer") in ("reject", "ignore") and "answer" not in columns


def without_label(row: Mapping[str, Any], hints: Hints) -> Mapping[str, Any]:
    """Return a row without its label."""
    label = column_called(hints.label, row)
    return {name: value for name, value in row.items() if name != label}


def _label_elsewhere(row: Mapping[str, Any], hints: Hints) -> dict[str, Any]:
    """Return the label of a row without the label's column; nothing if it has none."""
    if isinstance(row.get("accept"), list):  # Prodigy's choices
        return {hints.label: _chosen(row["accept"], row.get("options"))}
    if hints.label == "label" and isinstance(row.get("labels"), list | str):
        return {hints.label: row["labels"]}
    annotations = row.get("annotations")
    if isinstance(annotations, list) and all(_has(one, "label") for one in annotations):
        return {hints.label: [one["label"] for one in annotations]}  # numbers of doccano
    questions = [column for column in row if column.endswith(_RESPONSES)]
    named = hints.label + _RESPONSES
    if named in questions or len(questions) == 1:  # Argilla, flattened
        question = named if named in questions else questions[0]
        status, values = _listed(row.get(question + ".status")), _listed(row[question])
        if len(status) == len(values):
            pairs = zip(values, status, strict=True)
            values = [value for value, state in pairs if state == "submitted"]
        return {hints.label: _agreed(values)}
    return {}


def _listed(cell: Any) -> list[Any]:
    """Return a cell as a list: a table has it as text."""
    made = literal(cell) if isinstance(cell, str) else cell
    if isinstance(made, list):
        return made
    return [] if is_missing(cell) or cell == "" else [cell]


def _chosen(accepted: list[Any], options: Any) -> list[Any]:
    """Return the names of accepted options: their ids, or their texts where ids are numbers."""
    known = [one for one in _items(options) if _has(one, "id") and _has(one, "text")]
    texts = {one["id"]: one["text"] for one in known if isinstance(one["id"], int)}
    return [texts.get(one, one) if isinstance(one, int) else one for one in accepted]


def _is_label_studio(row: Mapping[str, Any], hints: Hints) -> bool:
    """Tell whether a row is a task of Label Studio, and not one with a column called so."""
    if not isinstance(row.get("data"), Mapping) or _has_text(row, hints):
        return False
    return any(name in row for name in _ANSWERS) or row.keys() <= _TASK_KEYS


def _is_argilla(row: Mapping[str, Any], hints: Hints) -> bool:
    """Tell whether a row is a record of Argilla, and not one with columns called so."""
    given = isinstance(row.get("responses"), Mapping | list)
    return given and isinstance(row.get("fields"), Mapping) and not _has_text(row, hints)


def _has_text(row: Mapping[str, Any], hints: Hints) -> bool:
    """Tell whether a text is in a column of its own."""
    names = (name for names in hints.texts for name in names)
    return any(column_called(name, row) not in (None, "data", "fields") for name in names)


def _label_studio(row: Mapping[str, Any], hints: Hints) -> Mapping[str, Any]:
    answers: dict[str, list[Any]] = {}
    for annotation in _items(row.get("annotations")) or _items(row.get("completions")):
        if not isinstance(annotation, Mapping) or annotation.get("was_cancelled"):
            continue
        given: dict[str, Any] = {}
        for result in _mappings(annotation.get("result")):
            value: Any = result.get("value")
            name = result.get("from_name")
            name = name if isinstance(name, str) else hints.label
            if _has(value, "choices"):
                given[name] = _items(given.get(name)) + _choices(value["choices"])
            elif _has(value, "rating"):
                given[name] = value["rating"]
        for name, label in given.items():
            answers.setdefault(name, []).append(label)
    others = {name: value for name, value in row.items() if name not in ("data", *_ANSWERS)}
    return _with_answers({**others, **row["data"]}, answers, hints)


def _argilla(row: Mapping[str, Any], hints: Hints) -> Mapping[str, Any]:
    answers: dict[str, list[Any]] = {}
    responses = row["responses"]
    if isinstance(responses, Mapping):  # by question
        for name, given in responses.items():
            answers[name] = _submitted(_items(given))
    for response in _mappings(responses):  # by person
        values = response.get("values")
        if _is_submitted(response) and isinstance(values, Mapping):
            for name, given in values.items():
                value = given["value"] if _has(given, "value") else given
                answers.setdefault(name, []).append(value)
    others = {name: value for name, value in row.items() if name not in ("fields", "responses")}
    return _with_answers({**others, **row["fields"]}, answers, hints)


def _with_answers(
    row: Mapping[str, Any], answers: Mapping[str, list[Any]], hints: Hints
) -> Mapping[str, Any]:
    """Return a row with what people answered; the label is the answer if there is but one."""
    told = {name: _agreed(labels) for name, labels in answers.items()}
    if len(told) == 1 and hints.label not in told and column_called(hints.label, row) is None:
        (told[hints.label],) = told.values()
    made = {**row, **told}
    return made if told or column_called(hints.label, row) is not None else Unanswered(made)


def _items(value: Any) -> list[Any]:
    """Return a list; an empty one for everything else."""
    return value if isinstance(value, list) else []


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    """Return the mappings in a list."""
    return [one for one in _items(value) if isinstance(one, Mapping)]


def _choices(value: Any) -> list[Any]:
    """Return choices; a text is one."""
    return [value] if isinstance(value, str) else _items(value)


def _is_responses(value: Any) -> bool:
    """Tell whether a cell is a list of answers with the people who gave them."""
    return isinstance(value, list) and bool(value) and all(_has(one, "value") for one in value)


def _submitted(responses: Iterable[Any]) -> list[Any]:
    return [one["value"] for one in responses if _has(one, "value") and _is_submitted(one)]


def _is_submitted(response: Any) -> bool:
    return not isinstance(response, Mapping) or response.get("status") in (None, "submitted")


def _agreed(labels: list[Any]) -> Any:
    """Return the label on which all agree, None if nobody gave one."""
    different: list[Any] = []
    for label in labels:
        same = sorted(label, key=str) if isinstance(label, list) else label
        if same not in different:
            different.append(same)
    if len(different) > 1:
        return Disagreement(tuple(different))
    return labels[0] if labels else None


def _has(value: Any, key: str) -> bool:
    return isinstance(value, Mapping) and key in value
