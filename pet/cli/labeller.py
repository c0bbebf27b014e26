"""Labeller: a model or a bank of prompts, which reads rows and labels them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pet.config.files import Reading
from pet.data import Columns, Example, Fault, OnFault, examples_and_rows
from pet.data.faults import with_faults
from pet.data.formats.base import Hints
from pet.data.readers import rows_of
from pet.encoding import TextTokenizer
from pet.model import Prediction, load_model
from pet.model.prediction import predict_among_faults, predict_examples
from pet.task import Task

if TYPE_CHECKING:
    from pet.model import PromptBank

# The name of a row's task, "" where there is only one, and the row as an example.
Named = tuple[str, Example]
# That, and the row's own columns.
InputRow = tuple[Named, Mapping[str, Any]]


@dataclass(frozen=True)
class Labeller:
    """A model or a bank, with the way in which it reads rows.

    Parameters
    ----------
    tasks : mapping
        Its tasks, by the names that rows give.
    read : callable
        Takes a source, its reading and a callback for faults; yields the rows.
    hints : callable
        Takes a reading; returns what helps to read a source.
    predict : callable
        Labels a list of rows.
    tokenizer : TextTokenizer
        That of its backbone.
    """

    tasks: Mapping[str, Task]
    read: Callable[[Any, Reading, OnFault], Iterator[InputRow]]
    hints: Callable[[Reading], Hints]
    predict: Callable[[list[Named]], Iterable[Prediction]]
    tokenizer: TextTokenizer

    @classmethod
    def model(
        cls, path: str, mapping: Mapping[str, str], threshold: float, device: str, precision: str
    ) -> Labeller:
        """Load a model that labels the rows of one task."""
        loaded = load_model(path, device, precision, only_scores=True)
        columns = Columns(loaded.task, mapping, "ignored")

        def read(source: Any, reading: Reading, on_fault: OnFault) -> Iterator[InputRow]:
            for example, row in examples_and_rows(source, columns, reading, on_fault):
                yield ("", example), row

        def predict(rows: list[Named]) -> Iterator[Prediction]:
            return predict_examples(loaded, [example for _, example in rows], threshold)

        return cls({"": loaded.task}, read, columns.hints, predict, loaded.tokenizer)

    @classmethod
    def bank(
        cls, bank: PromptBank, task_column: str, mapping: Mapping[str, str], threshold: float
    ) -> Labeller:
        """Return a labeller of rows that name their task in a column."""
        from pet.model.bank_rows import bank_hints, bank_rows

        tasks = bank.tasks

        def read(source: Any, reading: Reading, on_fault: OnFault) -> Iterator[InputRow]:
            return bank_rows(tasks, source, task_column, mapping, reading, on_fault)

        def hints(reading: Reading) -> Hints:
            return bank_hints(tasks, task_column, mapping, reading)

        def predict(rows: list[Named]) -> Iterable[Prediction]:
            return bank.predict_examples(rows, threshold)

        return cls(tasks, read, hints, predict, bank.tokenizer)

    def rows(self, source: Any, reading: Reading) -> Iterator[InputRow | Fault]:
        """Yield rows, and those that cannot be read in their places among them."""
        return with_faults(lambda on_fault: self.read(source, reading, on_fault))

    def survey(self, source: Any, reading: Reading) -> tuple[list[str], int]:
        """Return the columns of all rows of a file, and their number.

        A stream, which cannot be read twice, has no columns and no rows here.
        """
        if not isinstance(source, str) or not Path(source).is_file():
            return [], 0
        names: dict[str, None] = {}
        number = 0
        hints = self.hints(reading)
        for row in with_faults(lambda on_fault: rows_of(source, hints, on_fault)):
            if not isinstance(row, Fault):
                names |= dict.fromkeys(row[1])
            number += 1
        return list(names), number

    def labelled(
        self, rows: Iterable[InputRow | Fault]
    ) -> Iterator[list[tuple[InputRow | Fault, Prediction | None]]]:
        """Label rows chunk by chunk; see `predict_among_faults`."""
        return predict_among_faults(rows, lambda items: self.predict([named for named, _ in items]))


def columns_of(rows: Iterable[InputRow | Fault]) -> list[str]:
    """Return the names of the columns of some rows, in the order in which they come."""
    names: dict[str, None] = {}
    for row in rows:
        names |= dict.fromkeys(row.row if isinstance(row, Fault) else row[1])
    return list(names)
