"""Shares: how many tokens every field keeps of a text that is too long."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pet.errors import PatternError
from pet.task.parts import Field
from pet.types import Ints


def shares(
    fields: Sequence[Field], lengths: Sequence[Ints], most: int, max_length: int
) -> list[Ints]:
    """Return the numbers of tokens that fields keep of their ``lengths``, (N,) a field.

    The longest field is shortened first, a field marked ``:keep`` never. Demonstrations get
    the room that the input does not need, at most half of all.

    Parameters
    ----------
    fields : sequence of Field
        The fields.
    lengths : sequence of array (N,)
        Number of tokens of every text.
    most : int
        Most tokens of all texts of a row.
    max_length : int
        Most tokens of a row, for the message.

    Raises
    ------
    PatternError
        When fields that are marked ``:keep`` do not fit.
    """
    count = len(lengths[0]) if lengths else 0
    room = np.full(count, most, dtype=np.int64)
    inputs: list[Ints] = []
    beside: list[Ints] = []
    for field, length in zip(fields, lengths, strict=True):
        if field.keep:
            room = room - length
        else:
            (beside if field.beside else inputs).append(length)
    if (room < 0).any():
        row = int(np.argmin(room))
        raise PatternError(
            f"Example {row + 1} of this batch: the fields marked :keep are {-room[row]} tokens "
            f"longer than {max_length} tokens allow.",
            "Drop :keep or raise `--max-length`.",
        )
    outer = sum(beside, np.zeros(count, dtype=np.int64))
    inner = _shortened(inputs, np.maximum(room - outer, room // 2))
    shown = _shortened(beside, room - sum(inner, np.zeros(count, dtype=np.int64)))
    kept_inner, kept_outer = iter(inner), iter(shown)
    return [
        length if field.keep else next(kept_outer if field.beside else kept_inner)
        for field, length in zip(fields, lengths, strict=True)
    ]


def _shortened(lengths: Sequence[Ints], room: Ints) -> list[Ints]:
    """Return how much of the fields' ``lengths``, (N,) each, is kept to fit into ``room`` (N,).

    The longest fields are cut to one length. What is left over, less than a token for each of them,
    goes to the longest, the last of them among equals: so do tokenizers cut pairs of texts
    ("longest first").
    """
    if not lengths:
        return []
    stacked = np.stack(lengths)
    kept = np.minimum(stacked, _caps(stacked, room))
    is_cut = kept < stacked
    order = np.where(is_cut, -stacked, 1)[::-1].argsort(axis=0, kind="stable").argsort(axis=0)[::-1]
    kept += is_cut & (order < room - kept.sum(axis=0))
    return list(kept)


def _caps(lengths: Ints, room: Ints) -> Ints:
    """Return the largest cap c per row, (N,), with ``sum(min(length, c)) <= room``.

    ``lengths`` are (F, N), ``room`` is (N,).
    """
    ordered = np.sort(lengths, axis=0)
    caps = np.full(room.shape, np.iinfo(np.int64).max)
    spent = np.zeros_like(room)
    undecided = ordered.sum(axis=0) > room
    for rank, shortest in enumerate(ordered):
        level = (room - spent) // (len(ordered) - rank)
        decided = undecided & (shortest > level)
        caps[decided] = level[decided]
        undecided &= ~decided
        spent += shortest
    return caps
