"""Peak memory of this process, resident and on GPUs."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress
from pathlib import Path

import torch

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment, unused-ignore]

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def reset_peaks() -> None:
    """Forget earlier peaks: of this process if the system can (Linux), and of the GPUs.

    Memory that earlier work has freed is first returned to the system, so that it does not count.
    """
    gc.collect()
    with suppress(OSError, AttributeError, TypeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
    with suppress(OSError):
        _CLEAR.write_text("5")
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # before, this is an error
        for device in range(torch.cuda.device_count()):
            torch.cuda.reset_peak_memory_stats(device)


def peak_memory() -> float:
    """Return the peak of resident memory since `reset_peaks`, or else since the start, in MiB.

    0 on a system that does not tell.
    """
    with suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    if resource is None:
        return 0.0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def peak_gpu_memory() -> float | None:
    """Return the peak of tensor memory on GPUs since `reset_peaks`, in MiB; None without a GPU."""
    devices = range(torch.cuda.device_count())
    return sum(map(torch.cuda.max_memory_allocated, devices)) / 2**20 if devices else None
