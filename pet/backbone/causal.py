"""Causal language models: the label word is what comes next."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pet.backbone.base import LanguageModel
from pet.backbone.injection import attending, prompted
from pet.backbone.loading import longest_input
from pet.backbone.own_logits import choose
from pet.backbone.parts import in_parts
from pet.backbone.product_reader import ProductReader, Tree
from pet.backbone.reader import WordReader
from pet.device import Compute
from pet.encoding import Batch, TextTokenizer
from pet.encoding.slots import Filling
from pet.types import WordIds

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

# Positions that are left free behind the text, for the beginnings of label words.
_WORD_ROOM = 16


@dataclass(frozen=True)
class _Read:
    """Text that a model has read: keys and values of L columns, and marks of the real ones (B, L).

    ``fillings`` are those of the batch: learned keys and values of their prompts are not in the
    cache, and replace those of the slots in every pass.
    """

    cache: Any  # of transformers; None where nothing was kept
    real: Tensor
    fillings: tuple[Filling, ...]

    @property
    def lengths(self) -> Tensor:
        """Real tokens of every row, (B,)."""
        return self.real.sum(dim=1)


class CausalLM(LanguageModel):
    """A language model that reads from left to right; the mask is the place after the last token.

    Rows are padded on the right, so positions need no correction. A text is read once and kept as
    keys and values, which all its continuations share: the label words of all verbalizers, and
    patterns that begin with the same tokens.

    Parameters
    ----------
    model, tokenizer, compute, name
        As for `LanguageModel`.

    Raises
    ------
    BackboneError
        When the model's own logits cannot be reproduced.
    """

    auto_class = "AutoModelForCausalLM"
    predicts = "of the next word"
    instead = "Use another causal LM; the GPT-2, Llama and Qwen families work."

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        compute: Compute,
        name: str = "",
    ) -> None:
        super().__init__(model, tokenizer, compute, name)
        self.max_length = longest_input(model) - _WORD_ROOM
        accepted = inspect.signature(model.base_model.forward).parameters
        self._takes_positions = "position_ids" in accepted
        self._goes_on = True
        self._window = _window(model.config)
        self._check()

    def reader(self, words: Iterable[WordIds]) -> WordReader:
        """Return the reader of these words: they are read token by token."""
        return ProductReader(self, words)

    def mask_states(self, batch: Batch) -> Tensor:
        """Compute decoder inputs (B, 1 + T, E), fp32: at the mask and behind T tokens `after`."""
        (states,) = in_parts(
            lambda batches: [self._mask_states(*batches)],
            [batch.settled()],
            self.compute,
            self.model,
        )
        return states

    def _mask_states(self, batch: Batch) -> Tensor:
        if batch.after and not self._can_go_on(batch):
            return self._read_again(batch)
        hidden, read = self._begin(batch, keep=bool(batch.after))
        return self._with_words(_states_at(hidden, batch.masks), read, batch.after)

    def mask_states_of(self, batches: Sequence[Batch]) -> list[Tensor]:
        """Compute `mask_states` of several patterns; hard ones read a common beginning once."""
        states: dict[int, Tensor] = {}
        left = [
            i for i, batch in enumerate(batches) if self._can_go_on(batch) and not batch.fillings
        ]
        while left:
            first = batches[left[0]]
            enough = _lengths(first).sum() / 2
            group = [i for i in left if _common_lengths([first, batches[i]]).sum() > enough]
            left = [i for i in left if i not in group and i != left[0]]
            if len(group) > 1:
                found = in_parts(
                    self._together, [batches[i] for i in group], self.compute, self.model
                )
                states |= zip(group, found, strict=True)
        return [
            states[index] if index in states else self.mask_states(batch)
            for index, batch in enumerate(batches)
        ]

    def _can_go_on(self, batch: Batch) -> bool:
        """Tell whether `_go_on` may continue these rows: no layer may forget any of their tokens.

        `_go_on` shows all tokens to all layers.
        """
        longest = batch.ids.shape[1] + max(map(len, batch.after), default=0)
        return self._goes_on and longest <= self._window

    def _together(self, batches: Sequence[Batch]) -> Sequence[Tensor]:
        """Compute the states of patterns whose rows begin alike; see `mask_states_of`."""
        common = _common_lengths(batches)
        columns = torch.arange(int(common.max()), device=common.device)
        real = columns < common[:, None]
        attention = None if bool(real.all()) else real.long()
        start = Batch(batches[0].ids[:, : len(columns)], attention, None, batches[0].masks)
        _, read = self._begin(start, keep=True)
        states = []
        for batch in batches:
            lengths = _lengths(batch)
            steps = torch.arange(int((lengths - common).max()), device=common.device)
            places = common[:, None] + steps
            real = places < lengths[:, None]
            ids = batch.ids.gather(1, places.clamp_max(batch.ids.shape[1] - 1))
            sees = real[:, None, :] & (steps <= steps[:, None])
            hidden, more = self._go_on(read, ids, places, real, sees)
            at_mask = _states_at(hidden, batch.masks - common[:, None])
            states.append(self._with_words(at_mask, more, batch.after))
        return states

    def _with_words(self, states: Tensor, read: _Read, after: tuple[WordIds, ...]) -> Tensor:
        """Add the states behind beginnings of words: (B, 1, E) -> (B, 1 + T, E)."""
        if not after:
            return states
        tree = Tree.from_beginnings(after, states.device)
        ids = tree.tokens.expand(len(states), -1)
        places = read.lengths[:, None] + tree.depths
        sees = tree.sees.expand(len(states), -1, -1)
        hidden, _ = self._go_on(read, ids, places, torch.ones_like(ids, dtype=torch.bool), sees)
        return torch.cat([states, hidden.float()], dim=1)

    def _begin(self, batch: Batch, keep: bool) -> tuple[Tensor, _Read]:
        """Read rows from their start, (B, L, H); with ``keep`` so that `_go_on` can continue."""
        from transformers import DynamicCache

        kept = {"past_key_values": DynamicCache()} if keep else {}
        with self.compute.autocast(), prompted(self.body, batch) as inputs:
            hidden: Tensor = self.body(**inputs, use_cache=keep, **kept)[0]
        real = torch.ones_like(batch.ids) if batch.attention is None else batch.attention
        return hidden, _Read(kept.get("past_key_values"), real.bool(), batch.fillings)

    def _go_on(
        self, read: _Read, ids: Tensor, places: Tensor, real: Tensor, sees: Tensor
    ) -> tuple[Tensor, _Read]:
        """Read T more tokens a row, (B, T), at these places.

        ``sees`` (B, T, T) tells whether a row's token sees a column's.
        """
        cache = copy(read.cache)  # the tensors are shared; none is ever written to
        cache.layers = [copy(layer) for layer in cache.layers]
        visible = torch.cat([read.real[:, None].expand(-1, ids.shape[1], -1), sees], dim=2)
        lowest = torch.finfo(torch.float32).min
        mask = torch.zeros_like(visible, dtype=torch.float32).masked_fill(~visible, lowest)
        positions = {"position_ids": places} if self._takes_positions else {}
        with self.compute.autocast(), attending(self.body, read.fillings):
            hidden: Tensor = self.body(
                input_ids=ids,
                attention_mask=mask[:, None],
                past_key_values=cache,
                use_cache=True,
                **positions,
            )[0]
        return hidden, _Read(cache, torch.cat([read.real, real], dim=1), read.fillings)

    def _read_again(self, batch: Batch) -> Tensor:
        # For models that cannot continue from keys and values: the text is read again with every
        # beginning of a word behind it.
        lengths = _lengths(batch)[:, None]
        states = [_states_at(self._begin(batch, keep=False)[0], batch.masks)]
        for word in batch.after:
            steps = torch.arange(batch.ids.shape[1] + len(word), device=batch.ids.device)
            text = batch.ids.gather(
                1, steps.clamp_max(batch.ids.shape[1] - 1).expand(len(lengths), -1)
            )
            added = batch.ids.new_tensor(word)[(steps - lengths).clamp(0, len(word) - 1)]
            ids = torch.where(steps < lengths, text, added)
            real = (steps < lengths + len(word)).long()
            longer = replace(batch, ids=ids, attention=real)
            hidden, _ = self._begin(longer, keep=False)
            states.append(_states_at(hidden, batch.masks + len(word)))
        return torch.cat(states, dim=1)

    @staticmethod
    def text_tokenizer(tokenizer: PreTrainedTokenizerBase) -> TextTokenizer:
        """Wrap a tokenizer with the input rules of causal models."""
        return TextTokenizer(tokenizer, open_ended=True)

    @torch.inference_mode()
    def _check(self) -> None:
        """Compare with the model's own logits: two patterns, padding, beginnings of words."""
        patterns = (((7, 5, 3, 6, 4), (7, 5, 3)), ((7, 5, 3, 6, 8, 4), (7, 5, 3, 4)))
        after = ((4,), (4, 6), (5,))
        ids = self._decoder.weight.new_tensor((), dtype=torch.long)
        batches = [_padded(rows, after, ids) for rows in patterns]
        with self.in_fp32():
            full = [
                self.model(ids.new_tensor([[*row, *end]])).logits[0, -1]
                for rows in patterns
                for row in rows
                for end in ((), *after)
            ]
            choose(
                self,
                "_goes_on",
                (True, False),
                lambda: self.vocabulary_logits(
                    torch.cat(self.mask_states_of(batches)).flatten(0, 1)
                ),
                torch.stack(full),
            )


