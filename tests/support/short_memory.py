"""A memory that is too short for many rows at once: torch's error, without a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

GPU = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
CPU = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:126] err == 0. DefaultCPUAllocator: can't allocate memory: "
    "you tried to allocate 68719476736 bytes. Error code 12 (Cannot allocate memory)"
)


def rows_of(arguments: tuple[Any, ...], named: dict[str, Any]) -> int:
    """Number of rows that a model of transformers is called with."""
    tensors = [value for value in (*arguments, *named.values()) if isinstance(value, torch.Tensor)]
    return len(tensors[0])


def forget_beyond(
    patch: pytest.MonkeyPatch,
    model: type[nn.Module],
    most: int,
    error: Exception = GPU,
    training: bool = False,
) -> list[int]:
    """Let every model of a class run out of memory above so many rows; return those it read.

    With ``training`` only where there are gradients to compute.
    """
    read: list[int] = []
    forward: Callable[..., Any] = model.forward

    def short(self: nn.Module, *arguments: Any, **named: Any) -> Any:
        rows = rows_of(arguments, named)
        if rows > most and (torch.is_grad_enabled() or not training):
            raise error
        read.append(rows)
        return forward(self, *arguments, **named)

    patch.setattr(model, "forward", short)
    return read
