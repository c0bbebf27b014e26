"""Keys and values changed on their way into attention, whatever the architecture.

transformers finds attention functions by name and lets more be registered. The one here changes
keys and values, and then calls the function that the model would have called.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Number of an attention, its keys and its values (B, heads, L, width) -> new keys and values.
Change = Callable[[int, Tensor, Tensor], tuple[Tensor, Tensor]]

_NAME = "pet"


class _Within(NamedTuple):
    change: Change
    beneath: str  # the name of the implementation that is called in the end
    numbers: Iterator[int]


_within: ContextVar[_Within] = ContextVar("within")


@contextmanager
def before_attention(body: PreTrainedModel, change: Change) -> Iterator[None]:
    """Pass the keys and values of every attention of a model's body through ``change``.

    Attentions are numbered as they are called, because some architectures call one again and
    again. An architecture that bypasses transformers' attention functions never calls ``change``.
    """
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface

    AttentionInterface.register(_NAME, _attend)
    # Without a mask function of the same name padding is silently attended to.
    AttentionMaskInterface.register(_NAME, _mask)
    config = body.config
    within = _Within(change, config._attn_implementation, count())
    token = _within.set(within)
    config._attn_implementation = _NAME
    try:
        yield
    finally:
        config._attn_implementation = within.beneath
        _within.reset(token)


def _attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **more: Any
) -> Any:
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS as KNOWN

    within = _within.get()
    key, value = within.change(next(within.numbers), key, value)
    if within.beneath == "eager":  # no name of the interface: each architecture has its own
        architecture = sys.modules[type(module).__module__]
        attention = getattr(architecture, "eager_attention_forward", KNOWN["sdpa"])
    else:
        attention = KNOWN[within.beneath]
    return attention(module, query, key, value, mask, **more)


def _mask(*args: Any, **more: Any) -> Any:
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS as KNOWN

    return KNOWN[_within.get().beneath](*args, **more)
