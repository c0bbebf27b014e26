"""The last layer of an encoder, computed only for the tokens that are read.

Behind the last attention each token's state depends on its own row alone. Where only masks or the
first token are read, three quarters of the last layer's products are left out: an eighth of all
products of a model of six layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

# Encoders whose last layer hands its attention's output, and the input to be added, to a module
# of one name; those with a classifier's head read the first token there.
_ENCODERS = frozenset(
    {
        "bert", "roberta", "xlm-roberta", "camembert", "electra", "deberta", "deberta-v2",
        "roformer", "megatron-bert",
    }
)  # fmt: skip


def can_narrow(model: Any) -> bool:
    """Whether the last layer of a transformers model, or of one read directly, can be narrowed."""
    return model.config.model_type in _ENCODERS


@contextmanager
def only_at(body: Any, columns: Tensor) -> Iterator[None]:
    """Let a model's body compute only these columns, (B, K), of its output: (B, K, H)."""
    rows = row_numbers(columns)
    handle = _behind_attention(body).register_forward_pre_hook(
        lambda _, inputs: tuple(states[rows, columns] for states in inputs)
    )
    try:
        yield
    finally:
        handle.remove()


def only_first(model: Any) -> None:
    """Let a classifier that reads the first token compute no other output, from now on.

    Unlike a context this is safe for threads that share the model.
    """
    if can_narrow(model):
        _behind_attention(model.base_model).register_forward_pre_hook(_first)


def row_numbers(columns: Tensor) -> Tensor:
    """Number the rows of columns (B, K): (B, 1)."""
    return torch.arange(len(columns), device=columns.device)[:, None]


def _first(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(states[:, :1] for states in inputs)


def _behind_attention(body: Any) -> nn.Module:
    module: nn.Module = body.encoder.layer[-1].attention.output
    return module
