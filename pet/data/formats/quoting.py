"""Lines of a table to cells: which double quotes enclose a cell, and which are text.

Between commas, semicolons and bars a cell in double quotes may hold delimiters and line breaks; its
own quotes are doubled. Spreadsheets write tabs the same way, but most other programs write texts
between tabs as they are. There a quote at the start of a cell encloses it only if

1. the quote that closes it stands at the cell's end, and the row then has as many cells as the
   header; and
2. where such a cell goes over several lines, they are not all rows by themselves, or all cells of
   the row are in quotes, as `pet` writes them.

A row that may be meant in both ways is refused, such as one over several rows with doubled quotes.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from pet.data.formats.decoding import LONGEST_LINE
from pet.data.formats.delimiters import Lines
from pet.errors import DataError

_AS_TEXT = "Read quotes as they are with `--quoting none`, or double those inside a cell."
_CELLS_GO_ON = 64  # lines of which each is a row by itself, before a quote counts as text
_CELL_LINES = 200
# Possessive: a doubled quote is never taken for the end, and nothing is tried twice.
_QUOTED = re.compile(r'"((?:[^"]++|"")*+)"')
_OPEN = re.compile(r'"(?:[^"]++|"")*+\Z')
_LINE_END = re.compile(r"[\r\n]*\Z")


def plain_records(lines: Lines, delimiter: str) -> Iterator[list[str]]:
    """Yield the cells of every line, with quotes as they are."""
    for line in lines:
        yield _plain(line, delimiter)


def _plain(line: str, delimiter: str) -> list[str]:
    line = line.rstrip("\r\n")
    return line.split(delimiter) if line else []


def quoted_records(name: str, lines: Lines, delimiter: str) -> Iterator[list[str] | DataError]:
    """Yield rows as spreadsheets write them; the first is the header.

    Raises
    ------
    DataError
        Names the row in which a quote opens that is not closed, or not at its cell's end. It is
        yielded in the row's place where the lines after it are rows beyond doubt.
    """
    record = _Record(lines)
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(record, delimiter=delimiter, strict=True)
    number = width = 0
    while True:
        record.begin()
        where = f"{name}, {'header' if number == 0 else f'row {number}'} (line {lines.taken + 1})"
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _TooLong as error:
            raise DataError(
                f"{where}: a cell starts with a quote that no quote closes.", _AS_TEXT
            ) from error
        except csv.Error as error:
            fault = _fault(where, str(error))
            is_stray = "expected after" in str(error) and len(record.taken) == 1
            if not (is_stray and _is_one_row(record.taken[0], lines, delimiter, width)):
                raise fault from error
            yield fault
        else:
            yield cells
            width = width or len(cells)
        number += 1


def _is_one_row(line: str, lines: Lines, delimiter: str, width: int) -> bool:
    """Tell whether a line with a stray quote is a whole row, and no cell goes on after it.

    A cell that goes on ends with a quote at its end; so the next quote must stand at the start of
    a cell, and all lines up to there must be rows, as the line itself.
    """
    if width < 2 or len(_plain(line, delimiter)) != width:
        return False
    for place in range(_CELLS_GO_ON):
        following = lines.peek(place)
        if following is None:
            return True
        before, quote, after = following.rstrip("\r\n").partition('"')
        if quote:
            opens = not before or before.endswith(delimiter)
            return opens and bool(after) and not after.startswith((delimiter, quote))
        if before and len(_plain(before, delimiter)) != width:
            return False
    return True


def _fault(where: str, error: str) -> DataError:
    if "unexpected end of data" in error:
        return DataError(f"{where}: a cell starts with a quote that no quote closes.", _AS_TEXT)
    if "expected after" in error:
        return DataError(
            f"{where}: a cell starts with a quote that closes before the cell ends.", _AS_TEXT
        )
    if "new-line character" in error:
        return DataError(
            f"{where}: a carriage return inside a cell without quotes.",
            "Save the file with the line ends of Windows or Unix.",
        )
    return DataError(f"{where}: {error}.")


class _TooLong(Exception):
    """A row that goes on for longer than any."""


class _Record(Iterator[str]):
    """Lines for the csv module, which a quote that is never closed would hold in memory."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._length = 0
        self.taken: list[str] = []  # lines of the row

    def begin(self) -> None:
        """Begin a row."""
        self._length = 0
        self.taken = []

    def __next__(self) -> str:
        line = next(self._lines)
        self._length += len(line)
        if self._length > LONGEST_LINE:
            raise _TooLong
        self.taken.append(line)
        return line


