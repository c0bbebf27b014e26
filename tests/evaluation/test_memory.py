"""Peaks of memory."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from pet.evaluation.study import memory
from pet.evaluation.study.memory import peak_gpu_memory, peak_memory, reset_peaks


@pytest.mark.skipif(sys.platform != "linux", reason="peaks can be reset on Linux alone")
def test_a_peak_is_seen_and_forgotten() -> None:
    reset_peaks()
    before = peak_memory()
    block = np.ones(200 * 2**17)  # 200 MiB
    with_block = peak_memory()
    del block
    assert peak_memory() == pytest.approx(with_block, abs=20)
    reset_peaks()
    assert with_block - before == pytest.approx(200, abs=40)
    assert with_block - peak_memory() == pytest.approx(200, abs=40)


def test_a_system_that_tells_nothing_of_memory_is_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "absent")
    assert peak_memory() > 1  # as other Unix systems tell it
    monkeypatch.setattr(memory, "resource", None)
    reset_peaks()
    assert peak_memory() == 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_there_is_no_gpu_memory() -> None:
    assert peak_gpu_memory() is None


def test_peaks_of_gpus_are_reset_once_these_are_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    reset: list[int] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", reset.append)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    reset_peaks()
    assert reset == []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    reset_peaks()
    assert reset == [0, 1]
