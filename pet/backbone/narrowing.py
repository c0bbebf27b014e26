"""The last layer of an encoder, computed only for the tokens that are read.

Behind the last attention each token's state depends on its own row alone. Where only masks or the
first token are read, three quarters of the last layer's products are left out: an eighth of all
products of a model of six layers.
"""

from __future__ import annotations

import threading
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

_Inputs = tuple[Tensor, ...]
_wanted = threading.local()  # threads may share a model


def can_narrow(model: Any) -> bool:
    """Whether the last layer of a transformers model, or of one read directly, can be narrowed."""
    config = model.config
    if config.model_type not in _ENCODERS:
        return False
    in_chunks = getattr(config, "chunk_size_feed_forward", 0) > 0
    mixes_behind = config.num_hidden_layers == 1 and getattr(config, "conv_kernel_size", 0) > 0
    return not in_chunks and not mixes_behind


def let_narrow(model: Any) -> None:
    """Prepare a model for `only_at`; without that context it computes as before."""
    if can_narrow(model):
        _hook(model.base_model, _narrowed)


def only_first(model: Any) -> None:
    """Let a classifier that reads the first token compute no other output, from now on.

    The last hidden states of its body are then (B, 1, H).
    """
    if can_narrow(model):
        _hook(model.base_model, _first)


@contextmanager
def only_at(body: Any, columns: Tensor) -> Iterator[None]:
    """Let a model's body compute only these columns, (B, K), of its output: (B, K, H)."""
    _wanted.columns = (_behind_attention(body), columns)
    try:
        yield
    finally:
        _wanted.columns = None


def row_numbers(columns: Tensor) -> Tensor:
    """Number the rows of columns (B, K): (B, 1)."""
    return torch.arange(len(columns), device=columns.device)[:, None]


def _narrowed(module: nn.Module, inputs: _Inputs) -> _Inputs | None:
    wanted = getattr(_wanted, "columns", None)
    if wanted is None or wanted[0] is not module:
        return None
    columns = wanted[1]
    return tuple(states[row_numbers(columns), columns] for states in inputs)


def _first(_: nn.Module, inputs: _Inputs) -> _Inputs:
    return tuple(states[:, :1] for states in inputs)


def _hook(body: Any, narrow: Any) -> None:
    module = _behind_attention(body)
    if narrow not in module._forward_pre_hooks.values():
        module.register_forward_pre_hook(narrow)


def _behind_attention(body: Any) -> nn.Module:
    module: nn.Module = body.encoder.layer[-1].attention.output
    return module
