"""Examples out of rows; few-shot draws; streamed pools of unlabelled text."""

from __future__ import annotations

import atexit
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from pet.errors import DataError, UsageError, did_you_mean
from pet.labels import Label, names, read_label
from pet.readers import check_characters, rows_of
from pet.task import Task

Labels = Literal["required", "optional", "ignored"]
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Example:
    """Named text fields, and a label where one is known; of multi-label tasks a tuple of them."""

    texts: Mapping[str, str]
    label: Label | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """The texts alone; equal keys mean the same example."""
        return tuple(self.texts.values())


@dataclass(frozen=True)
class Columns:
    """Which column of a row holds what: a task's own names, changed by ``mapping``.

    Parameters
    ----------
    task : Task
        Its fields, labels and default columns.
    mapping : mapping
        Field (or "label") to column name, as the person gave it.
    labels : {"required", "optional", "ignored"}
        What to do about the label column.
    """

    task: Task
    mapping: Mapping[str, str]
    labels: Labels = "required"

    def __post_init__(self) -> None:
        for name in self.mapping:
            if name != "label" and name not in self.task.fields:
                raise UsageError(
                    f"Column mapping: task {self.task.name!r} has no field {name!r}.",
                    did_you_mean(name, [*self.task.fields, "label"]),
                )

    def example(self, where: str, row: Mapping[str, Any]) -> Example:
        """Turn one row into an example, or say what is wrong with it and where."""
        texts = {name: self._text(where, row, name) for name in self.task.fields}
        return Example(texts, None if self.labels == "ignored" else self._label(where, row))

    @property
    def label(self) -> str:
        """The column that labels are read from."""
        return self.mapping.get("label", self.task.label_column)

    def _text(self, where: str, row: Mapping[str, Any], name: str) -> str:
        column = self.mapping.get(name, name)
        if column not in row and name not in self.mapping:
            column = self.task.columns.get(name, name)
        if column not in row:
            raise DataError(
                f"{where}: no column {column!r} for the field {name!r}; "
                f"found {', '.join(map(repr, row)) or 'nothing'}.",
                f"Name the right column with --column {name}=COLUMN.",
            )
        value = "" if row[column] is None else row[column]
        if not isinstance(value, str):
            raise DataError(f"{where}, column {column!r}: expected text, found {value!r}.")
        text = value.strip()
        if not text:
            raise DataError(
                f"{where}, column {column!r}: the text is empty.", "Fill it in or remove the row."
            )
        check_characters(where, column, text)
        return text

    def _label(self, where: str, row: Mapping[str, Any]) -> Label | None:
        column = self.label
        value = row.get(column)
        if value is None or (isinstance(value, str) and not value.strip()):
            if self.labels == "optional":
                return None
            if column in row and self.task.is_multi_label and value is not None:
                return ()  # an empty cell: none of the labels
            if column in row:
                raise DataError(
                    f"{where}: the label in column {column!r} is empty.",
                    "Fill it in or remove the row.",
                )
            raise DataError(
                f"{where}: no label in column {column!r}; found {', '.join(map(repr, row))}.",
                "Name the right column with --column label=COLUMN.",
            )
        return read_label(where, value, self.task)


def examples_from(
    source: Any, columns: Columns, file_format: str | None = None
) -> Iterator[Example]:
    """Yield the examples of a file, a data set or a list of rows, one at a time.

    Parameters
    ----------
    source : str, Path or iterable
        A .jsonl, .csv or .tsv path (also with .gz), "-" for standard input,
        "hf:NAME[/CONFIG]:SPLIT" for a Hugging Face data set, or an iterable of mappings (such as a
        `datasets.Dataset`).
    columns : Columns
        How a row is read.
    file_format : {".jsonl", ".csv", ".tsv"}, optional
        For standard input and unusual file names; jsonl when absent.

    Raises
    ------
    DataError
        Names the row of the first thing that is wrong.
    """
    return (example for example, _ in examples_and_rows(source, columns, file_format))


def examples_and_rows(
    source: Any, columns: Columns, file_format: str | None = None
) -> Iterator[tuple[Example, Mapping[str, Any]]]:
    """Yield what `examples_from` does, each beside its row with all the columns it has."""
    for where, row in rows_of(source, columns.label, file_format):
        yield columns.example(where, row), row


def draw_shots(
    examples: Sequence[Example], labels: Sequence[str], shots: int, seed: int
) -> list[Example]:
    """Draw ``shots`` examples of every label without replacement, the same ones for one seed.

    An example of several labels counts for each of them, so that they may be more than asked for.
    Of examples that have none as many are drawn, or all there are.

    Raises
    ------
    DataError
        When a label has too few examples; the message names it and its count.
    """
    if shots < 1:
        raise DataError(f"The number of shots must be 1 or more, not {shots}.")
    generator = np.random.default_rng(seed)
    drawn: dict[tuple[tuple[str, ...], Label | None], Example] = {}
    for label in labels:
        own = {e.key: e for e in examples if label in names(e.label)}
        if len(own) < shots:
            raise DataError(
                f"Label {label!r} has {len(own)} different examples; {shots} shots were asked for.",
                f"Use --shots {len(own)} or label more.",
            )
        rest = [e for e in own.values() if (e.key, e.label) not in drawn]
        wanted = shots - (len(own) - len(rest))
        chosen = generator.permutation(len(rest))[: max(0, wanted)]
        drawn |= {(rest[index].key, rest[index].label): rest[index] for index in chosen}
    without = list({e.key: e for e in examples if e.label == ()}.values())
    chosen = generator.permutation(len(without))[:shots]
    return [*drawn.values(), *(without[index] for index in chosen)]


