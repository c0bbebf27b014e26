"""Folders of texts: a folder for every label, a text in every file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pet.data.faults import read_errors
from pet.data.formats.base import Hints, SourceRow
from pet.data.formats.decoding import LONGEST_LINE, decoded_lines, utf8_stream
from pet.data.formats.known import format_named
from pet.errors import DataError

_SAVED_DATASET = ("dataset_dict.json", "dataset_info.json")


def folder_rows(folder: Path, hints: Hints) -> Iterator[SourceRow]:
    """Yield a row for every text of a folder: the text, the name of its subfolder, its file.

    Texts are files that end in .txt or have no ending. Those outside of subfolders have no label.

    Raises
    ------
    DataError
        When there is no text in it. A file that cannot be read is yielded as one.
    """
    if any((folder / name).is_file() for name in _SAVED_DATASET):
        raise DataError(
            f"{folder}: this folder is a saved Hugging Face data set.",
            f"Write hf:{folder}:SPLIT, such as hf:{folder}:train.",
        )
    column = hints.texts[0][0] if len(hints.texts) == 1 else "text"
    is_empty = True
    for file, label in _texts(folder):
        is_empty = False
        try:
            with read_errors(file):
                content = _content(file, hints)
        except DataError as error:
            yield str(file), error
            continue
        row = {column: content, "file": str(file.relative_to(folder))}
        yield str(file), row if label is None else {**row, hints.label: label}
    if is_empty:
        data = [file.name for file in sorted(folder.iterdir()) if format_named(file.name)]
        raise DataError(
            f"{folder}: this is a directory without texts; expected a folder a label, with .txt "
            "files in it.",
            f"Give one file, such as {folder / data[0]}." if data else None,
        )


def _texts(folder: Path) -> Iterator[tuple[Path, str | None]]:
    entries = [entry for entry in sorted(folder.iterdir()) if not entry.name.startswith(".")]
    yield from ((entry, None) for entry in entries if _is_text(entry))
    for entry in entries:
        if entry.is_dir():
            yield from ((file, entry.name) for file in sorted(entry.rglob("*")) if _is_text(file))


def _is_text(file: Path) -> bool:
    hidden = file.name.startswith(".")
    return not hidden and file.suffix.lower() in (".txt", "") and file.is_file()


def _content(file: Path, hints: Hints) -> str:
    if file.stat().st_size > LONGEST_LINE:
        raise DataError(f"{file}: too large for one text.")
    with file.open("rb") as stream:
        text = utf8_stream(str(file), stream, hints.reading.encoding)
        return "".join(decoded_lines(str(file), text))
