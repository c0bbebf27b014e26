"""How much memory this process needed at most."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from contextlib import suppress
from pathlib import Path

import torch

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def reset_peaks() -> None:
    """Forget earlier peaks: of this process where the system can (Linux), and of the GPUs.

    What earlier work has freed is given back first, so that it is not counted again.
    """
    gc.collect()
    with suppress(OSError, AttributeError):  # of glibc alone
        ctypes.CDLL(None).malloc_trim(0)
    with suppress(OSError):
        _CLEAR.write_text("5")
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # before, this is an error
        for device in range(torch.cuda.device_count()):
            torch.cuda.reset_peak_memory_stats(device)


def peak_memory() -> float:
    """Most resident memory since `reset_peaks`, or else since the process began, in MiB."""
    with suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def peak_gpu_memory() -> float | None:
    """Most memory of tensors on GPUs since `reset_peaks`, in MiB; None without a GPU."""
    devices = range(torch.cuda.device_count())
    return sum(map(torch.cuda.max_memory_allocated, devices)) / 2**20 if devices else None
