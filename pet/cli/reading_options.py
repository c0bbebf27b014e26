"""Options that say how files of rows are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from pet.config.files import EMPTY_LABELS, FILE_FORMATS, QUOTINGS, Reading
from pet.errors import DataError, UsageError


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --format, --delimiter, --encoding and --quoting, as one argument ``reading``."""
    return _as_reading(_file_options(command))


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --column, --label-map and --empty-labels to `reading_options`."""
    command = click.option(
        "--empty-labels",
        type=click.Choice(EMPTY_LABELS),
        default="none",
        show_default=True,
        help="Meaning of an empty label cell: none of the labels (in tasks with one label a text "
        "an error), or unknown, a text that is not labelled yet.",
    )(_file_options(command))
    command = click.option(
        "--label-map",
        metavar="A=B,...|FILE",
        help="Labels of the files and what they are called in the task, such as 0=bad,1=good; or a "
        "file with A=B in every line, or of JSON.",
    )(command)
    command = click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="FIELD=COLUMN",
        help="Read a field (or 'label') from this column. Repeatable.",
    )(command)
    return _as_reading(command)


def column_mapping(columns: tuple[str, ...]) -> dict[str, str]:
    """Parse FIELD=COLUMN pairs."""
    mapping = {}
    for pair in columns:
        name, equals, column = pair.partition("=")
        if not equals or not name or not column:
            raise UsageError(f"--column {pair!r}: expected FIELD=COLUMN, such as text=review.")
        mapping[name] = column
    return mapping


def _file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = [
        click.option(
            "--format",
            "file_format",
            type=click.Choice(FILE_FORMATS.all()),
            help="Format of standard input and of files with another ending.",
        ),
        click.option(
            "--delimiter",
            metavar="CHARACTER",
            help="Character between the cells of a table, or 'tab'.  [default: found out]",
        ),
        click.option(
            "--encoding",
            metavar="NAME",
            help="Encoding of text files, such as gb18030 or cp1252.  [default: UTF-8, or what a "
            "file's byte order mark says]",
        ),
        click.option(
            "--quoting",
            type=click.Choice(QUOTINGS),
            default="auto",
            show_default=True,
            help="Double quotes in tables: excel, they enclose cells; none, they are text; auto, "
            "they enclose, between tabs only where that is sure.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _as_reading(command: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(command)
    def collected(
        *args: Any,
        file_format: str | None,
        delimiter: str | None,
        encoding: str | None,
        quoting: Any,
        label_map: str | None = None,
        empty_labels: Any = "none",
        **others: Any,
    ) -> Any:
        labels = {} if label_map is None else label_mapping(label_map)
        reading = Reading(file_format, delimiter, encoding, quoting, labels, empty_labels)
        return command(*args, reading=reading, **others)

    return collected


def reading_arguments(reading: Reading) -> list[str]:
    """Return the options that give a reading, without those that are defaults."""
    usual = Reading()
    typed = []
    for name in ("format", "delimiter", "encoding", "quoting", "empty_labels"):
        value = getattr(reading, name)
        if value != getattr(usual, name):
            typed += [f"--{name.replace('_', '-')}", value]
    if reading.label_map:
        typed += ["--label-map", ",".join(f"{a}={b}" for a, b in reading.label_map.items())]
    return typed


def label_mapping(text: str) -> dict[str, str]:
    """Parse A=B pairs, or read them from a file.

    Raises
    ------
    DataError
        When the file cannot be read.
    UsageError
        When a pair has no "=", or a label is given twice.
    """
    if Path(text).is_file():
        return _mapping_in(Path(text))
    if "=" not in text:
        raise UsageError(
            f"--label-map {text}: no such file, and no pairs.", "Write them as in 0=bad,1=good."
        )
    return _pairs(text.split(","), f"--label-map {text}")


def _mapping_in(path: Path) -> dict[str, str]:
    try:
        content = path.read_text("utf-8-sig")
        made = json.loads(content) if path.suffix.lower() == ".json" else None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected a label map in JSON or UTF-8 text: {error}.") from error
    if path.suffix.lower() != ".json":
        return _pairs([line for line in content.splitlines() if line.strip()], str(path))
    if not isinstance(made, dict) or not all(isinstance(name, str) for name in made.values()):
        raise DataError(f'{path}: expected labels and their names, such as {{"0": "bad"}}.')
    return made


def _pairs(pairs: list[str], where: str) -> dict[str, str]:
    mapping: dict[str, str] = {}
    for pair in pairs:
        given, equals, name = (part.strip() for part in pair.partition("="))
        if not equals or not given or not name:
            raise UsageError(f"{where}: expected pairs such as 0=bad, found {pair!r}.")
        if mapping.setdefault(given, name) != name:
            raise UsageError(f"{where}: the label {given!r} is given two names.")
    return mapping
