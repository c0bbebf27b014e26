"""Seams: pieces of a row are encoded as the tokenizer encodes them behind what stands before them.

A row is made of pieces: words of a pattern, texts, label words. Each is encoded once and by itself,
but behind an anchor, the last character before it, whose tokens are cut off again. So the tokens
are those of the whole text wherever no word runs over a seam. Where one does, as in ``{text}ing``,
the right piece goes on with the word, if the tokenizer has tokens for that; the left one is not
changed. White space between two pieces stays as it is written. The part of it that the tokenizer
takes for the start of the next word, such as the space before it, goes with the next piece.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

# A character and the marks on it; a text could have thousands of them.
_MOST_MARKS = 8


@dataclass(frozen=True)
class Before:
    """Context before a piece: an ``anchor``, and white space ``glued`` to the piece's start."""

    anchor: str = ""
    glued: str = ""

    @property
    def end(self) -> str:
        """The last character before the piece."""
        return (self.anchor + self.glued)[-1:]


START = Before()
AFTER_SPACE = Before("x", " ")
AFTER_LETTER = Before("x")
# Behind a full stop, a bracket, the mask or a learned token; most texts end so too.
AFTER_MARK = Before(")")


def tail(text: str) -> str:
    """Return the last character of a text with the marks on it; "" for an empty text.

    >>> tail("good."), len(tail("cafe\\u0301"))
    ('.', 2)
    """
    start = len(text) - 1
    stop = max(start - _MOST_MARKS, 0)
    while start > stop and _is_mark(text[start]):
        start -= 1
    return text[max(start, 0) :]


def _is_mark(character: str) -> bool:
    """Tell whether a character stands with the one before it: accents, vowel signs, joiners."""
    return not character.isspace() and unicodedata.category(character)[0] in "MC"


def stand_ins(anchor: str) -> str:
    """Return characters like an anchor, for when one token spans both it and the piece."""
    if not anchor:
        return ""
    return "xqjzk" if anchor[:1].isalnum() else ")|~。"
