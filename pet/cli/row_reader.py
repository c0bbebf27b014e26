"""Reading of a task's files: examples, and what is wrong with their rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pet.cli.console import say
from pet.cli.reading_options import column_mapping
from pet.config.files import Reading
from pet.errors import DataError, for_command_line

if TYPE_CHECKING:
    from pet.data import Columns, Example, Labels
    from pet.data.fault_counts import FaultCounts
    from pet.task import Task


@dataclass(frozen=True)
class RowReader:
    """Reader of a task's files: their columns, and how they are read."""

    task: Task
    mapping: Mapping[str, str]
    reading: Reading

    @classmethod
    def from_options(cls, task: Task, columns: tuple[str, ...], reading: Reading) -> RowReader:
        """Make a reader from the values of `data_options`."""
        return cls(task, column_mapping(columns), reading)

    def columns(self, labels: Labels = "required") -> Columns:
        """Return the columns of fields and label, and whether labels are required."""
        from pet.data import Columns

        return Columns(self.task, self.mapping, labels)

    def examples(self, file: str, labels: Labels = "required") -> Iterator[Example]:
        """Read a file's examples one by one."""
        from pet.data import examples_from

        return examples_from(file, self.columns(labels), self.reading)

    def checked(
        self, file: str, faults: list[FaultCounts], labels: Labels = "partial"
    ) -> Iterator[Example]:
        """Read a file's examples to its end; what is wrong is counted, and added to ``faults``."""
        from pet.data.fault_counts import FaultCounts, checked_examples

        faults.append(FaultCounts(file))
        return checked_examples(file, self.columns(labels), self.reading, faults[-1])

    def labelled(self, file: str) -> list[Example]:
        """Read a file's labelled examples; tell how many rows are not labelled yet.

        Raises
        ------
        DataError
            When there are none, or some cannot be read.
        """
        faults: list[FaultCounts] = []
        examples = list(self.checked(file, faults))
        if faults[0]:
            raise faults[0].error(self.task)
        _tell(faults[0])
        if not examples:
            raise self.no_rows(file, faults[0])
        return examples

    def labelled_stream(self, file: str) -> Iterator[Example]:
        """Read a file's labelled examples one by one; tell how many rows are not labelled yet.

        Raises
        ------
        DataError
            Names the first faulty row.
        """
        from pet.data import examples_and_rows
        from pet.data.fault_counts import FaultCounts

        counts, columns = FaultCounts(file), self.columns("partial")
        for example, row in examples_and_rows(file, columns, self.reading):
            if counts.add_read(example, row, columns):
                yield example
        counts.remarks += [counts.read_as_none]
        _tell(counts)

    def require_labelled(self, file: str | None) -> None:
        """Refuse a file as `labelled` does; nothing is kept of it.

        Standard input, which can be read once only, is not checked.
        """
        if file is None or file == "-":
            return
        faults: list[FaultCounts] = []
        for _ in self.checked(file, faults):
            pass
        if faults[0]:
            raise faults[0].error(self.task)
        if faults[0].is_empty:
            raise self.no_rows(file, faults[0])

    def no_rows(self, file: str, counts: FaultCounts) -> DataError:
        """Return the error for a file that should have labelled examples and has none."""
        columns = [self.mapping.get(name, name) for name in self.task.fields]
        row = {**dict.fromkeys(columns, "..."), self.columns().label: self.task.labels[0]}
        hint = f"Write one row an example, such as {json.dumps(row, ensure_ascii=False)}."
        found = "no row"
        if counts.unlabelled:
            from pet.data.missing_columns import no_labels

            found, more = no_labels(counts.columns, self.columns().label, self.task)
            hint += f" {more}"
        return DataError(f"{file}: expected labelled examples, found {found}.", hint)


def _tell(counts: FaultCounts) -> None:
    for remark in (*counts.remarks, counts.left_out):
        if remark:
            say(for_command_line(remark))
