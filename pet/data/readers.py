"""Rows, read from files, standard input and Hugging Face data sets, each with its place."""

from __future__ import annotations

import gzip
import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

from pet.data.faults import OnFault, Row, rows_read
from pet.data.formats import FORMATS, Reader, SourceRow, decoded_lines, read_json_lines
from pet.errors import DataError

# In characters, so that a file without blank lines is not one paragraph in memory.
_LONGEST_PARAGRAPH = 50_000


def rows_of(
    source: Any, label: str, file_format: str | None = None, on_fault: OnFault | None = None
) -> Iterator[Row]:
    """Yield the rows of a file, standard input ("-"), a data set or a list, with their places.

    Parameters
    ----------
    source : str, Path or iterable
        Source as in `pet.data.examples_from`.
    label : str
        Label column; class numbers of a data set are replaced by their names.
    file_format : str, optional
        Ending of a format in `pet.data.formats.FORMATS`, such as ".csv", for standard input and
        unusual file names.
    on_fault : callable, optional
        Called with every `Fault`: a row that cannot be read, though those after it can.

    Raises
    ------
    DataError
        Names the first faulty row; with ``on_fault`` the place after which nothing can be read.
    """
    return rows_read(_source_rows(source, label, file_format), on_fault)


def _source_rows(source: Any, label: str, file_format: str | None) -> Iterator[SourceRow]:
    if isinstance(source, str) and source.startswith("hf:"):
        source = _hub_dataset(source)
    if not isinstance(source, str | Path):
        yield from _object_rows(source, label)
        return
    if str(source) == "-":
        read = read_json_lines if file_format is None else _readers()[file_format]
        yield from read("standard input", standard_input())
        return
    yield from _file_rows(Path(source), file_format, _readers())


def standard_input() -> IO[bytes]:
    """Return standard input as bytes.

    Raises
    ------
    DataError
        When it is closed, as by ``<&-`` or in some containers.
    """
    if sys.stdin is None:
        raise DataError("Standard input is closed.", "Open it, or name a file.")
    return sys.stdin.buffer


def _readers() -> dict[str, Reader]:
    """Return the readers by ending."""
    return {f".{name}": known.read for name, known in FORMATS.items()}


def _file_rows(
    path: Path, file_format: str | None, readers: Mapping[str, Reader]
) -> Iterator[SourceRow]:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compressed = suffixes[-1:] == [".gz"]
    ending = file_format or ("".join(suffixes[-2:-1]) if compressed else "".join(suffixes[-1:]))
    if ending not in readers:
        raise DataError(
            f"{path}: expected a file that ends in {', '.join(readers)} (also with .gz).",
            "Rename it or convert it.",
        )
    try:
        with gzip.open(path) if compressed else path.open("rb") as stream:
            yield from readers[ending](str(path), cast(IO[bytes], stream))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}.") from error
    except (EOFError, zlib.error) as error:
        raise DataError(f"{path}: the compressed file is damaged: {error}.") from error


def _lines(name: str, stream: IO[bytes]) -> Iterator[SourceRow]:
    for number, line in enumerate(decoded_lines(name, stream), 1):
        yield f"{name}, line {number}", {"text": line}


def _object_rows(source: Any, label: str) -> Iterator[SourceRow]:
    if not isinstance(source, Iterable):
        raise DataError(f"Expected a file name or rows, found {source!r}.")
    features = getattr(source, "features", None) or {}
    feature = features.get(label) if hasattr(features, "get") else None
    # Lists of class numbers have the names one level deeper.
    names = getattr(feature, "names", None) or getattr(
        getattr(feature, "feature", None), "names", None
    )
    for number, row in enumerate(source, 1):
        if not isinstance(row, Mapping):
            where = f"row {number}"
            yield where, DataError(f"Row {number}: expected a mapping of columns, found {row!r}.")
            continue
        value = row.get(label)
        if names and isinstance(value, int):
            row = {**row, label: names[value] if value >= 0 else None}
        elif names and isinstance(value, list):
            row = {**row, label: [names[n] if isinstance(n, int) else n for n in value]}
        yield f"row {number}", row


def _hub_dataset(source: str) -> Any:
    try:
        import datasets  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise DataError(
            f"{source}: Hugging Face data sets need the 'datasets' package.",
            "Install it with: pip install 'pet-fewshot[datasets]'",
        ) from error
    # A split may be a slice, which has colons too, such as train[:100].
    match = re.fullmatch(r"(.+?):([^:\[]+(?:\[.*\])?)", source.removeprefix("hf:"))
    if match is None:
        raise DataError(f"{source}: expected hf:NAME:SPLIT, for example hf:ag_news:train.")
    name, split = match.groups()
    try:
        if Path(name).is_dir():
            loaded = datasets.load_from_disk(name)
            return loaded[split] if hasattr(loaded, "keys") else loaded
        names = name.split("/")
        path, config = ("/".join(names[:2]), names[2]) if len(names) == 3 else (name, None)
        return datasets.load_dataset(path, config, split=split, trust_remote_code=False)
    except Exception as error:
        raise DataError(f"{source}: cannot be loaded: {type(error).__name__}: {error}") from error


def documents_from(
    source: str | Path, column: str = "text", paragraphs: bool = False
) -> Iterator[str]:
    """Yield the documents of a file, as raw text; rows without text are skipped.

    Parameters
    ----------
    source : str or Path
        A .txt file with one document a line, or a .jsonl, .csv or .tsv file; also with .gz.
    column : str
        Column with the text.
    paragraphs : bool
        Whether blank lines, not ends of lines, separate the documents of a .txt file.

    Raises
    ------
    DataError
        Names the first faulty row.
    """
    is_text = Path(source).name.lower().removesuffix(".gz").endswith(".txt")
    lines: list[str] = []
    length = 0
    for where, row in rows_read(_file_rows(Path(source), None, {".txt": _lines, **_readers()})):
        name = "text" if is_text else column
        if name not in row:
            raise DataError(
                f"{where}: no column {name!r}; found {', '.join(map(repr, row)) or 'nothing'}.",
                "Name the right column with `--column COLUMN`.",
            )
        text = "" if row[name] is None else row[name]
        if not isinstance(text, str):
            raise DataError(f"{where}, column {name!r}: expected text, found {text!r}.")
        check_characters(where, name, text)
        text = text.strip()
        if is_text and paragraphs:
            lines += [text] if text else []
            length += len(text) + 1
            if text and length < _LONGEST_PARAGRAPH:
                continue
            text, lines, length = " ".join(lines), [], 0
        if text:
            yield text
    if lines:
        yield " ".join(lines)


def check_characters(where: str, column: str, text: str) -> None:
    """Refuse text that cannot be written as UTF-8.

    Raises
    ------
    DataError
        Names the place, the column and the character.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{where}, column {column!r}: character {error.start + 1} is half of a surrogate pair.",
            "Text was cut inside a character, such as an emoji; repair it or remove the row.",
        ) from error
