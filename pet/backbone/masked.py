"""Masked language models: hidden states at the masks, and logits of label words only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from pet.backbone.base import LanguageModel
from pet.backbone.injection import model_inputs, prompted
from pet.backbone.loading import (
    EMBEDDED,
    load_tokenizer,
    longest_input,
    some_of,
    too_large,
)
from pet.backbone.mask_reader import MaskReader
from pet.backbone.narrowing import row_numbers
from pet.backbone.own_logits import choose
from pet.backbone.parts import in_parts
from pet.backbone.reader import WordReader
from pet.device import Compute
from pet.encoding import Batch
from pet.errors import BackboneError, memory_told
from pet.types import WordIds

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# The transform between the encoder and the decoder: module paths and activations, in order.
_TRANSFORMS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("bert", "megatron-bert", "roformer", "nomic_bert", "deberta"),
        ("cls.predictions.transform",),
    ),
    **dict.fromkeys(
        ("roberta", "xlm-roberta", "camembert", "mpnet"),
        ("lm_head.dense", "gelu", "lm_head.layer_norm"),
    ),
    "distilbert": ("vocab_transform", "activation", "vocab_layer_norm"),
    "albert": ("predictions.dense", "predictions.activation", "predictions.LayerNorm"),
    "electra": ("generator_predictions",),
    "deberta-v2": ("cls.predictions.transform",),
    "modernbert": ("head",),
}
# DeBERTa saved with ``legacy=False``: its head multiplies by the word embeddings itself.
_NEW_DEBERTA = tuple(
    f"lm_predictions.lm_head.{layer}" for layer in ("dense", "transform_act_fn", "LayerNorm")
)


class MaskedLM(LanguageModel):
    """A masked language model that computes masked positions and label words only.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        With a masked-LM head.
    tokenizer : transformers.PreTrainedTokenizerBase
        Its tokenizer.
    compute : Compute
        Device and precision.
    name : str
        Name in messages and records.
    untrained : sequence of str
        Names of head parameters that the checkpoint lacks; see `start_head`.

    Raises
    ------
    BackboneError
        When the model's own logits cannot be reproduced.
    """

    auto_class = "AutoModelForMaskedLM"
    predicts = "at the mask"
    instead = "Use another masked LM; BERT, RoBERTa, DeBERTa, ELECTRA and ModernBERT families work."

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        compute: Compute,
        name: str = "",
        untrained: Sequence[str] = (),
    ) -> None:
        super().__init__(model, tokenizer, compute, name)
        self.untrained = tuple(untrained)
        self.max_length = longest_input(model)
        self._transform = _find_transform(model)
        self._check_head()

    @classmethod
    def load(
        cls,
        name: str = EMBEDDED,
        device: str = "auto",
        precision: str = "auto",
        new_head: bool = False,
    ) -> MaskedLM:
        """Load any Hugging Face masked LM by hub name or folder.

        With ``new_head`` an encoder without a masked-LM head is taken too; its head then has to
        be started (`start_head`) and trained.

        Raises
        ------
        BackboneError
            When it cannot be loaded, is not a masked LM, or its masked-LM head is not trained.
        """
        with memory_told(*too_large(name)):
            model, compute, missing = cls._load_model(name, device, precision)
            encoder = {id(parameter) for parameter in model.base_model.parameters()}
            parameters = dict(model.named_parameters(remove_duplicate=False))
            if any(id(parameters.get(key)) in encoder for key in missing):
                new_head = False  # parameters of the encoder itself are missing
            if missing and not new_head:
                raise BackboneError(
                    f"Backbone {name!r} has no trained masked-LM head: its checkpoint lacks "
                    f"{some_of(missing)}.",
                    "Choose a checkpoint that was saved as a masked LM, such as roberta-base or "
                    f"{EMBEDDED!r}; pet adapt gives an encoder a head.",
                )
            if missing and not model.config.tie_word_embeddings:
                model.config.tie_word_embeddings = True
                model.tie_weights()
            return cls(model, load_tokenizer(name), compute, name, missing)

    @torch.no_grad()
    def start_head(self, log_frequencies: Tensor) -> None:
        """Give an untrained head a sensible start.

        Square transforms start as the identity, so that the decoder, which is tied to the word
        embeddings, sees the encoder's states; others start at random, from torch's global
        generator. The decoder's bias starts at the words' log frequencies (V,), the best guess
        while nothing else is known.
        """
        for name, module in self.model.named_modules():
            if f"{name}.weight" in self.untrained and isinstance(module, nn.Linear):
                if module.in_features == module.out_features:
                    nn.init.eye_(module.weight)
                elif module is not self._decoder:
                    module.reset_parameters()
                if module.bias is not None and module is not self._decoder:
                    nn.init.zeros_(module.bias)
        bias = self._bias()
        named = dict(self.model.named_parameters(remove_duplicate=False))
        if bias is not None and any(named.get(name) is bias for name in self.untrained):
            bias.copy_(log_frequencies)

    def reader(self, words: Iterable[WordIds]) -> WordReader:
        """Return the reader of these words: a word of k tokens is read from k masks."""
        return MaskReader(self, words)

    def head_states(self, states: Tensor) -> Tensor:
        """Compute decoder inputs from the encoder's output: (S, H) -> (S, E), in fp32."""
        if self._transform is None:
            raise BackboneError(f"{self.model.config.model_type} has no separate transform.")
        with self.compute.autocast():
            return self._transform(states).float()

    def mask_states(self, batch: Batch) -> Tensor:
        """Compute decoder inputs (B, M, E), fp32; rows of similar lengths are read together."""
        batch = batch.settled()
        groups = batch.by_length(self.compute.pass_cost)
        if len(groups) == 1:
            return self._mask_states(batch)
        states = [self._mask_states(batch.shortened(rows)) for rows in groups]
        return torch.cat(states)[torch.cat(groups).argsort()]

    def _mask_states(self, batch: Batch) -> Tensor:
        if self._transform is not None:
            return self.head_states(self.encoder_states(batch))
        return self._states_by_hook(batch, row_numbers(batch.masks), batch.masks)

    def states_at(self, batch: Batch, rows: Tensor, columns: Tensor) -> Tensor:
        """Compute decoder inputs at positions ``[rows, columns]`` of any shape S: (S, E), fp32."""
        if self._transform is None:
            return self._states_by_hook(batch, rows, columns)
        with self.compute.autocast():
            states = self._hidden(batch)[rows, columns]
        return self.head_states(states)

    @property
    def has_separate_head(self) -> bool:
        """Whether `encoder_states` and `head_states` can be used apart."""
        return self._transform is not None

    def _states_by_hook(self, batch: Batch, rows: Tensor, columns: Tensor) -> Tensor:
        (states,) = in_parts(
            lambda batches: [self._decoder_inputs(*batches)], [batch], self.compute, self.model
        )
        return states[rows, columns].float()

    def _decoder_inputs(self, batch: Batch) -> Tensor:
        # For an architecture without a row in the table: run the whole model, but let its decoder
        # see a single position.
        caught: list[Tensor] = []

        def narrow(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            caught.append(inputs[0])
            return (inputs[0][:1, :1], *inputs[1:])

        handle = self._decoder.register_forward_pre_hook(narrow)
        try:
            with self.compute.autocast(), prompted(self.model, batch) as inputs:
                self.model(**inputs)
        finally:
            handle.remove()
        return caught[0]

    def _find_decoder(self) -> Any:
        if hasattr(self.model, "lm_predictions"):
            words = self.model.get_input_embeddings().weight
            return _TiedDecoder(words, self.model.lm_predictions.lm_head.bias)
        return super()._find_decoder()

    @torch.inference_mode()
    def _check_head(self) -> None:
        tokenizer = self.hf_tokenizer
        if tokenizer.mask_token is None:
            raise BackboneError(f"Backbone {self.name!r}: its tokenizer has no mask token.")
        # A tokenizer that was saved with a classifier would take the mask for text.
        probe = f"A {tokenizer.mask_token} day."
        found = tokenizer(probe, split_special_tokens=False)["input_ids"]
        ids = torch.tensor([found], device=self.compute.device)
        segments = torch.zeros_like(ids) if self.tokenizer.has_segments else None
        masks = (ids == tokenizer.mask_token_id).nonzero()[:1, 1:]
        batch = Batch(ids, None, segments, masks)
        with self.in_fp32():
            full = self.model(**model_inputs(batch))[0][0, masks[0, 0]]
            choose(
                self,
                "_transform",
                dict.fromkeys((self._transform, None)),
                lambda: self.vocabulary_logits(self.mask_states(batch))[0, 0],
                full,
            )


@dataclass(frozen=True)
class _TiedDecoder:
    weight: Tensor
    bias: Tensor


@dataclass(frozen=True)
class _Transform:
    """The steps of a head before its decoder; a value, so that a model can be pickled."""

    steps: tuple[Callable[[Tensor], Tensor], ...]

    def __call__(self, states: Tensor) -> Tensor:
        for step in self.steps:
            states = step(states)
        return states


def _find_transform(model: PreTrainedModel) -> _Transform | None:
    paths = _TRANSFORMS.get(model.config.model_type, ("missing",))
    if hasattr(model, "lm_predictions"):
        paths = _NEW_DEBERTA
    try:
        steps = [
            nn.functional.gelu if path == "gelu" else attrgetter(path)(model) for path in paths
        ]
    except AttributeError:
        return None
    return _Transform(tuple(steps))
