"""Encoder-decoder language models: the decoder writes the label word for the mask."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pet.backbone.base import LanguageModel
from pet.backbone.loading import longest_input
from pet.backbone.own_logits import choose
from pet.backbone.parts import in_parts
from pet.backbone.product_reader import ProductReader
from pet.backbone.reader import WordReader
from pet.device import Compute
from pet.encoding import Batch, TextTokenizer
from pet.errors import BackboneError
from pet.types import WordIds

if TYPE_CHECKING:
    from transformers import EncoderDecoderCache, PreTrainedModel, PreTrainedTokenizerBase

_SENTINEL = "<extra_id_0>"


class Seq2SeqLM(LanguageModel):
    """A T5-like model: the mask is the first sentinel, and the decoder is asked for its content.

    The decoder starts with its start token and the sentinel, as in pre-training (Raffel 2020,
    section 3.1.4), and predicts the label word next. The label words of all verbalizers share the
    encoded text.

    Parameters
    ----------
    model, tokenizer, compute, name
        As for `LanguageModel`.

    Raises
    ------
    BackboneError
        When the tokenizer has no sentinels, or the model's own logits cannot be reproduced.
    """

    auto_class = "AutoModelForSeq2SeqLM"
    predicts = "of the label word"
    instead = "Use one of the T5 family, a masked LM or a causal LM."

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        compute: Compute,
        name: str = "",
    ) -> None:
        if _SENTINEL not in tokenizer.get_vocab():
            raise BackboneError(
                f"Backbone {name!r} is an encoder-decoder model without the token {_SENTINEL}.",
                "Use one of the T5 family, a masked LM or a causal LM.",
            )
        super().__init__(model, tokenizer, compute, name)
        self.max_length = longest_input(model)
        start = model.config.decoder_start_token_id
        sentinel = self.tokenizer.mask_ids(1)
        self._start = (self.tokenizer.pad_id if start is None else start, *sentinel)
        self._scale = 1.0
        self._check()

    def reader(self, words: Iterable[WordIds]) -> WordReader:
        """Return the reader of these words: they are read token by token."""
        return ProductReader(self, words)

    def mask_states(self, batch: Batch) -> Tensor:
        """Compute decoder inputs (B, 1 + T, E), fp32: for the mask and behind T tokens `after`."""
        (states,) = in_parts(
            lambda batches: [self._mask_states(*batches)], [batch], self.compute, self.model
        )
        return states

    def _mask_states(self, batch: Batch) -> Tensor:
        from transformers import DynamicCache, EncoderDecoderCache

        with self.compute.autocast():
            text = self._hidden_of(batch)
        keep = bool(batch.after)
        cache = EncoderDecoderCache(DynamicCache(), DynamicCache()) if keep else None
        states: dict[WordIds, Tensor] = {(): self._decode(batch, text, self._start, cache)[:, -1]}
        # One pass for each word that begins no other; it gives the states of its beginnings too.
        for word in batch.after:
            if any(other[: len(word)] == word for other in batch.after if other != word):
                continue
            along = self._decode(batch, text, word, _fork(cache))
            states |= {word[: place + 1]: along[:, place] for place in range(len(word))}
        return torch.stack([states[beginning] for beginning in ((), *batch.after)], dim=1)

    def _decode(
        self,
        batch: Batch,
        text: Tensor,
        tokens: Sequence[int],
        cache: EncoderDecoderCache | None,
    ) -> Tensor:
        """Compute states (B, T, E) behind each of T tokens, which follow those in ``cache``."""
        with self.compute.autocast():
            hidden: Tensor = self.model.get_decoder()(
                input_ids=batch.ids.new_tensor(tokens).expand(len(batch.ids), -1),
                encoder_hidden_states=text,
                encoder_attention_mask=batch.attention,
                past_key_values=cache,
                use_cache=cache is not None,
            )[0]
        return hidden.float() * self._scale

    def _body(self) -> list[PreTrainedModel]:
        return [self.model.get_encoder(), self.model.get_decoder()]

    @staticmethod
    def text_tokenizer(tokenizer: PreTrainedTokenizerBase) -> TextTokenizer:
        """Wrap a tokenizer with the input rules of encoder-decoder models."""
        return TextTokenizer(tokenizer, mask_token=_SENTINEL)

    @torch.inference_mode()
    def _check(self) -> None:
        """Compare with the model's own logits, for which some models scale the states first."""
        after = ((4,), (4, 6), (5,))
        ids = torch.tensor([[7, 5, self._start[1], 6, 1]], device=self.compute.device)
        batch = Batch(ids, None, None, ids[:, :1], after)
        with self.in_fp32():
            full = [
                self.model(
                    input_ids=ids, decoder_input_ids=ids.new_tensor([[*self._start, *end]])
                ).logits[0, -1]
                for end in ((), *after)
            ]
            choose(
                self,
                "_scale",
                (1.0, self.hidden_size**-0.5),
                lambda: self.vocabulary_logits(self.mask_states(batch)[0]),
                torch.stack(full),
            )


def _fork(cache: EncoderDecoderCache | None) -> EncoderDecoderCache:
    """Copy a cache, so that the copy grows apart from it; the tensors are shared."""
    from transformers import EncoderDecoderCache

    assert cache is not None
    decoder = copy(cache.self_attention_cache)
    decoder.layers = [copy(layer) for layer in decoder.layers]
    return EncoderDecoderCache(decoder, cache.cross_attention_cache)
