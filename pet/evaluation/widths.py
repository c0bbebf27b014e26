"""Widths: the columns that text takes in a terminal, and those of its window."""

from __future__ import annotations

import shutil
import sys
import unicodedata

_PICTURE = "\ufe0f"  # makes the sign before it a picture, which is two columns wide


def width_of(text: str) -> int:
    """Return the columns that a text takes: signs of East Asian scripts and emoji take two each."""
    columns = last = 0
    for sign in text:
        if sign == _PICTURE and last == 1:
            own = 1
        elif unicodedata.category(sign) in ("Mn", "Me", "Cf"):
            own = 0
        else:
            own = last = 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        columns += own
    return columns


def cut_to(text: str, width: int, mark: str = "...") -> str:
    """Cut a text to at most so many columns, the mark at its end included."""
    if width_of(text) <= width:
        return text
    kept, columns = "", 0
    for sign in text:
        columns += width_of(sign)
        if columns > width - len(mark):
            break
        kept += sign
    return kept.rstrip() + mark


def window_width() -> int | None:
    """Return the columns of the terminal that standard output is; None where it is another thing.

    A file, a pipe or a notebook gets all of a line.
    """
    stream = sys.stdout
    if stream is None or not stream.isatty():
        return None
    return shutil.get_terminal_size().columns
