"""Tables: figures as aligned text, and text that is safe to show."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence

from pet.evaluation.widths import cut_to, width_of, window_width

_TEMPLATE_WIDTH = 50
_GAP = "  "
_NARROWEST = 12  # columns of a first column that is cut
# A terminal obeys these: they can clear it, set its title, or write over other lines.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_IN_LINES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def readable(text: str) -> str:
    """Write a text's control characters as escapes, such as ``\\u001b``; line ends and tabs stay.

    JSON text stays the same value.
    """
    return _CONTROL_IN_LINES.sub(_escape, text)


def one_line(text: str) -> str:
    """Write all control characters of a text as escapes, line ends and tabs among them."""
    return _CONTROL.sub(_escape, text)


def _escape(character: re.Match[str]) -> str:
    return f"\\u{ord(character[0]):04x}"


def text_table(
    rows: Sequence[Sequence[str]], header: Sequence[str], width: int | None = None
) -> str:
    """Align rows as text; the first column is flush left, the others right.

    A table that is wider than ``width`` columns, by default those of the window where standard
    output is a terminal, is fitted: headings take several lines, then the first column is cut, and
    columns for which there is no place follow below, beside the first one again.
    """
    table = [[one_line(cell) for cell in row] for row in [header, *rows]]
    width = window_width() if width is None else width
    natural = [max(map(width_of, column)) for column in zip(*table, strict=True)]
    if width is None or _total(natural) <= width:
        return _aligned(table[1:], [table[0]], natural)
    words = [max(map(width_of, cell.split()), default=0) for cell in table[0]]
    bodies = [max(map(width_of, column)) for column in zip(*table[1:], strict=True)] or words
    widths = list(map(max, words, bodies))
    widths[0] = min(widths[0], max(_NARROWEST, width - _total(widths) + widths[0]))
    body = [[cut_to(row[0], widths[0]), *row[1:]] for row in table[1:]]
    blocks = []
    for columns in _fitting(widths, width):
        wrapped = [textwrap.wrap(table[0][c], max(1, widths[c])) for c in columns]
        height = max(map(len, wrapped))
        heads = [[""] * (height - len(lines)) + lines for lines in wrapped]
        blocks.append(
            _aligned(
                [[row[c] for c in columns] for row in body],
                list(zip(*heads, strict=True)),
                [widths[c] for c in columns],
            )
        )
    return "\n\n".join(blocks)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _fitting(widths: Sequence[int], width: int) -> list[list[int]]:
    """Part columns so that each part, with the first column, fits; a column alone may not."""
    parts: list[list[int]] = [[0]]
    for column in range(1, len(widths)):
        if len(parts[-1]) > 1 and _total([widths[c] for c in [*parts[-1], column]]) > width:
            parts.append([0])
        parts[-1].append(column)
    return parts


def _aligned(
    rows: Sequence[Sequence[str]], heads: Sequence[Sequence[str]], widths: Sequence[int]
) -> str:
    lines = []
    for row in [*heads, *rows]:
        gaps = [" " * (width - width_of(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = [
            row[0] + gaps[0],
            *(gap + cell for gap, cell in zip(gaps[1:], row[1:], strict=True)),
        ]
        lines.append(_GAP.join(cells).rstrip())
    lines.insert(len(heads), "-" * max(map(width_of, lines)))
    return "\n".join(lines)


def names_below(names: Mapping[str, str]) -> str:
    """Return lines that say what names of a table stand for, cut to the window if there is one."""
    widest, width = max(map(width_of, names), default=0), window_width()
    lines = []
    for name, meaning in names.items():
        line = name + " " * (widest - width_of(name)) + _GAP + one_line(meaning)
        lines.append((line if width is None else cut_to(line, width)).rstrip())
    return "\n".join(lines)


def percent(value: float | None) -> str:
    """Format a share for a table; a dash for None."""
    return "-" if value is None else f"{100 * value:.1f}"


def shortened(text: str, width: int, mark: str = "...") -> str:
    """Cut a text to at most ``width`` characters, the mark at its end included."""
    return text if len(text) <= width else text[: width - len(mark)].rstrip() + mark


def pattern_title(name: str, template: str) -> str:
    """Join a member's name and its template, shortened, as tables and diagrams show them."""
    return f"{name}  {shortened(template, _TEMPLATE_WIDTH)}".rstrip()
