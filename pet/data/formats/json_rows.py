"""JSON: an object a line, one array of objects, or columns."""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from pet.data.formats.base import Format, RowWriter, SourceRow
from pet.data.formats.decoding import LONGEST_LINE, lines_or_faults, whole_lines
from pet.errors import DataError, quoted

_BLANK = re.compile(r"[ \t\r\n]*")
_LONGEST_WORD = 16  # characters of what may be cut off in the middle, such as null or \u00e9
_EXAMPLE = 'Every row is one JSON object, such as {"text": "..."}.'


class _Twice(ValueError):
    """A key that an object has twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        (twice, *_) = (key for key in keys if keys.count(key) > 1)
        raise _Twice(twice)
    return made


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def _fault(where: str, error: BaseException) -> DataError:
    """Say why JSON cannot be read."""
    if isinstance(error, json.JSONDecodeError):
        place = f"at character {error.pos + 1}"
        return DataError(f"{where}: not JSON: {error.msg} {place}.", _EXAMPLE, ("JSON", error.msg))
    if isinstance(error, _Twice):
        return DataError(f"{where}: the key {quoted(str(error))} is given twice.", "Remove one.")
    if isinstance(error, RecursionError):
        return DataError(f"{where}: lists or objects are nested too deep.", _EXAMPLE)
    if isinstance(error, MemoryError):
        return DataError(f"{where}: there is not enough memory for this JSON.", _EXAMPLE)
    return DataError(f"{where}: a number has too many digits.", _EXAMPLE)


def _too_long(where: str) -> DataError:
    return DataError(
        f"{where}: one JSON value is longer than {LONGEST_LINE:,} characters, or not closed.",
        "Write JSON lines (.jsonl): one object a line for every row.",
    )


_FAULTS = (ValueError, RecursionError, MemoryError)


def _row(where: str, value: Any) -> SourceRow:
    if isinstance(value, dict):
        return where, value
    error = f"{where}: expected a JSON object, found {quoted(value)}."
    return where, DataError(error, _EXAMPLE, ("no object",))


def read_json_lines(name: str, stream: IO[bytes]) -> Iterator[SourceRow]:
    """Yield the JSON object of every line; empty lines are skipped.

    A file that begins with "[" is read as one array.
    """
    first = True
    lines = lines_or_faults(name, stream)
    for number, line in enumerate(lines, 1):
        where = f"{name}, row {number}"
        if isinstance(line, DataError):
            yield where, line
            continue
        if not line.strip():
            continue
        if first and line.lstrip().startswith("["):
            yield from _top_level(name, _Text(name, line, whole_lines(lines)))
            return
        first = False
        try:
            yield _row(where, _DECODER.decode(line))
        except _FAULTS as error:
            yield where, _fault(where, error)


def read_json(name: str, stream: IO[bytes]) -> Iterator[SourceRow]:
    """Yield the rows of an array of objects, of objects one after the other, or of columns.

    Columns are ``{"text": [...], "label": [...]}``, or the same with a mapping from row to value,
    as pandas writes it. An array of objects may also be the one list in an object, such as
    ``{"data": [...]}``.
    """
    return _top_level(name, _Text(name, "", _pieces(name, stream)))


def _pieces(name: str, stream: IO[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        while piece := stream.read(1 << 16):
            yield decoder.decode(piece)
        yield decoder.decode(b"", True)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name}: not UTF-8.",
            "Give the file's encoding with `--encoding NAME`, such as cp1252 or gb18030.",
        ) from error


class _Text:
    """Text that comes in pieces; values are taken off its front."""

    def __init__(self, name: str, start: str, more: Iterator[str]) -> None:
        self._name, self._text, self._more = name, start, more
        self._at = 0

    def next_character(self) -> str:
        """Return the next character that is not blank, without taking it; "" at the end."""
        while True:
            match = _BLANK.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            self._text, self._at = next(self._more, ""), 0
            if not self._text:
                # Pieces may be empty; only an exhausted iterator ends the text.
                rest = next((piece for piece in self._more if piece), "")
                if not rest:
                    return ""
                self._text = rest

    def skip(self) -> None:
        """Take one character."""
        self._at += 1

    def value(self, where: str) -> Any:
        """Take a JSON value, reading on until it is whole."""
        self.next_character()
        wanted = 0
        while True:
            try:
                made, self._at = _DECODER.raw_decode(self._text, self._at)
                return made
            except json.JSONDecodeError as error:
                error.pos -= self._at
                self._text, self._at = self._text[self._at :], 0
                # A value that is cut off ends in the same errors as a faulty one: read on,
                # twice as far every time.
                wanted = max(2 * len(self._text), 1 << 16)
                is_long = len(self._text) > LONGEST_LINE
                if is_long and self._is_cut_off(error):
                    raise _too_long(where) from error
                if is_long or not self._read_to(wanted):
                    raise _fault(where, error) from error
            except _FAULTS as error:
                raise _fault(where, error) from error

    def _is_cut_off(self, error: json.JSONDecodeError) -> bool:
        """Tell whether a value may be right as far as it was read."""
        is_open = error.msg.startswith("Unterminated string")
        return is_open or len(self._text) - error.pos < _LONGEST_WORD

    def _read_to(self, length: int) -> bool:
        pieces = [self._text]
        total = before = len(self._text)
        for piece in self._more:
            pieces.append(piece)
            total += len(piece)
            if total >= length:
                break
        self._text = "".join(pieces)
        return total > before


def _top_level(name: str, text: _Text) -> Iterator[SourceRow]:
    first = text.next_character()
    if first == "[":
        yield from _items(name, text)
    elif first:
        value = text.value(f"{name}, row 1")
        if not text.next_character():
            yield from _whole(name, value)
            return
        number = 1
        while True:
            yield _row(f"{name}, row {number}", value)
            if not text.next_character():
                return
            number += 1
            value = text.value(f"{name}, row {number}")


def _items(name: str, text: _Text) -> Iterator[SourceRow]:
    """Yield the objects of an array, one at a time."""
    text.skip()
    number = 0
    while (following := text.next_character()) != "]":
        where = f"{name}, row {number + 1}"
        if number:
            if following != ",":
                break
            text.skip()
        number += 1
        yield _row(where, text.value(where))
    if text.next_character() != "]":
        raise DataError(f"{name}, row {number}: the array is not closed after it.", _EXAMPLE)
    text.skip()
    if text.next_character():
        raise DataError(f"{name}: there is more text after the array.", _EXAMPLE)


def _whole(name: str, value: Any) -> Iterator[SourceRow]:
    """Yield the rows of a file that is one object."""
    if not isinstance(value, dict):
        yield _row(f"{name}, row 1", value)
        return
    columns = value
    kinds = {type(column) for column in columns.values()}
    if kinds == {list} and not any(isinstance(v, dict) for c in columns.values() for v in c):
        by_row: list[Mapping[str, Any]] = _rows_of_lists(name, columns)
    elif kinds == {dict} and len({tuple(column) for column in columns.values()}) == 1:
        places = list(next(iter(columns.values())))
        by_row = [{key: columns[key][place] for key in columns} for place in places]
    else:
        lists = [
            c for c in columns.values() if isinstance(c, list) and c and isinstance(c[0], dict)
        ]
        by_row = lists[0] if len(lists) == 1 and "data" in columns else [columns]
    for number, row in enumerate(by_row, 1):
        yield _row(f"{name}, row {number}", row)


def _rows_of_lists(name: str, columns: Mapping[str, Sequence[Any]]) -> list[Mapping[str, Any]]:
    lengths = {key: len(column) for key, column in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{quoted(key)} {length}" for key, length in list(lengths.items())[:20])
        raise DataError(f"{name}: expected columns of one length, found: {told}.")
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def json_lines_writer(stream: IO[str], columns: Sequence[str]) -> RowWriter:
    """Return a function that writes a row as a line of JSON."""
    return lambda row: stream.write(json_text(row) + "\n")


class JsonArrayWriter:
    """Writer of one JSON array, an object a line."""

    def __init__(self, stream: IO[str], columns: Sequence[str]) -> None:
        self._stream = stream
        self._between = "[\n"

    def __call__(self, row: Mapping[str, Any]) -> None:
        """Write a row."""
        self._stream.write(self._between + json_text(row))
        self._between = ",\n"

    def close(self) -> None:
        """Write the end of the array."""
        self._stream.write("[]\n" if self._between == "[\n" else "\n]\n")


def json_text(value: Any) -> str:
    """Return JSON in one line; what JSON lacks is written as text, such as a date, or as null: NaN.

    >>> print(json_text({"share": float("nan"), "text": "漢"}))
    {"share": null, "text": "漢"}
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False, default=str)


def _finite(value: Any) -> Any:
    """Return a value with None in the place of numbers that are none, or endless."""
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


JSON_LINES = Format(read_json_lines, json_lines_writer, is_nested=True, keeps_types=True)
JSON = Format(read_json, JsonArrayWriter, is_nested=True, keeps_types=True)
