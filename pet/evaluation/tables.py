"""Tables: figures as aligned text, and text that is safe to show."""

from __future__ import annotations

import re
from collections.abc import Sequence

_TEMPLATE_WIDTH = 50
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


def text_table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Align rows as text; the first column is flush left, the others right."""
    table = [[one_line(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
    lines.insert(1, "-" * max(len(line) for line in lines))
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
