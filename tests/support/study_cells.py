"""Cells of the small study."""

from __future__ import annotations

from typing import Any

from studies import FILES, quick

from pet.evaluation.study.cells import CellSpec


def spec(seed: int = 1, shots: int = 2, **more: Any) -> CellSpec:
    return CellSpec(more.pop("files", FILES), "tfidf", shots, seed, quick(), **more)