def _window(config: PretrainedConfig) -> float:
    """Return the number of tokens that the most short-sighted of a model's layers sees."""
    config = config.get_text_config()
    layer_types = getattr(config, "layer_types", None)
    sizes = [getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size")]
    if layer_types is not None and all(name == "full_attention" for name in layer_types):
        return math.inf
    return min((size for size in sizes if size is not None), default=math.inf)


def _padded(rows: Sequence[WordIds], after: tuple[WordIds, ...], like: Tensor) -> Batch:
    longest = max(map(len, rows))
    ids = like.new_tensor([[*row, *[0] * (longest - len(row))] for row in rows])
    real = like.new_tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return Batch(ids, real, None, real.sum(dim=1, keepdim=True) - 1, after)


def _lengths(batch: Batch) -> Tensor:
    """Count the real tokens of every row, (B,)."""
    if batch.attention is None:
        return batch.ids.new_full((len(batch.ids),), batch.ids.shape[1])
    return batch.attention.sum(dim=1)


def _common_lengths(batches: Sequence[Batch]) -> Tensor:
    """Count the first tokens that each row shares with its row in the other batches, (B,).

    They are always fewer than the row has, so that something is left to be read.
    """
    width = min(batch.ids.shape[1] for batch in batches)
    first = batches[0].ids[:, :width]
    same = torch.ones_like(first)
    for batch in batches[1:]:
        same = same * (batch.ids[:, :width] == first)
    shortest = torch.stack([_lengths(batch) for batch in batches]).amin(dim=0)
    return torch.minimum(same.cumprod(dim=1).sum(dim=1), shortest - 1)


def _states_at(hidden: Tensor, places: Tensor) -> Tensor:
    """Pick the states (B, M, H) at places (B, M) of (B, L, H), in fp32."""
    return hidden.gather(1, places[:, :, None].expand(-1, -1, hidden.shape[2])).float()
