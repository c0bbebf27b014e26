"""Files of rows: the names of their formats, and how people say that one is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pet.errors import DataError, UsageError, did_you_mean
from pet.registry import Names

FILE_FORMATS = Names(
    ("jsonl", "csv", "tsv", "json", "txt", "parquet", "arrow", "feather", "xlsx"), "formats"
)
Quoting = Literal["auto", "none", "excel"]
QUOTINGS: tuple[Quoting, ...] = ("auto", "none", "excel")
EmptyLabels = Literal["none", "unknown"]
EMPTY_LABELS: tuple[EmptyLabels, ...] = ("none", "unknown")
# Names that people use for a delimiter which is hard to type.
_DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
_ENCODINGS = (
    "utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1250", "cp1251", "cp1252",
    "iso8859-15", "mac-roman", "koi8-r", "gbk", "gb18030", "big5", "shift_jis", "cp932", "euc-jp",
    "euc-kr", "cp949", "iso8859-2", "iso8859-5", "iso8859-7", "iso8859-9", "cp1253", "cp1254",
    "cp1255", "cp1256", "tis-620",
)  # fmt: skip
_URL = re.compile(r"(?!hf:)[a-z][a-z0-9+.-]+:/{1,2}[^/]", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """How files of rows are read; what is left out is told by a file's name and contents.

    Parameters
    ----------
    format : str, optional
        Name in `pet.data.formats.FORMATS`, such as "csv", also with a dot before it; for standard
        input, and for files whose ending is .txt or no format's.
    delimiter : str, optional
        Character between the cells of a table, or "tab".
    encoding : str, optional
        Encoding of text, by any name that Python knows, such as "gb18030".
    quoting : {"auto", "none", "excel"}
        Meaning of double quotes in a table. "excel": a cell in quotes may hold delimiters and line
        breaks, and its own quotes are doubled. "none": quotes are characters as all others.
        "auto": "excel", but between tabs only where the cell is closed properly.
    label_map : mapping
        Label in the file to label of the task, such as ``{"0": "negative"}``.
    empty_labels : {"none", "unknown"}
        Meaning of an empty label cell. "none": none of the labels, where a text may have several;
        in other tasks it is an error. "unknown": nobody has labelled the text yet.

    Raises
    ------
    UsageError
        When the format, the encoding or the delimiter is impossible.
    """

    format: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    quoting: Quoting = "auto"
    label_map: Mapping[str, str] = field(default_factory=dict)
    empty_labels: EmptyLabels = "none"

    def __post_init__(self) -> None:
        if self.format is not None:
            object.__setattr__(self, "format", self.format.lower().removeprefix("."))
            if self.format not in FILE_FORMATS.all():
                raise UsageError(
                    f"Unknown file format {self.format!r}.",
                    did_you_mean(str(self.format), FILE_FORMATS.all()),
                )
        if self.quoting not in QUOTINGS:
            raise UsageError(
                f"Unknown quoting {self.quoting!r}.", did_you_mean(self.quoting, QUOTINGS)
            )
        if self.empty_labels not in EMPTY_LABELS:
            raise UsageError(
                f"Unknown meaning of empty labels {self.empty_labels!r}.",
                did_you_mean(self.empty_labels, EMPTY_LABELS),
            )
        if self.delimiter is not None:
            delimiter = _DELIMITERS.get(self.delimiter.lower(), self.delimiter)
            if len(delimiter) != 1 or delimiter in '"\r\n\0':
                raise UsageError(
                    f"A delimiter is one character, not {self.delimiter!r}.",
                    "Write `--delimiter tab` for a tab.",
                )
            object.__setattr__(self, "delimiter", delimiter)
        if self.encoding is not None:
            _check_encoding(self.encoding)


def _check_encoding(name: str) -> None:
    try:
        b"a".decode(name, "ignore")  # what cannot even ignore a byte, such as idna, is for no file
    except (LookupError, ValueError) as error:
        raise UsageError(f"Unknown encoding {name!r}.", did_you_mean(name, _ENCODINGS)) from error


def refuse_address(source: str) -> None:
    """Refuse an address of the web or of cloud storage.

    Raises
    ------
    DataError
        Says what to do instead.
    """
    if _URL.match(source) and not Path(source).exists():
        raise DataError(
            f"{source}: addresses are not read.",
            "Download the file and give its path, or name a Hugging Face data set: hf:NAME:SPLIT.",
        )
