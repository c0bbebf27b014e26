"""A prompt put into a transformers model: vectors in the places of word embeddings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from pet.encoding import Batch


def model_inputs(batch: Batch) -> dict[str, Tensor]:
    """Return a batch under the names that transformers models take; a prompt in it is left out."""
    inputs = {"input_ids": batch.ids}
    if batch.attention is not None:
        inputs["attention_mask"] = batch.attention
    if batch.segments is not None:
        inputs["token_type_ids"] = batch.segments
    return inputs


@contextmanager
def prompted(body: Any, batch: Batch) -> Iterator[dict[str, Tensor]]:
    """Yield the inputs of a model's body, which sees the batch's prompt in this context.

    Positions are left to the model: rows are padded on the right, where every family counts them
    alike for token ids and for embeddings.
    """
    inputs = model_inputs(batch)
    slots = batch.slots
    if batch.prompt is None or slots is None:
        yield inputs
        return
    embeddings: Tensor = body.get_input_embeddings()(inputs.pop("input_ids"))
    vectors = batch.prompt().vectors[slots.entries].to(embeddings.dtype)
    # A new tensor: the embeddings, and the matrix behind them, are left as they are.
    inputs["inputs_embeds"] = embeddings.index_put((slots.rows, slots.columns), vectors)
    yield inputs
