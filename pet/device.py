"""Device and precision of the arithmetic."""

from __future__ import annotations

import logging
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, get_args

import torch
from numpy.typing import NDArray
from torch import Tensor

from pet.errors import UsageError, did_you_mean

log = logging.getLogger(__name__)

Precision = Literal["auto", "fp32", "bf16", "fp16"]

# oneDNN compiles every product for each shape of batch and keeps 1,024 of them, about a megabyte
# each: memory that grows with the variety of lengths. It reads this variable at its first use.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")

# OpenMP's pool of threads does not survive a fork: a child that used several would wait for threads
# that it does not have. So it computes with one, as the workers of a `DataLoader` do. This is
# said here, not where a device is chosen: a classifier that was unpickled never chose one.
if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=partial(torch.set_num_threads, 1))

_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass
class Parts:
    """The number of parts in which a batch is read: 1 until memory runs out, then twice as many.

    Attributes
    ----------
    number : int
        Parts of a batch.
    most : int
        Rows of the largest batch so far; more parts would be of no use.
    """

    number: int = 1
    most: int = 1

    def of(self, rows: int) -> int:
        """Return the parts of a batch of so many rows."""
        self.most = max(self.most, rows)
        return min(self.number, rows)

    def double(self, rows: int | None = None) -> bool:
        """Take twice as many; False if a batch of so many rows, or the largest, is in rows already.

        Memory that torch keeps for itself on a GPU is given back.
        """
        if self.number >= (self.most if rows is None else rows):
            return False
        self.number *= 2
        log.warning("memory is short: batches are now read in %d parts", self.number)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return True


@dataclass(frozen=True)
class Compute:
    """A device and the precision of its matrix products; weights always stay in fp32."""

    device: torch.device
    precision: str
    parts: Parts = field(default_factory=Parts, compare=False, repr=False)

    @classmethod
    def choose(cls, device: str = "auto", precision: str = "auto") -> Compute:
        """Resolve "auto": a CUDA GPU if there is one, and bf16 if the hardware has it.

        Raises
        ------
        UsageError
            When the device cannot be used or the precision is unknown.
        """
        if precision not in get_args(Precision):
            raise UsageError(
                f"Unknown precision {precision!r}.", did_you_mean(precision, get_args(Precision))
            )
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            chosen = torch.device(device)
            torch.empty(0, device=chosen)
        except (RuntimeError, AssertionError) as error:
            raise UsageError(
                f"Device {device!r} cannot be used: {str(error).splitlines()[0]}",
                "Use `--device cpu`, cuda or cuda:N.",
            ) from error
        if precision == "auto":
            precision = "bf16" if _has_bf16(chosen) else "fp32"
        return cls(chosen, precision)

    def autocast(self) -> AbstractContextManager[None]:
        """Return a context in which matrix products run in the chosen precision."""
        return torch.autocast(
            self.device.type, dtype=_TYPES[self.precision], enabled=self.precision != "fp32"
        )

    def gradient_scaler(self) -> torch.amp.GradScaler:
        """Return the loss scaling for fp16 gradients; it does nothing in other precisions."""
        return torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")

    def put(self, array: NDArray[Any]) -> Tensor:
        """Copy an array to the device; see `put`."""
        return put(array, self.device)

    @property
    def token_budget(self) -> int:
        """Number of padded tokens in one forward pass without gradients.

        Small batches stay in a CPU's cache and need less padding: 1,024 tokens took a quarter less
        time than 4,096 (benchmarks/RESULTS.md). A GPU is fast only with large batches.
        """
        return 1024 if self.device.type == "cpu" else 16384

    @property
    def pass_cost(self) -> int:
        """Fixed cost of a forward pass, in tokens.

        On a CPU it is small, so reading rows of different lengths apart costs less than padding
        them; on a GPU it is as much as a full batch.
        """
        return 32 if self.device.type == "cpu" else self.token_budget

    @property
    def attention(self) -> str | None:
        """Name of the attention implementation; None leaves the choice to transformers.

        On a GPU transformers takes the fused one where a model has it; DeBERTa, MPNet and others do
        not. On a CPU the backward pass of the plain one is about a third faster on short texts
        (benchmarks/RESULTS.md).
        """
        return "eager" if self.device.type == "cpu" else None


def put(array: NDArray[Any], device: torch.device | str) -> Tensor:
    """Copy an array to a device; to a GPU from pinned memory, without waiting for the copy."""
    tensor = torch.from_numpy(array)
    if torch.device(device).type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    features = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(features.get("avx512_bf16") or features.get("amx_bf16"))
