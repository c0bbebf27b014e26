"""Scripts: which pieces of a vocabulary are words, also where one character is one."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Characters of Chinese, which also Japanese and Korean use: each has a meaning of its own.
IDEOGRAPHS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_ONE = re.compile(f"[{IDEOGRAPHS}]")
_RUN = re.compile(f"[{IDEOGRAPHS}]+")


def is_ideograph(text: str) -> bool:
    """Tell whether a text is one character of Chinese."""
    return _ONE.fullmatch(text) is not None


def has_ideographs(texts: Iterable[str]) -> bool:
    """Tell whether some text has a character of Chinese."""
    return any(_ONE.search(text) for text in texts)


def has_kana(texts: Iterable[str]) -> bool:
    """Tell whether some text has a letter of Japanese."""
    return any(re.search("[\u3041-\u30ff]", text) for text in texts)


def ideograph_runs(text: str) -> list[str]:
    """Return the runs of Chinese characters, which nothing interrupts."""
    return _RUN.findall(text)


def is_word(text: str, ideographs: bool) -> bool:
    """Tell whether a text is a word: two letters or more, or, if these count, one ideograph.

    >>> [is_word(text, ideographs=True) for text in ("good", "g", "##s", "好", "不错")]
    [True, False, False, True, True]
    """
    return text.isalpha() and (len(text) > 1 or (ideographs and is_ideograph(text)))
