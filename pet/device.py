"""Where and in which precision the arithmetic happens."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from numpy.typing import NDArray
from torch import Tensor

from pet.errors import UsageError, did_you_mean

Precision = Literal["auto", "fp32", "bf16", "fp16"]

# oneDNN compiles every product for each shape of batch it meets and keeps 1,024 of them, a megabyte
# or so each: memory that grows with the variety of lengths. It reads this when it is first used.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")

_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Compute:
    """A device and the precision of its matrix products; weights always stay in fp32."""

    device: torch.device
    precision: str

    @classmethod
    def choose(cls, device: str = "auto", precision: str = "auto") -> Compute:
        """Resolve "auto": a CUDA GPU where there is one, and bf16 where the hardware has it.

        Raises
        ------
        UsageError
            When the device is not there or the precision is unknown.
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
        """Context in which matrix products run in the chosen precision."""
        return torch.autocast(
            self.device.type, dtype=_TYPES[self.precision], enabled=self.precision != "fp32"
        )

    def gradient_scaler(self) -> torch.amp.GradScaler:
        """Loss scaling, which fp16 gradients need and which is off otherwise."""
        return torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")

    def put(self, array: NDArray[Any]) -> Tensor:
        """Copy an array to the device; to a GPU without waiting for the copy."""
        return put(array, self.device)

    @property
    def token_budget(self) -> int:
        """Padded tokens in one forward pass without gradients.

        Small batches stay in a CPU's cache and pad less: 1,024 took a quarter less time than 4,096
        (benchmarks/RESULTS.md). A GPU wants to be filled.
        """
        return 1024 if self.device.type == "cpu" else 16384

    @property
    def pass_cost(self) -> int:
        """What a forward pass costs beside its tokens, in tokens.

        On a CPU that is little, so rows of different lengths are better read apart than padded; on
        a GPU it is as much as a full batch.
        """
        return 32 if self.device.type == "cpu" else self.token_budget

    @property
    def attention(self) -> str | None:
        """Attention implementation; None leaves it to transformers.

        That is the fused one on a GPU, which DeBERTa, MPNet and others do not have. On a CPU the
        plain one's backward pass is about a third faster on short texts (benchmarks/RESULTS.md).
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
