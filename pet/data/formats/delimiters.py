"""The delimiter of a table, found out from its first lines."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator

from pet.data.formats.base import Hints
from pet.data.formats.decoding import NotUtf8
from pet.data.formats.headers import column_called

_CANDIDATES = (",", ";", "\t", "|")
_LINES_LOOKED_AT = 20
# What Excel writes and reads as the first line: the delimiter of the rest.
_SEP_LINE = re.compile(r'"?sep=(.)"?\r?\n?')


class Lines(Iterator[str]):
    """Lines that can be looked at before they are taken.

    Lines that are not UTF-8 are given, too, so that the rows stay apart; `fault` tells of them.
    """

    def __init__(self, lines: Iterator[str | NotUtf8]) -> None:
        self._lines = lines
        self._ahead: deque[str | NotUtf8] = deque()
        self._fault: NotUtf8 | None = None
        self.taken = 0

    def __next__(self) -> str:
        line = self._ahead.popleft() if self._ahead else next(self._lines)
        self.taken += 1
        if isinstance(line, NotUtf8):
            self._fault = self._fault or line
            return line.text
        return line

    def fault(self) -> NotUtf8 | None:
        """Return what is wrong with the lines that were taken since this was last asked."""
        fault, self._fault = self._fault, None
        return fault

    def peek(self, place: int) -> str | None:
        """Return the line ``place`` lines after the next one; None after the end."""
        while len(self._ahead) <= place:
            line = next(self._lines, None)
            if line is None:
                return None
            self._ahead.append(line)
        line = self._ahead[place]
        return line.text if isinstance(line, NotUtf8) else line


def delimiter_of(own: str, lines: Lines, hints: Hints) -> str:
    """Return the delimiter of a table, and take an Excel line such as "sep=;" off its front.

    In this order: what a person said; what such a line says; the delimiter ``own`` of the file's
    ending, if it gives the columns that are looked for; the one that gives most of them; the one
    that cuts the first lines into one number of cells, two or more.

    Parameters
    ----------
    own : str
        Delimiter of the file's ending.
    lines : Lines
        Lines of the file; at most twenty are looked at.
    hints : Hints
        Columns that are looked for.
    """
    csv.field_size_limit(2**31 - 1)
    while (first := lines.peek(0)) is not None and not first.strip("\ufeff\r\n "):
        next(lines)  # blank lines before the header
    told = _SEP_LINE.fullmatch(lines.peek(0) or "")
    if told is not None:
        next(lines)
        return hints.reading.delimiter or told[1]
    if hints.reading.delimiter is not None:
        return hints.reading.delimiter
    header = lines.peek(0)
    if header is None:
        return own
    candidates = dict.fromkeys([own, *_CANDIDATES])
    found = {
        delimiter: _columns_found(_cells(header, delimiter), hints) for delimiter in candidates
    }
    best = max(found, key=lambda delimiter: found[delimiter])  # the first of the best: own
    if found[best] > (0, False):
        return best
    widths = {delimiter: _width(lines, delimiter) for delimiter in candidates}
    widest = max(widths, key=lambda delimiter: widths[delimiter])
    return widest if widths[widest] > 1 and widths[own] < 2 else own


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _columns_found(cells: list[str], hints: Hints) -> tuple[int, bool]:
    """Count the columns of texts among cells, and tell whether that of the label is there."""
    texts = sum(any(column_called(n, cells) is not None for n in names) for names in hints.texts)
    return texts, column_called(hints.label, cells) is not None


def _width(lines: Lines, delimiter: str) -> int:
    """Return the number of cells of the first lines; 0 if they differ."""
    looked_at = [lines.peek(place) for place in range(_LINES_LOOKED_AT)]
    read = csv.reader((line for line in looked_at if line is not None), delimiter=delimiter)
    try:
        widths = {len(cells) for cells in read if cells}
    except csv.Error:
        return 0
    return widths.pop() if len(widths) == 1 else 0
