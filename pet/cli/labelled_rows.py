"""Rows of `pet predict`: the columns of the input, and those that a prediction adds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pet.data.formats import Format
from pet.data.formats.headers import plain
from pet.errors import DataError, for_command_line
from pet.model import Prediction
from pet.task import Task
from pet.task.labels import label_text

_PREFIX = "predicted_"


class LabelledRows:
    """Makes the rows of an output: every column of the input, then those of the prediction.

    A prediction adds ``label``, ``probability``, and ``probabilities`` or one ``p(LABEL)`` for each
    label. Where the input has a column of such a name, the added one gets ``predicted_`` before it.

    Parameters
    ----------
    tasks : sequence of Task
        The tasks of the rows.
    given : iterable of str
        Columns of the input, in order.
    written : Format
        Format of the output.
    with_errors : bool
        Whether ``error`` says what is wrong with a row: a column of tables, and in formats of
        objects a key of such rows alone.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        given: Iterable[str],
        written: Format,
        with_errors: bool = False,
    ) -> None:
        self._given = dict.fromkeys(given)  # quick to look up, however many there are
        self._written = written
        labels = dict.fromkeys(label for task in tasks for label in task.labels)
        shares = ["probabilities"] if written.is_nested else [f"p({label})" for label in labels]
        self._added: dict[str, str] = {}
        taken = {plain(name) for name in self._given}
        for name in ("label", "probability", *shares, *["error"] * with_errors):
            free = name
            while plain(free) in taken:
                free = _PREFIX + free
            self._added[name] = free
            taken.add(plain(free))

    @property
    def columns(self) -> list[str]:
        """Names of all columns, in order."""
        return [*self._given, *self._added.values()]

    def row(
        self,
        given: Mapping[str, Any],
        task: Task | None = None,
        made: Prediction | None = None,
        error: DataError | None = None,
    ) -> dict[str, Any]:
        """Return an output row; without a prediction the added columns are empty.

        Raises
        ------
        DataError
            When a row of a stream has a column for which it is too late: the columns are known
            from the first rows.
        """
        added = dict.fromkeys(self._added.values())
        if error is not None and "error" in self._added:
            added[self._added["error"]] = for_command_line(" ".join(error.message.split()))
        elif "error" in self._added and self._written.is_nested:
            del added[self._added["error"]]
        if made is not None and task is not None:
            values = self._nested(made) if self._written.is_nested else self._flat(task, made)
            added |= {self._added[name]: value for name, value in values.items()}
        late = [name for name in given if name not in self._given]
        if late and (not self._written.is_nested or any(name in added for name in late)):
            raise DataError(
                f"A row has the column {late[0]!r}, which the first rows of the input lack.",
                "Give the input as a file, or write .jsonl: then columns may come later.",
            )
        first = given if self._written.is_nested else {n: given.get(n) for n in self._given}
        return {**first, **added}

    def _nested(self, made: Prediction) -> dict[str, Any]:
        return {
            "label": made.label,
            "probability": round(made.probability, 6),
            "probabilities": {label: round(p, 6) for label, p in made.probabilities.items()},
        }

    def _flat(self, task: Task, made: Prediction) -> dict[str, Any]:
        """Return cells: several labels are joined, every label has a column."""
        label = None if made.label is None else label_text(made.label, task.label_separator)
        shares = {f"p({label})": p for label, p in made.probabilities.items()}
        numbers = {"probability": made.probability, **shares}
        if self._written.keeps_types:
            return {"label": label, **{name: round(value, 6) for name, value in numbers.items()}}
        return {"label": label, **{name: f"{value:.6f}" for name, value in numbers.items()}}
