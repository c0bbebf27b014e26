"""Bytes of a file to lines of text: encodings, and what is no text at all."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import IO, Any, cast

from pet.errors import DataError

# In bytes: far above any text, and little enough to be held in memory.
LONGEST_LINE = 64 * 2**20
_LINE_IN_WORDS = "64 MiB"
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it starts with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_NO_TEXT = {
    b"\x1f\x8b": ("a gzip file", ".gz"),
    b"PK\x03\x04": ("a zip file or an Excel workbook", ".zip or .xlsx"),
    b"\x28\xb5\x2f\xfd": ("a zstandard file", ".zst"),
    b"\xfd7zXZ\0": ("an xz file", ".xz"),
    b"PAR1\x15": ("a Parquet file", ".parquet"),
    b"ARROW1\0\0": ("an Arrow file", ".arrow"),
}
_ENCODING_HINT = (
    "Give the file's encoding with `--encoding NAME`, such as cp1252, gb18030 or shift_jis."
)


def utf8_stream(name: str, stream: IO[bytes], encoding: str | None = None) -> IO[bytes]:
    """Return a stream of the same text in UTF-8.

    A byte order mark decides the encoding, then ``encoding``; otherwise the bytes stay as they are.

    Raises
    ------
    DataError
        When the bytes are not text, or not text in this encoding; names the line.
    """
    start = stream.read(8)
    for mark, (what, ending) in _NO_TEXT.items():
        if start.startswith(mark):
            raise DataError(
                f"{name}: expected text, found {what}.", f"Let its name end in {ending}."
            )
    marked = next((known for mark, known in _MARKS.items() if start.startswith(mark)), None)
    if marked is None and encoding is None:
        wide = _unmarked_utf16(start)
        if wide is not None:
            raise DataError(
                f"{name}: not UTF-8; it looks like {wide} without a mark at its beginning.",
                f"Read it with `--encoding {wide}`.",
            )
    given = marked or encoding
    if given is not None and codecs.lookup(given).name in ("utf-8", "utf-8-sig"):
        given = None  # the lines are decoded one by one, so that a fault costs one only
    return cast(IO[bytes], io.BufferedReader(_Utf8(name, start, stream, given)))


def _unmarked_utf16(start: bytes) -> str | None:
    """Name the UTF-16 whose letters below 128 these bytes are."""
    if len(start) < 4 or b"\0" not in start:
        return None
    even, odd = start[0:8:2], start[1:8:2]
    if not any(odd) and all(even):
        return "utf-16-le"
    return "utf-16-be" if not any(even) and all(odd) else None


class _Utf8(io.RawIOBase):
    """Bytes of a stream in any encoding, as UTF-8; None leaves them as they are."""

    def __init__(self, name: str, start: bytes, stream: Any, encoding: str | None) -> None:
        self._name, self._start, self._stream, self._encoding = name, start, stream, encoding
        self._decoder = codecs.getincrementaldecoder(encoding)() if encoding else None
        self._ready = b""
        self._lines = 0
        self._error: DataError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        ended = False
        while not self._ready and not ended:
            if self._error is not None:
                raise self._error
            data, self._start = self._start or self._stream.read1(65536), b""
            ended = not data
            self._ready = data if self._decoder is None else self._recoded(data, ended)
        given, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(given)] = given
        return len(given)

    def _recoded(self, data: bytes, ended: bool) -> bytes:
        assert self._decoder is not None
        try:
            text = self._decoder.decode(data, ended)
        except UnicodeError as error:
            # The text before the fault is given first.
            good = error.object[: error.start] if isinstance(error, UnicodeDecodeError) else b""
            text = codecs.decode(good, str(self._encoding), "ignore")
            line = self._lines + text.count("\n") + 1
            self._error = DataError(
                f"{self._name}, line {line}: cannot be read as {self._encoding}.", _ENCODING_HINT
            )
        self._lines += text.count("\n")
        return text.encode("utf-8", "surrogatepass")


class NotUtf8(DataError):
    """A line that is not UTF-8.

    Parameters
    ----------
    where : str
        Place of the line, for the message.
    line : bytes
        The line.
    place : int
        Place of the first faulty byte, from 1.
    """

    def __init__(self, where: str, line: bytes, place: int) -> None:
        super().__init__(f"{where}: byte {place} is not UTF-8.", _ENCODING_HINT, ("not UTF-8",))
        # Delimiters and quotes are what they are, whatever the faulty bytes mean.
        self.text = line.decode("utf-8", "surrogateescape")


def decoded_lines(name: str, stream: IO[bytes]) -> Iterator[str]:
    """Yield the lines of a UTF-8 stream.

    Raises
    ------
    DataError
        Names the first line that is not UTF-8, or too long to be a row.
    """
    return whole_lines(lines_or_faults(name, stream))


def whole_lines(lines: Iterator[str | NotUtf8]) -> Iterator[str]:
    """Yield the lines of `lines_or_faults`; the first fault is raised."""
    for line in lines:
        if isinstance(line, NotUtf8):
            raise line
        yield line


def lines_or_faults(name: str, stream: IO[bytes]) -> Iterator[str | NotUtf8]:
    """Yield the lines of a UTF-8 stream; for one that is not UTF-8, what is wrong.

    Raises
    ------
    DataError
        Names the first line that is too long to be a row.
    """
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise DataError(
                f"{name}, line {number}: longer than {_LINE_IN_WORDS}; expected a row a line.",
                "Give every row a line of its own.",
            )
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            yield NotUtf8(f"{name}, line {number}", line, error.start + 1)
