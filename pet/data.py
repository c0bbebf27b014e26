"""Examples and where they come from: files, lists and data sets; few-shot draws; streamed pools."""

from __future__ import annotations

import atexit
import csv
import gzip
import hashlib
import json
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, cast

import numpy as np

from pet.errors import DataError, UsageError, did_you_mean
from pet.task import Task

FORMATS = (".jsonl", ".csv", ".tsv")
Labels = Literal["required", "optional", "ignored"]
Row = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Example:
    """Named text fields, and a label where one is known."""

    texts: Mapping[str, str]
    label: str | None = None

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
        _check_characters(where, column, text)
        return text

    def _label(self, where: str, row: Mapping[str, Any]) -> str | None:
        column = self.mapping.get("label", self.task.label_column)
        value = row.get(column)
        if value is None or value == "":
            if self.labels == "optional":
                return None
            raise DataError(
                f"{where}: no label in column {column!r}; found {', '.join(map(repr, row))}.",
                "Name the right column with --column label=COLUMN.",
            )
        label = str(value).strip()
        if label not in self.task.labels:
            raise DataError(
                f"{where}: unknown label {label!r}.", did_you_mean(label, self.task.labels)
            )
        return label


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
    return (columns.example(where, row) for where, row in _rows(source, columns, file_format))


def documents_from(
    source: str | Path, column: str = "text", paragraphs: bool = False
) -> Iterator[str]:
    """Yield the raw text of a file, one document at a time; rows without text are passed over.

    Parameters
    ----------
    source : str or Path
        A .txt file, a document a line, or a .jsonl, .csv or .tsv file; also with .gz.
    column : str
        Which column of a row holds the text.
    paragraphs : bool
        In a .txt file, blank lines and not the ends of lines stand between documents.

    Raises
    ------
    DataError
        Names the row of the first thing that is wrong.
    """
    is_text = Path(source).name.lower().removesuffix(".gz").endswith(".txt")
    lines: list[str] = []
    for where, row in _file_rows(Path(source), None, (".txt", *FORMATS)):
        name = "text" if is_text else column
        if name not in row:
            raise DataError(
                f"{where}: no column {name!r}; found {', '.join(map(repr, row)) or 'nothing'}.",
                "Name the right column with --column COLUMN.",
            )
        text = "" if row[name] is None else row[name]
        if not isinstance(text, str):
            raise DataError(f"{where}, column {name!r}: expected text, found {text!r}.")
        _check_characters(where, name, text)
        text = text.strip()
        if is_text and paragraphs:
            if text:
                lines.append(text)
                continue
            text = " ".join(lines)
            lines = []
        if text:
            yield text
    if lines:
        yield " ".join(lines)


def _check_characters(where: str, column: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{where}, column {column!r}: character {error.start + 1} is half of a surrogate pair.",
            "Text was cut inside a character, such as an emoji; repair it or remove the row.",
        ) from error


def _rows(source: Any, columns: Columns, file_format: str | None) -> Iterator[Row]:
    if isinstance(source, str) and source.startswith("hf:"):
        source = _hub_dataset(source)
    if not isinstance(source, str | Path):
        yield from _object_rows(source, columns)
        return
    if str(source) == "-":
        yield from _parsed("standard input", sys.stdin.buffer, file_format or ".jsonl")
        return
    yield from _file_rows(Path(source), file_format)


def _file_rows(
    path: Path, file_format: str | None, formats: tuple[str, ...] = FORMATS
) -> Iterator[Row]:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compressed = suffixes[-1:] == [".gz"]
    kind = file_format or ("".join(suffixes[-2:-1]) if compressed else "".join(suffixes[-1:]))
    if kind not in formats:
        raise DataError(
            f"{path}: expected a file that ends in {', '.join(formats)} (also with .gz).",
            "Rename it or convert it.",
        )
    try:
        with gzip.open(path) if compressed else path.open("rb") as stream:
            yield from _parsed(str(path), cast(IO[bytes], stream), kind)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}.") from error
    except (EOFError, zlib.error) as error:
        raise DataError(f"{path}: the compressed file is damaged: {error}.") from error


