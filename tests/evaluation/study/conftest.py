"""Cells without a collection of garbage before each."""

from __future__ import annotations

import pytest

from pet.evaluation.study import cells


@pytest.fixture(autouse=True)
def no_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Collecting garbage before every cell takes longer than the cells of these tests."""
    monkeypatch.setattr(cells, "reset_peaks", lambda: None)
