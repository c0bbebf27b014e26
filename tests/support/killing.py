"""Trainings that are killed from within, and what they must end with all the same."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pet.training import Checkpoint, checkpoints


class Killed(BaseException):
    """Ends a training from within, where a signal would."""


def killer(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Write a checkpoint after every step, and be killed right after so many from a call on."""
    left, write = 0, Checkpoint.write

    def and_die(self: Checkpoint, *given: Any, **more: Any) -> None:
        nonlocal left
        write(self, *given, **more)
        left -= 1
        if not left:
            raise Killed

    def after(written: int) -> None:
        nonlocal left
        left = written

    monkeypatch.setattr(checkpoints, "EVERY_SECONDS", None)
    monkeypatch.setattr(Checkpoint, "write", and_die)
    return after


def killed_again_and_again(
    go: Callable[[], Any], place: Path, dying: Callable[[int], None], written: Sequence[int]
) -> None:
    """Start a run in a folder, killed after so many checkpoints in turn, until it ends."""
    kills = 0
    for after in itertools.cycle(written):
        dying(after)
        try:
            go()
        except Killed:
            kills += 1
            assert list(place.rglob("checkpoint.safetensors"))
            continue
        break
    assert kills >= 4
    assert not list(place.rglob("checkpoint.safetensors"))


def same_files(found: Path, expected: Path) -> list[Path]:
    """Compare all weights and scores of two runs byte by byte, and return their places."""
    files = [
        file.relative_to(expected)
        for pattern in ("*.safetensors", "*.npy")
        for file in expected.rglob(pattern)
    ]
    for file in files:
        assert (found / file).read_bytes() == (expected / file).read_bytes(), file
    return files