def _parsed(name: str, stream: IO[bytes], kind: str) -> Iterator[Row]:
    lines = _decoded(name, stream)
    if kind == ".txt":
        for number, line in enumerate(lines, 1):
            yield f"{name}, line {number}", {"text": line}
        return
    if kind == ".jsonl":
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(
                    f"{name}, row {number}: not JSON: {error.msg} at character {error.pos + 1}.",
                    'Every line holds one JSON object, such as {"text": "..."}.',
                ) from error
            if not isinstance(row, dict):
                raise DataError(f"{name}, row {number}: expected a JSON object, found {row!r}.")
            yield f"{name}, row {number}", row
        return
    csv.field_size_limit(2**31 - 1)
    reader = csv.DictReader(lines, delimiter="\t" if kind == ".tsv" else ",", strict=True)
    try:
        for number, row in enumerate(reader, 1):
            # DictReader's key for what stands beyond the header.
            beyond = row.pop(None, [])
            if any(beyond):
                raise DataError(
                    f"{name}, row {number}: {len(row) + len(beyond)} cells, but the header names "
                    f"{len(row)}.",
                    "Put a text that holds the separator in double quotes.",
                )
            yield f"{name}, row {number}", row
    except csv.Error as error:
        raise DataError(f"{name}, near line {reader.reader.line_num}: {error}.") from error


def _decoded(name: str, stream: IO[bytes]) -> Iterator[str]:
    for number, line in enumerate(stream, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{name}, line {number}: byte {error.start + 1} is not UTF-8.",
                "Convert the file, for example with: iconv -f latin1 -t utf-8.",
            ) from error


def _object_rows(source: Any, columns: Columns) -> Iterator[Row]:
    if not isinstance(source, Iterable):
        raise DataError(f"Expected a file name or rows, found {source!r}.")
    label = columns.mapping.get("label", columns.task.label_column)
    features = getattr(source, "features", None) or {}
    names = getattr(features.get(label), "names", None) if hasattr(features, "get") else None
    for number, row in enumerate(source, 1):
        if not isinstance(row, Mapping):
            raise DataError(f"Row {number}: expected a mapping of columns, found {row!r}.")
        if names and isinstance(row.get(label), int):
            row = {**row, label: names[row[label]] if row[label] >= 0 else None}
        yield f"row {number}", row


def _hub_dataset(source: str) -> Any:
    try:
        import datasets  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise DataError(
            f"{source}: Hugging Face data sets need the 'datasets' package.",
            "Install it with: pip install 'pet-fewshot[datasets]'",
        ) from error
    # A split may be a slice with colons of its own, such as train[:100].
    match = re.fullmatch(r"(.+?):([^:\[]+(?:\[.*\])?)", source.removeprefix("hf:"))
    if match is None:
        raise DataError(f"{source}: expected hf:NAME:SPLIT, for example hf:ag_news:train.")
    name, split = match.groups()
    try:
        if Path(name).is_dir():
            loaded = datasets.load_from_disk(name)
            return loaded[split] if hasattr(loaded, "keys") else loaded
        parts = name.split("/")
        path, config = ("/".join(parts[:2]), parts[2]) if len(parts) == 3 else (name, None)
        return datasets.load_dataset(path, config, split=split, trust_remote_code=False)
    except Exception as error:
        raise DataError(f"{source}: cannot be loaded: {type(error).__name__}: {error}") from error


def draw_shots(
    examples: Sequence[Example], labels: Sequence[str], shots: int, seed: int
) -> list[Example]:
    """Draw ``shots`` examples of every label without replacement, the same ones for one seed.

    Raises
    ------
    DataError
        When a label has too few examples; the message names it and its count.
    """
    if shots < 1:
        raise DataError(f"The number of shots must be 1 or more, not {shots}.")
    generator = np.random.default_rng(seed)
    drawn: list[Example] = []
    for label in labels:
        own = list(
            {example.key: example for example in examples if example.label == label}.values()
        )
        if len(own) < shots:
            raise DataError(
                f"Label {label!r} has {len(own)} different examples; {shots} shots were asked for.",
                f"Use --shots {len(own)} or label more.",
            )
        drawn += [own[index] for index in generator.permutation(len(own))[:shots]]
    return drawn


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


def chunked(examples: Iterable[Example], size: int) -> Iterator[list[Example]]:
    """Yield consecutive lists of at most ``size`` examples."""
    iterator = iter(examples)
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
    column = columns.mapping.get("label", columns.task.label_column)
    return any(
        row.get(column) not in (None, "")
        for _, row in islice(_rows(source, columns, file_format), 1)
    )


@dataclass(frozen=True)
class Data:
    """What a run learns from."""

    train: Sequence[Example]
    dev: Sequence[Example] = ()
    pool: Pool | None = None

    def fingerprint(self) -> dict[str, Any]:
        """Sizes and content hashes, by which a run knows its data again."""
        return {
            "train": fingerprint(self.train),
            "dev": fingerprint(self.dev),
            "unlabeled": None if self.pool is None else self.pool.fingerprint,
        }


def fingerprint(examples: Iterable[Example]) -> dict[str, Any]:
    """Number and content hash of labelled examples."""
    digest = hashlib.sha256()
    count = 0
    for example in examples:
        count += 1
        digest.update(json.dumps([example.key, example.label]).encode())
    return {"n": count, "sha256": digest.hexdigest()[:16]}
