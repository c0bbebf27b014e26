"""Exports of labelling tools: Label Studio, Prodigy, doccano and Argilla, as plain rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pet.data.formats.base import Hints
from pet.data.formats.headers import column_called

_RESPONSES = ".responses"


@dataclass(frozen=True)
class Disagreement:
    """Different labels that several people gave to one text."""

    labels: tuple[Any, ...]

    def __str__(self) -> str:
        return " / ".join(map(str, self.labels))


def plain_row(row: Mapping[str, Any], hints: Hints) -> Mapping[str, Any]:
    """Return an exported row with its texts and its label in columns; other rows as they are."""
    if isinstance(row.get("data"), Mapping):
        return _label_studio(row, hints)
    if isinstance(row.get("fields"), Mapping) and "responses" in row:
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
        status = row.get(question + ".status")
        values = row[question] if isinstance(row[question], list) else []
        if isinstance(status, list) and len(status) == len(values):
            pairs = zip(values, status, strict=True)
            values = [value for value, state in pairs if state == "submitted"]
        return {hints.label: _agreed(values)}
    return {}


def _chosen(accepted: list[Any], options: Any) -> list[Any]:
    """Return the names of accepted options: their ids, or their texts where ids are numbers."""
    known = options if isinstance(options, list) else []
    texts = {one["id"]: one["text"] for one in known if _has(one, "id") and _has(one, "text")}
    return [texts.get(one, one) if isinstance(one, int) else one for one in accepted]


def _label_studio(row: Mapping[str, Any], hints: Hints) -> Mapping[str, Any]:
    answers: dict[str, list[Any]] = {}
    for annotation in row.get("annotations") or row.get("completions") or []:
        if not isinstance(annotation, Mapping) or annotation.get("was_cancelled"):
            continue
        given: dict[str, Any] = {}
        for result in annotation.get("result") or []:
            value: Any = result.get("value") if isinstance(result, Mapping) else None
            if _has(value, "choices"):
                given.setdefault(result.get("from_name", hints.label), []).extend(value["choices"])
            elif _has(value, "rating"):
                given[result.get("from_name", hints.label)] = value["rating"]
        for name, label in given.items():
            answers.setdefault(name, []).append(label)
    told = {name: _agreed(labels) for name, labels in answers.items()}
    if hints.label not in told and hints.label not in row["data"] and len(told) < 2:
        told[hints.label] = next(iter(told.values()), None)
    return {"id": row.get("id"), **row["data"], **told}


def _argilla(row: Mapping[str, Any], hints: Hints) -> Mapping[str, Any]:
    answers: dict[str, list[Any]] = {}
    responses = row["responses"]
    if isinstance(responses, Mapping):  # by question
        for name, given in responses.items():
            answers[name] = _submitted(given if isinstance(given, list) else [])
    for response in responses if isinstance(responses, list) else []:  # by person
        if _is_submitted(response) and _has(response, "values"):
            for name, given in response["values"].items():
                value = given["value"] if _has(given, "value") else given
                answers.setdefault(name, []).append(value)
    told = {name: _agreed(labels) for name, labels in answers.items()}
    if hints.label not in told and len(told) < 2:
        told[hints.label] = next(iter(told.values()), None)
    others = {name: row[name] for name in ("id", "external_id") if name in row}
    return {**others, **row["fields"], **told}


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
