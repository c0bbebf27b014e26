"""Cells for spreadsheets, which run a cell as a formula if it starts like one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# Also the wide forms, which spreadsheets of East Asian languages take for the narrow ones.
_FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d+)*|[.,]\d+)([eE][+-]?\d+)?%?")


def plain_cell(value: Any) -> Any:
    """Put ' before a text that a spreadsheet would run as a formula; numbers stay as they are.

    Source: OWASP, CSV injection.

    >>> plain_cell("=1+1"), plain_cell("-0.5"), plain_cell("fine")
    ("'=1+1", '-0.5', 'fine')
    """
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return "'" + value
    return value


def plain_cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row whose cells, and names of columns, are `plain_cell`."""
    return {plain_cell(name): plain_cell(value) for name, value in row.items()}