class Pool:
    """Unlabelled examples, read again from their source whenever they are needed.

    Nothing but one chunk is ever held, so memory does not grow with the pool. The first pass
    counts the rows, and so finds a faulty one before any training.

    Parameters
    ----------
    read : callable
        Returns a fresh iterator over the examples.
    exclude : iterable of Example
        Examples that are left out, such as those drawn as shots.
    limit : int, optional
        Use a seeded random sample of this size, in file order; None means all.
    seed : int
        Of that sample.
    """

    def __init__(
        self,
        read: Callable[[], Iterator[Example]],
        exclude: Iterable[Example] = (),
        limit: int | None = None,
        seed: int = 0,
    ) -> None:
        self._read = read
        self._excluded = {example.key for example in exclude}
        self._kept: np.ndarray | None = None
        self.left_out = 0
        count = 0
        digest = hashlib.sha256()
        for example in read():
            digest.update("\0".join(example.key).encode())
            if example.key in self._excluded:
                self.left_out += 1
            else:
                count += 1
        if limit is not None and limit < count:
            chosen = np.random.default_rng(seed).choice(count, size=limit, replace=False)
            self._kept = np.zeros(count, dtype=bool)
            self._kept[chosen] = True
            count = limit
        self._count = count
        self.fingerprint = {"n": count, "sha256": digest.hexdigest()[:16]}

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Example]:
        number = 0
        for example in self._read():
            if example.key in self._excluded:
                continue
            if self._kept is None or self._kept[number]:
                yield example
            number += 1

    def take(self, rows: Iterable[int]) -> dict[int, Example]:
        """Return the examples of these row numbers, read in one pass."""
        wanted = set(rows)
        last = max(wanted, default=-1)
        numbered = enumerate(islice(self, last + 1))
        return {number: example for number, example in numbered if number in wanted}

    def chunks(self, size: int = 4096) -> Iterator[list[Example]]:
        """Yield the examples in lists of at most ``size``, in order."""
        return chunked(self, size)


def chunked(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Yield consecutive lists of at most ``size`` rows, such as examples."""
    iterator = iter(rows)
    while chunk := list(islice(iterator, size)):
        yield chunk


def reusable(source: str) -> str:
    """Return a source that can be read again: standard input is copied to a temporary file."""
    if source != "-":
        return source
    with tempfile.NamedTemporaryFile("wb", suffix=".jsonl", delete=False) as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
    atexit.register(Path(copy.name).unlink, missing_ok=True)
    return copy.name


def has_labels(source: Any, columns: Columns, file_format: str | None = None) -> bool:
    """Whether the first row has a label, which matters to nobody but is worth telling."""
    return any(
        row.get(columns.label) not in (None, "")
        for _, row in islice(rows_of(source, columns.label, file_format), 1)
    )


@dataclass(frozen=True)
class Data:
    """What a run learns from."""

    train: Sequence[Example]
    dev: Sequence[Example] = ()
    pool: Pool | None = None

    def labelled(self) -> dict[str, list[dict[str, Any]]]:
        """What people labelled, as JSON values; `labelled_from` reads them."""
        parts = {"train": self.train, "dev": self.dev}
        return {
            name: [{"texts": dict(own.texts), "label": own.label} for own in part]
            for name, part in parts.items()
        }

    def fingerprint(self) -> dict[str, Any]:
        """Sizes and content hashes, by which a run knows its data again."""
        return {
            "train": fingerprint(self.train),
            "dev": fingerprint(self.dev),
            "unlabeled": None if self.pool is None else self.pool.fingerprint,
        }


def labelled_from(plain: Mapping[str, Sequence[Mapping[str, Any]]]) -> Data:
    """Read `Data.labelled`."""

    def example(own: Mapping[str, Any]) -> Example:
        several = isinstance(own["label"], list)
        return Example(own["texts"], tuple(own["label"]) if several else own["label"])

    train, dev = ([example(own) for own in plain[name]] for name in ("train", "dev"))
    return Data(train, dev)


def fingerprint(examples: Iterable[Example]) -> dict[str, Any]:
    """Number and content hash of labelled examples."""
    digest = hashlib.sha256()
    count = 0
    for example in examples:
        count += 1
        digest.update(json.dumps([example.key, example.label]).encode())
    return {"n": count, "sha256": digest.hexdigest()[:16]}
