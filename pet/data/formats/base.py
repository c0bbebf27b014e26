"""A file format: how its rows are read and written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pet.config.files import Reading
from pet.errors import DataError


class RowError(DataError):
    """A row that is faulty, of which some columns could be read.

    Parameters
    ----------
    message, hint, kind
        As of `DataError`.
    row : mapping
        The columns that could be read.
    """

    def __init__(
        self, message: str, hint: str, kind: tuple[str, ...], row: Mapping[str, Any]
    ) -> None:
        super().__init__(message, hint, kind)
        self.row = row


# A row's place, for messages, and its columns; or what is wrong with it, if the rows after it can
# still be read.
SourceRow = tuple[str, Mapping[str, Any] | DataError]
# Writes a row. One with a method `close` is closed after the last row.
RowWriter = Callable[[Mapping[str, Any]], object]
Writer = Callable[[Any, Sequence[str]], RowWriter]


@dataclass(frozen=True)
class Hints:
    """Knowledge that helps to read a file.

    Parameters
    ----------
    texts : tuple of tuple of str
        Columns that each text may be read from, the best one first; () if they are not known.
    label : str
        Column that labels are read from.
    needs_labels : bool
        Whether labels are read at all.
    reading : Reading
        Options of the person who gave the file.
    labels : sequence of str
        Labels of the task; () if they are not known.
    """

    texts: tuple[tuple[str, ...], ...] = ()
    label: str = "label"
    needs_labels: bool = False
    reading: Reading = field(default_factory=Reading)
    labels: Sequence[str] = ()


@dataclass(frozen=True)
class Format:
    """A file format; files have the ending of its name in `FORMATS`.

    Parameters
    ----------
    read : callable
        Takes a file's name, for messages, and its byte stream; yields every row with its place. In
        the place of a row that cannot be read it yields a `DataError`, and goes on; it raises one
        when nothing after it can be read. The bytes are UTF-8 whatever the file's encoding, unless
        the format ``is_binary``.
    writer : callable, optional
        Takes a text stream and the names of the columns; returns a function that writes a row. If
        that has a method ``close``, it is called after the last row. Without a writer, files of
        the format can only be read.
    is_nested : bool
        Whether a row is written as it is, whatever its columns: a cell may be a list, a mapping or
        None. In other formats all rows have the same columns.
    keeps_types : bool
        Whether numbers, None and lists are read back as such. Other formats write texts.
    is_binary : bool
        Whether files are no text: both streams are of bytes; the one that is read can be sought in.
    takes_hints : bool
        Whether ``read`` takes `Hints` as a third argument.
    """

    read: Callable[..., Iterator[SourceRow]]
    writer: Writer | None = None
    is_nested: bool = False
    keeps_types: bool = False
    is_binary: bool = False
    takes_hints: bool = False

    def rows(self, name: str, stream: Any, hints: Hints) -> Iterator[SourceRow]:
        """Yield the rows of a stream with their places."""
        return self.read(name, stream, hints) if self.takes_hints else self.read(name, stream)
