"""Tasks: labels, text fields and PVPs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pet.errors import TaskError, UsageError, did_you_mean, quoted
from pet.registry import Names
from pet.task.fitting import TASK_KINDS, check_kind, check_texts
from pet.task.pattern import RESERVED
from pet.task.pvp import PVP
from pet.task.verbalizer import Verbalizer

METRIC_NAMES = Names(("accuracy", "micro_f1", "macro_f1", "ece", "mean_absolute_error"), "metrics")


@dataclass(frozen=True)
class Task:
    """A classification task: its labels, text fields, patterns and label words.

    Parameters
    ----------
    name : str
        Short name for tables.
    labels : sequence of str
        The classes; their order is the column order of every score array. Texts without outer
        blanks that differ in more than case and Unicode composition.
    fields : sequence of str
        The text fields of an example.
    pvps : sequence of PVP
        Patterns and their verbalizers. Patterns with ``{label}`` ask about every label.
    description : str
        One line for people.
    columns : mapping
        Field to the column that is read when a file has no column of the field's name.
    label_column : str
        Column of the label.
    metrics : sequence of str
        Figures that `pet evaluate` shows first: names in `pet.evaluation.metrics.METRICS`, such as
        "accuracy" and "macro_f1", or "f1:<label>".
    kind : {"single", "ordinal", "multi-label"}
        "single": every text has one label. "ordinal": the same with ordered labels, so that being
        off by one is better than by two. "multi-label": a text has any number of labels, also none;
        all patterns have a ``{label}`` and ask about each.
    label_separator : str
        Separator of the labels of a multi-label text in one cell of a table.

    Raises
    ------
    TaskError
        When something does not fit the rest, such as an unknown field of a pattern or an unknown
        label of a verbalizer.

    Examples
    --------
    >>> from pet import PVP, Task, Verbalizer
    >>> words = Verbalizer({"positive": ["great"], "negative": ["terrible"]})
    >>> pvps = [PVP("{text} It was {mask}.", words), PVP("Just {mask}! {text}", words)]
    >>> task = Task("films", labels=["negative", "positive"], fields=["text"], pvps=pvps)
    >>> [(number, pvp.pattern.template) for number, pvp in task.select([1])]
    [(1, 'Just {mask}! {text}')]
    >>> Task.from_dict(task.to_dict()) == task
    True
    """

    name: str
    labels: Sequence[str]
    fields: Sequence[str]
    pvps: Sequence[PVP]
    description: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    label_column: str = "label"
    metrics: Sequence[str] = ("accuracy",)
    kind: str = "single"
    label_separator: str = ";"

    def __post_init__(self) -> None:
        def refuse(problem: str, hint: str | None = None) -> TaskError:
            return TaskError(f"Task {quoted(self.name)}: {problem}", hint)

        for name in ("labels", "fields", "pvps", "metrics"):
            value = getattr(self, name)
            if isinstance(value, str) or not isinstance(value, Sequence):
                raise refuse(f"{name} must be a list, found {quoted(value)}.")
            object.__setattr__(self, name, tuple(value))
        check_texts(self)
        known_metrics = [*METRIC_NAMES.all(), *(f"f1:{label}" for label in self.labels)]
        for metric in self.metrics:
            if metric not in known_metrics:
                raise refuse(
                    f"the metric {quoted(metric)} is unknown.",
                    did_you_mean(str(metric), known_metrics),
                )
        if not self.fields or not self.pvps:
            raise refuse("expected at least one field and one PVP.")
        if self.kind not in TASK_KINDS.all():
            raise refuse(
                f"kind={quoted(self.kind)} is unknown.",
                did_you_mean(str(self.kind), TASK_KINDS.all()),
            )
        check_kind(self)
        for name in self.fields:
            if name in RESERVED:
                raise refuse(
                    f"a field cannot be called {name!r}: {{{name}}} means something in patterns.",
                    "Give the field another name, and its column in columns.",
                )
        for number, pvp in enumerate(self.pvps):
            for name in pvp.pattern.fields:
                if name not in self.fields:
                    raise refuse(
                        f"pattern {number} ({quoted(pvp.pattern.template)}) asks for the unknown "
                        f"field {quoted(name)}.",
                        did_you_mean(name, self.fields),
                    )
            known = pvp.answers(self.labels)
            for verbalizer in pvp.verbalizers:
                missing = [label for label in known if label not in verbalizer.words]
                extra = [label for label in verbalizer.labels if label not in known]
                if missing or extra:
                    raise refuse(
                        f"a verbalizer of pattern {number} lacks words for {quoted(missing)} and "
                        f"has words for unknown labels {quoted(extra)}.",
                        "A pattern with {label} is answered by words for 'yes' and 'no'."
                        if pvp.pattern.asks_each_label
                        else did_you_mean((extra or missing)[0], known),
                    )
        for name in self.columns:
            if name not in self.fields:
                raise refuse(f"columns names the unknown field {quoted(name)}.")

    def select(self, patterns: Sequence[int] | None) -> tuple[tuple[int, PVP], ...]:
        """Return ``(number, PVP)`` of the chosen patterns; all of them for None.

        Raises
        ------
        UsageError
            When the task has no pattern of this number.
        """
        numbers = range(len(self.pvps)) if patterns is None else patterns
        for number in numbers:
            if not 0 <= number < len(self.pvps):
                raise UsageError(
                    f"Task {self.name!r} has patterns 0 to {len(self.pvps) - 1}, not {number}.",
                    f"See them with: pet tasks {self.name}",
                )
        return tuple((number, self.pvps[number]) for number in numbers)

    def with_verbalizers(self, *verbalizers: Verbalizer) -> Task:
        """Return the task with other verbalizers, the same for all patterns.

        Patterns that name a label are answered with yes or no, and are not changed.
        """
        pvps = [
            pvp if pvp.pattern.asks_each_label else pvp.with_verbalizers(*verbalizers)
            for pvp in self.pvps
        ]
        return replace(self, pvps=pvps)

    def to_dict(self) -> dict[str, Any]:
        """Return the task as JSON values; `from_dict` reads them."""
        return {
            "name": self.name,
            "labels": list(self.labels),
            "fields": list(self.fields),
            "pvps": [
                {
                    "pattern": pvp.pattern.template,
                    "verbalizers": [
                        {
                            "words": {label: dict(words) for label, words in v.words.items()},
                            "combine": v.combine,
                            "decoding": v.decoding,
                        }
                        for v in pvp.verbalizers
                    ],
                    **({"soft": pvp.soft} if pvp.soft else {}),
                }
                for pvp in self.pvps
            ],
            "description": self.description,
            "columns": dict(self.columns),
            "label_column": self.label_column,
            "metrics": list(self.metrics),
            "kind": self.kind,
            "label_separator": self.label_separator,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Task:
        """Rebuild a task from the values of `to_dict`, or from their short form.

        In the short form ``patterns`` is a list of templates, which all have the same ``words``:
        label to words, with ``combine`` and ``decoding`` if wanted. What has a default may be left
        out.

        Raises
        ------
        TaskError
            When something is missing or of another kind, as in a damaged file.

        Examples
        --------
        >>> from pet import Task
        >>> words = {"billing": ["money"], "technical": ["computers"]}
        >>> names = {"name": "tickets", "labels": list(words), "fields": ["text"]}
        >>> task = Task.from_dict({**names, "patterns": ["{text} ({mask})"], "words": words})
        >>> task.pvps[0].pattern
        Pattern(template='{text} ({mask})')
        """
        try:
            known = [*cls.__dataclass_fields__, *_SHORT]
            if unknown := [name for name in plain if name not in known]:
                raise TaskError(
                    f"A task has no {quoted(unknown[0])}.", did_you_mean(str(unknown[0]), known)
                )
            whole = _with_pvps(plain)
            pvps = [
                PVP(
                    entry["pattern"],
                    *(Verbalizer(**v) for v in entry["verbalizers"]),
                    soft=entry.get("soft"),
                )
                for entry in whole["pvps"]
            ]
            return cls(**{**whole, "pvps": pvps})
        except (TypeError, KeyError, AttributeError) as error:
            raise TaskError(f"These are not the values of a task: {quoted(plain)}.") from error


_SHORT = ("patterns", "words", "combine", "decoding")


def _with_pvps(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task's values with its patterns and words as PVPs."""
    whole = {name: value for name, value in plain.items() if name not in _SHORT}
    if "pvps" in whole:
        return whole
    if not {"patterns", "words"} <= set(plain):
        raise TaskError(
            "A task has patterns and words; found only " + ", ".join(map(str, plain)) + ".",
            'Write patterns = ["{text} It was {mask}."], and words for each label.',
        )
    words = {name: plain[name] for name in _SHORT[1:] if name in plain}
    whole["pvps"] = [
        {"pattern": template, "verbalizers": [words]} for template in plain.get("patterns", ())
    ]
    return whole
