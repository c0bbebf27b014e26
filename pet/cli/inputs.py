"""Inputs of commands: a task, its labelled examples, and unlabelled text."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial, wraps
from typing import TYPE_CHECKING, Any

import click

from pet.cli.console import loading, say
from pet.cli.options import (
    Decorator,
    pattern_numbers,
    patterns_option,
    seed_option,
    task_option,
    verbalizer_option,
)
from pet.cli.reading_options import column_mapping, data_options
from pet.config import Settings
from pet.config.files import Reading, refuse_address
from pet.errors import DataError

if TYPE_CHECKING:
    from pet.data import Columns, Example, Labels, Pool
    from pet.data.fault_counts import FaultCounts
    from pet.task import Task


def chosen_task(
    name: str, verbalizers: tuple[str, ...], patterns: Sequence[int] | None = None
) -> Task:
    """Load a task, with the verbalizers of these files if there are any.

    ``patterns`` are only checked: an index that the task lacks raises a UsageError.
    """
    from pet.task import Verbalizer, load_task

    task = load_task(name)
    task.select(patterns)
    if not verbalizers:
        return task
    return task.with_verbalizers(*(Verbalizer.load(file) for file in verbalizers))


def require_files(*sources: str | None) -> None:
    """Check that files exist, before anything heavy is loaded.

    Standard input and data sets (``hf:``) are not checked.

    Raises
    ------
    DataError
        When a file is missing; the message names the first.
    """
    for source in sources:
        if source is not None and source != "-" and not source.startswith("hf:"):
            refuse_address(source)
            try:
                os.stat(source)
            except OSError as error:
                raise DataError(f"{source}: cannot be read: {error.strerror}.") from error


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
        from pet.data.fault_counts import FaultCounts

        counts = FaultCounts(file)
        for example in self.examples(file, "partial"):
            if example.label is None:
                counts.unlabelled += 1
            else:
                yield example
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
            found = "no row with a label"
            hint += " Or name the column of the labels with `--column label=COLUMN`."
        return DataError(f"{file}: expected labelled examples, found {found}.", hint)


def _tell(counts: FaultCounts) -> None:
    from pet.cli.console import say

    for remark in (*counts.remarks, counts.left_out):
        if remark:
            say(remark)


@dataclass(frozen=True)
class Inputs:
    """Values of `input_options`; files are read when their contents are first used."""

    task_name: str
    verbalizers: tuple[str, ...]
    patterns: tuple[int, ...] | None
    train_files: tuple[str, ...]
    shots: int | None
    unlabeled: str | None
    seed: int
    columns: tuple[str, ...]
    reading: Reading

    def settings(self, flat: Mapping[str, Any]) -> Settings:
        """Build settings with this seed and these patterns."""
        return Settings.from_flat({**flat, "seed": self.seed, "patterns": self.patterns})

    def check(self, *sources: str | None) -> None:
        """Check names and files, also those in ``sources``; call it before heavy imports.

        Raises
        ------
        PetError
            When a name is unknown or a file is missing.
        """
        _ = self.task
        require_files(*self.train_files, self.unlabeled, *sources)
        loading("model and data")

    @cached_property
    def task(self) -> Task:
        """Task, with the label words of --verbalizer if it is given."""
        return chosen_task(self.task_name, self.verbalizers, self.patterns)

    @cached_property
    def rows(self) -> RowReader:
        """Reader of the task's files."""
        return RowReader.from_options(self.task, self.columns, self.reading)

    @cached_property
    def train(self) -> list[Example]:
        """Labelled examples, or the shots that are drawn from them."""
        return self.drawn([row for file in self.train_files for row in self.rows.labelled(file)])

    def drawn(self, examples: list[Example]) -> list[Example]:
        """Draw the shots from labelled examples; all of them if no number is given."""
        from pet.data import draw_shots
        from pet.seeds import RunStream, derived_seed

        if self.shots is None:
            return examples
        return draw_shots(
            examples, self.task.labels, self.shots, derived_seed(self.seed, RunStream.SHOTS)
        )

    def pool(self, limit: int | None = None) -> Pool | None:
        """Return the unlabelled texts, or a random sample, without the labelled examples."""
        from pet.data import Pool, has_labels, reusable
        from pet.seeds import RunStream, derived_seed

        if self.unlabeled is None:
            return None
        rows, source = self.rows, reusable(self.unlabeled)
        if has_labels(source, rows.columns("ignored"), rows.reading):
            say(f"The labels in {self.unlabeled} are ignored.")
        seed = derived_seed(self.seed, RunStream.UNLABELLED)
        pool = Pool(partial(rows.examples, source, "ignored"), self.train, limit, seed)
        if pool.left_out:
            say(f"Left out of the unlabelled texts: {pool.left_out} that are labelled too.")
        return pool


def input_options(
    *, train_required: bool = True, patterns: bool = True, unlabeled: str | None = None
) -> Decorator:
    """Add the options of `Inputs`, which the command gets as one argument, ``inputs``.

    ``unlabeled`` is the help of --unlabeled; without it the command does not have that option.
    """
    options: list[Decorator] = [
        task_option,
        verbalizer_option,
        *([patterns_option] if patterns else []),
        click.option(
            "--train",
            "train_files",
            multiple=True,
            required=train_required,
            help="Labelled examples: a file of rows, - or hf:NAME:SPLIT. Repeatable.",
        ),
        click.option(
            "--shots", type=click.IntRange(min=1), help="Draw this many of each label from --train."
        ),
        *([click.option("--unlabeled", help=unlabeled)] if unlabeled else []),
        seed_option,
        data_options,
    ]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def collected(
            task: str,
            verbalizers: tuple[str, ...],
            train_files: tuple[str, ...],
            shots: int | None,
            seed: int,
            columns: tuple[str, ...],
            reading: Reading,
            patterns: str | None = None,
            unlabeled: str | None = None,
            **others: Any,
        ) -> Any:
            inputs = Inputs(
                task,
                verbalizers,
                pattern_numbers(patterns),
                train_files,
                shots,
                unlabeled,
                seed,
                columns,
                reading,
            )
            return command(inputs=inputs, **others)

        with_options: Callable[..., Any] = collected
        for option in reversed(options):
            with_options = option(with_options)
        return with_options

    return decorate
