"""Characters: where a byte-level tokenizer splits one, so that a text is never cut inside it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import pre_tokenizers

from pet.encoding.ragged import Ragged
from pet.types import Ints

# Bytes of a character, at most.
_LONGEST = 4


def begins_character(backend: Any) -> NDArray[np.bool_] | None:
    """Tell for every token whether a character begins with it, (V,); None if one always does.

    The bytes of a character in UTF-8 are 0x80 to 0xBF, but for the first. A character outside Latin
    may be several tokens of a byte-level vocabulary.
    """
    state = backend.to_str() if hasattr(backend, "to_str") else ""
    inside = {f"<0x{byte:02X}>" for byte in range(0x80, 0xC0)}  # of vocabularies with single bytes
    first: set[str] = set()
    if '"ByteLevel"' in json.dumps([json.loads(state or "{}").get("decoder")]):
        spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str
        first = {spell(bytes([0xC2, byte]).decode())[0][0][1] for byte in range(0x80, 0xC0)}
    vocabulary = backend.get_vocab() if state else {}
    begins = np.ones(max(vocabulary.values(), default=-1) + 1, dtype=np.bool_)
    for token, number in vocabulary.items():
        begins[number] = token not in inside and token[:1] not in first
    return None if begins.all() else begins


def whole_characters(
    tokens: Ragged, front: Ints, back: Ints, begins: NDArray[np.bool_]
) -> tuple[Ints, Ints]:
    """Lower the numbers of tokens kept at both ends of texts until no character is cut in two.

    ``front`` and ``back`` are (N,), as are the two arrays that are returned.
    """
    starts, lengths = tokens.starts[:-1], tokens.lengths
    front, back = front.copy(), back.copy()
    is_cut = front + back < lengths
    for _ in range(_LONGEST - 1):
        front -= _splits(tokens, is_cut & (front > 0), starts + front, begins)
        back -= _splits(tokens, is_cut & (back > 0), starts + lengths - back, begins)
    return front, back


def _splits(
    tokens: Ragged, rows: NDArray[np.bool_], edges: Ints, begins: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Tell for which rows the token behind an edge goes on with a character."""
    split = np.zeros(len(rows), dtype=np.bool_)
    split[rows] = ~begins[tokens.flat[edges[rows]]]
    return split
