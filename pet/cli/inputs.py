"""Inputs of commands: a task, its labelled examples, and unlabelled text."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial, wraps
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from pet.cli.console import loading, say
from pet.cli.drafted import require_something
from pet.cli.options import (
    Decorator,
    drafted_task_option,
    pattern_numbers,
    patterns_option,
    seed_option,
    task_option,
    verbalizer_option,
)
from pet.cli.reading_options import column_mapping, data_options
from pet.cli.row_reader import RowReader
from pet.config import Settings
from pet.config.base import word_list
from pet.config.files import Reading, refuse_address
from pet.errors import DataError

if TYPE_CHECKING:
    from pet.data import Example, Pool
    from pet.drafting import Draft
    from pet.task import Task


def chosen_task(
    name: str, verbalizers: tuple[str, ...], patterns: Sequence[int] | None = None
) -> Task:
    """Load a task, with the verbalizers of these files if there are any.

    ``patterns`` are only checked: an index that the task lacks raises a UsageError.
    """
    from pet.task import load_task

    task = load_task(name)
    task.select(patterns)
    return with_verbalizers(task, verbalizers)


def with_verbalizers(task: Task, files: tuple[str, ...]) -> Task:
    """Return a task with the verbalizers of these files, if there are any."""
    from pet.task import Verbalizer

    return task.with_verbalizers(*map(Verbalizer.load, files)) if files else task


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
class Inputs:
    """Values of `input_options`; files are read when their contents are first used."""

    task_name: str | None
    labels: tuple[str, ...]
    verbalizers: tuple[str, ...]
    patterns: tuple[int, ...] | None
    train_files: tuple[str, ...]
    shots: int | None
    unlabeled: str | None
    seed: int
    columns: tuple[str, ...]
    reading: Reading
    given_task: Task | None = None

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
        require_something(self.labels, self.train_files, self.task_name)
        if self.task_name is not None:
            _ = self.task
        require_files(*self.train_files, self.unlabeled, *sources)
        _ = self.task
        loading("model and data")

    @cached_property
    def task(self) -> Task:
        """Task, with the label words of --verbalizer if it is given; drafted where none is."""
        if self.given_task is not None:
            return self.given_task
        if self.draft is not None:
            return with_verbalizers(self.draft.task, self.verbalizers)
        assert self.task_name is not None
        return chosen_task(self.task_name, self.verbalizers, self.patterns)

    @cached_property
    def draft(self) -> Draft | None:
        """Draft of a task, from the labelled rows or the label names; None if a task is given."""
        if self.task_name is not None:
            return None

        from pet.drafting import draft_from_files

        columns = column_mapping(self.columns)
        return draft_from_files(
            self.train_sources, self.unlabeled_source, columns, self.reading, self.labels
        )

    @cached_property
    def train_sources(self) -> tuple[str, ...]:
        """Sources of labelled examples; standard input is copied where it is read twice."""
        from pet.data import reusable

        return self.train_files if self.task_name else tuple(map(reusable, self.train_files))

    @cached_property
    def unlabeled_source(self) -> str | None:
        """Source of unlabelled texts; standard input is copied, as it is read twice."""
        from pet.data import reusable

        return None if self.unlabeled is None else reusable(self.unlabeled)

    def sample(self, most: int) -> list[Mapping[str, str]]:
        """Return the first unlabelled texts."""
        source = self.unlabeled_source
        if source is None:
            return []
        return [row.texts for row in islice(self.rows.examples(source, "ignored"), most)]

    def with_more(self, files: tuple[str, ...]) -> Inputs:
        """Return the same inputs with more files of labelled rows."""
        return replace(self, train_files=(*self.train_files, *files))

    def with_task(self, task: Task) -> Inputs:
        """Return the same inputs, read as another task with the same labels and fields."""
        return replace(
            self,
            given_task=task,
            train_files=self.train_sources,
            unlabeled=self.unlabeled_source,
        )

    @cached_property
    def rows(self) -> RowReader:
        """Reader of the task's files."""
        return RowReader.from_options(self.task, self.columns, self.reading)

    @cached_property
    def train(self) -> list[Example]:
        """Labelled examples, or the shots that are drawn from them."""
        return self.drawn([row for file in self.train_sources for row in self.rows.labelled(file)])

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
        from pet.data import Pool, has_labels
        from pet.data.kept_input import is_kept
        from pet.seeds import RunStream, derived_seed

        rows, source = self.rows, self.unlabeled_source
        if source is None:
            return None
        if has_labels(source, rows.columns("ignored"), rows.reading):
            shown = "standard input" if is_kept(source) else source
            say(f"The labels in {shown} are ignored.")
        seed = derived_seed(self.seed, RunStream.UNLABELLED)
        pool = Pool(partial(rows.examples, source, "ignored"), self.train, limit, seed)
        if pool.left_out:
            say(f"Left out of the unlabelled texts: {pool.left_out} that are labelled too.")
        return pool


def input_options(
    *,
    train_required: bool = True,
    patterns: bool = True,
    unlabeled: str | None = None,
    drafts: bool = False,
) -> Decorator:
    """Add the options of `Inputs`, which the command gets as one argument, ``inputs``.

    ``unlabeled`` is the help of --unlabeled; without it the command does not have that option.
    With ``drafts``, a task is drafted where none is given.
    """
    options: list[Decorator] = [
        drafted_task_option if drafts else task_option,
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
            task: str | None,
            verbalizers: tuple[str, ...],
            train_files: tuple[str, ...],
            shots: int | None,
            seed: int,
            columns: tuple[str, ...],
            reading: Reading,
            patterns: str | None = None,
            unlabeled: str | None = None,
            labels: str | None = None,
            **others: Any,
        ) -> Any:
            inputs = Inputs(
                task,
                () if labels is None else word_list(labels),
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