def tab_records(name: str, lines: Lines, delimiter: str = "\t") -> Iterator[list[str]]:
    """Yield the rows of a table with tabs, quoted or not; the first is the header.

    Raises
    ------
    DataError
        When a row may be meant in both ways.
    """
    width = None
    for number, line in enumerate(lines):
        where = f"{name}, {'header' if number == 0 else f'row {number}'} (line {lines.taken})"
        cells = _plain(line, delimiter)
        if '"' in line and any(cell.startswith('"') for cell in cells):
            cells = _Candidate(line, lines, delimiter, width, cells).chosen(where)
        yield cells
        width = len(cells) if width is None else width


def _unsure(where: str, taken: str) -> DataError:
    return DataError(
        f"{where}: the quote at the start of a cell may be text, or enclose {taken}.",
        "Say which with `--quoting none` or `--quoting excel`.",
    )


class _Candidate:
    """A line with a cell that starts with a quote, and what the quote may mean."""

    def __init__(
        self, line: str, lines: Lines, delimiter: str, width: int | None, plain: list[str]
    ) -> None:
        self._line, self._lines, self._delimiter = line, lines, delimiter
        self._width, self._plain = width, plain
        self._enclosed, self._doubled = 0, False  # cells in quotes; quotes that are doubled in them

    def chosen(self, where: str) -> list[str]:
        """Return the cells, and take the further lines that belong to them."""
        cells, more = self._quoted(where)
        if cells is None or (self._width is not None and len(cells) != self._width):
            return self._plain
        if more and (self._width == 1 or self._enclosed < len(cells)):
            spanned = [
                self._plain,
                *(_plain(self._peeked(n), self._delimiter) for n in range(more)),
            ]
            # A blank line is no row, and so speaks for neither.
            rows = [not line or len(line) == self._width for line in spanned]
            if all(rows) and self._width != 1 and not self._doubled:
                return self._plain
            holds_delimiter = any(self._delimiter in cell for cell in cells)
            if all(rows) or (holds_delimiter and any(rows[:-1])):
                raise _unsure(where, f"{more + 1} lines")
        for _ in range(more):
            next(self._lines)
        return cells

    def _peeked(self, place: int) -> str:
        return self._lines.peek(place) or ""

    def _quoted(self, where: str) -> tuple[list[str] | None, int]:
        """Return the cells if quotes enclose, and the number of further lines that they take.

        None where a quote does not close at the end of its cell, or does not close at all.
        """
        text, more, by_themselves = self._line, 0, 0
        cells: list[str] = []
        at = 0
        while True:
            match = _QUOTED.match(text, at)
            if match is not None and self._ends(text, match.end()):
                cells.append(match[1].replace('""', '"'))
                self._enclosed += 1
                self._doubled |= '""' in match[1]
                at = match.end()
            elif text.startswith('"', at):
                if _OPEN.match(text, at) is None:
                    return None, 0  # closed before the cell's end
                following = self._lines.peek(more)
                if following is None:
                    return None, 0
                if more >= _CELL_LINES:
                    if self._width is None or self._width == 1:
                        return None, 0
                    # Few of the lines are rows: most likely they are one text.
                    raise _unsure(where, f"more than {_CELL_LINES} lines")
                by_themselves += len(_plain(following, self._delimiter)) == self._width
                if self._width != 1 and by_themselves > _CELLS_GO_ON:
                    return None, 0
                text, more = text[at:] + following, more + 1
                at = 0
                continue
            else:
                end = re.compile(re.escape(self._delimiter) + r"|\r?\n|\Z").search(text, at)
                assert end is not None
                cells.append(text[at : end.start()])
                at = end.start()
            if not text.startswith(self._delimiter, at):
                return cells, more
            at += len(self._delimiter)

    def _ends(self, text: str, at: int) -> bool:
        """Tell whether a cell ends here."""
        return bool(_LINE_END.match(text, at)) or text.startswith(self._delimiter, at)
