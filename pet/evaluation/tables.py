"""Tables: figures as aligned text."""

from __future__ import annotations

from collections.abc import Sequence

_TEMPLATE_WIDTH = 50


def text_table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Align rows as text; the first column is flush left, the others right."""
    table = [list(header), *[list(row) for row in rows]]
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
