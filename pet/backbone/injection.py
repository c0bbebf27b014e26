"""Prompts put into a transformers model: vectors instead of word embeddings, hooks on layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from itertools import count
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from pet.backbone.attention import before_attention
from pet.encoding import Batch
from pet.encoding.slots import Filling, Prompt, Slots
from pet.errors import BackboneError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def model_inputs(batch: Batch) -> dict[str, Tensor]:
    """Return a batch under the names that transformers models take, without its prompts."""
    inputs = {"input_ids": batch.ids}
    if batch.attention is not None:
        inputs["attention_mask"] = batch.attention
    if batch.segments is not None:
        inputs["token_type_ids"] = batch.segments
    return inputs


@contextmanager
def prompted(body: PreTrainedModel, batch: Batch) -> Iterator[dict[str, Tensor]]:
    """Yield the inputs of a model's body, which sees the batch's prompts inside this context.

    The model counts positions itself: rows are padded on the right, where every family counts
    alike for token ids and for embeddings.
    """
    inputs = model_inputs(batch)
    # Compute prompts before the model runs, whose precision may be another.
    fillings = [filling.settled() for filling in batch.fillings]
    filled = _filled(fillings)
    if not filled:
        yield inputs
        return

    def deeper(layer: int, states: Tensor) -> Tensor:
        here = [(slots, prompt) for slots, prompt in filled if layer in prompt.deep]
        new = [(slots, prompt.deep[layer]) for slots, prompt in here if not prompt.adds]
        added = [(slots, prompt.deep[layer]) for slots, prompt in here if prompt.adds]
        states = _put(states, new) if new else states
        return states + _put(torch.zeros_like(states), added) if added else states

    words = body.get_input_embeddings()(inputs.pop("input_ids"))
    inputs["inputs_embeds"] = _put(words, [(slots, prompt.vectors) for slots, prompt in filled])
    with ExitStack() as stack:
        if any(prompt.deep for _, prompt in filled):
            stack.enter_context(_before_layers(body, deeper))
        stack.enter_context(attending(body, fillings))
        yield inputs


@contextmanager
def attending(body: PreTrainedModel, fillings: Sequence[Filling]) -> Iterator[None]:
    """Make a model's body attend to the learned keys and values of prompts inside this context.

    The model may read the slots themselves, or continue from the keys and values of earlier text.
    """
    tables = [
        (slots, prompt.attended)
        for slots, prompt in _filled(fillings)
        if prompt.attended is not None
    ]

    def seen(layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        keys = [(slots, table[layer, 0]) for slots, table in tables]
        values = [(slots, table[layer, 1]) for slots, table in tables]
        return _put_heads(key, keys), _put_heads(value, values)

    with before_attention(body, seen) if tables else nullcontext():
        yield


def _filled(fillings: Sequence[Filling]) -> list[tuple[Slots, Prompt]]:
    return [(place.slots, place.prompt()) for place in fillings if place.prompt is not None]


def _put(states: Tensor, filled: Sequence[tuple[Slots, Tensor]]) -> Tensor:
    """Return a copy of the states (B, L, H) with vectors in their slots."""
    rows = torch.cat([slots.rows for slots, _ in filled])
    columns = torch.cat([slots.columns for slots, _ in filled])
    values = torch.cat([vectors[slots.entries] for slots, vectors in filled])
    return states.index_put((rows, columns), values.to(states.dtype))


def _put_heads(states: Tensor, filled: Sequence[tuple[Slots, Tensor]]) -> Tensor:
    """Return a copy of (B, heads, L, width) with vectors (T, K) in their slots."""
    heads = [
        (slots, vectors.reshape(len(vectors), states.shape[1], -1)) for slots, vectors in filled
    ]
    return _put(states.transpose(1, 2), heads).transpose(1, 2)


def layer_inputs(body: PreTrainedModel, vectors: Tensor) -> list[Tensor]:
    """Compute the input (T, H) of every layer for an input of these vectors alone, (T, E).

    Raises
    ------
    BackboneError
        When the layers of the architecture are not found.
    """
    seen: list[Tensor] = []

    def keep(_: int, states: Tensor) -> Tensor:
        seen.append(states[0].detach().clone())
        return states

    with _before_layers(body, keep):
        _read_alone(body, vectors)
    if len(seen) != body.config.num_hidden_layers:
        raise BackboneError(
            f"{type(body).__name__} has {body.config.num_hidden_layers} layers, of which "
            f"{len(seen)} were found: its architecture takes no deep prompts.",
            "Use `--soft prompt-tuning`.",
        )
    return seen


def attended(body: PreTrainedModel, vectors: Tensor) -> Tensor:
    """Compute keys and values of every layer for an input of these vectors alone, (T, E).

    Returns
    -------
    Tensor
        Keys and values of each of D layers, (D, 2, T, K): K is the number of heads times their
        width.

    Raises
    ------
    BackboneError
        When the architecture does not let its attention be changed.
    """
    seen: list[Tensor] = []

    def keep(_: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        pair = [heads[0].transpose(0, 1).flatten(1) for heads in (key, value)]
        seen.append(torch.stack(pair).detach().clone())
        return key, value

    with before_attention(body, keep):
        _read_alone(body, vectors)
    if not seen:
        raise BackboneError(
            f"{type(body).__name__} computes attention in a way of its own, which takes no learned "
            "keys and values.",
            "Use `--soft deep`: vectors at every layer, for all architectures.",
        )
    return torch.stack(seen)


@torch.no_grad()
def _read_alone(body: PreTrainedModel, vectors: Tensor) -> None:
    mode = body.training
    body.train(False)
    body(inputs_embeds=vectors[None], attention_mask=vectors.new_ones(1, len(vectors)).long())
    body.train(mode)


@contextmanager
def _before_layers(
    body: PreTrainedModel, change: Callable[[int, Tensor], Tensor]
) -> Iterator[None]:
    """Pass the input of every layer through ``change``, which is told the layer's number."""
    # Calls are counted, because some architectures call one layer again and again.
    numbers = count()

    def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        layer = next(numbers)
        if args:
            return (change(layer, args[0]), *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": change(layer, kwargs["hidden_states"])}

    with ExitStack() as stack:
        for module in _layers(body):
            stack.callback(module.register_forward_pre_hook(hook, with_kwargs=True).remove)
        yield


def _layers(body: PreTrainedModel) -> nn.ModuleList:
    """Return the layers of an encoder, or those that it calls again and again."""
    modules = body.modules()
    lists = [module for module in modules if isinstance(module, nn.ModuleList) and len(module)]
    if not lists:
        raise BackboneError(
            f"{type(body).__name__} has no list of layers for deep prompts.",
            "Use `--soft prompt-tuning`.",
        )
    expected = body.config.num_hidden_layers
    return next((layers for layers in lists if len(layers) == expected), lists[0])
