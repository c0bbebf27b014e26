"""Cells without a collection of garbage before each."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Collecting garbage before every cell takes longer than the cells of these tests."""
    monkeypatch.setattr("pet.evaluation.study.cells.reset_peaks", lambda: None)
