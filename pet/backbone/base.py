"""The interface of a language model: states at the mask, logits of words, trainable parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from pet.backbone.injection import prompted
from pet.backbone.loading import load_pretrained, load_tokenizer, some_of, too_large
from pet.backbone.narrowing import can_narrow, let_narrow, only_at, row_numbers
from pet.backbone.parts import in_parts
from pet.backbone.pooling import mean_state
from pet.backbone.reader import WordReader
from pet.backbone.weights import LORA, Turn, Weights
from pet.config import WeightsScope
from pet.device import Compute
from pet.encoding import Batch, TextTokenizer, join
from pet.errors import BackboneError, UsageError, did_you_mean, memory_told
from pet.types import WordIds

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class LanguageModel(ABC):
    """A language model that computes the logits of label words only, at the mask only.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        With a language-modelling head.
    tokenizer : transformers.PreTrainedTokenizerBase
        Its tokenizer.
    compute : Compute
        Device and precision.
    name : str
        Name in messages and records.

    Raises
    ------
    BackboneError
        When the model's own logits cannot be reproduced.
    """

    auto_class: ClassVar[str]
    # For the message about an architecture that does not fit: the logits meant, the way out.
    predicts: ClassVar[str]
    instead: ClassVar[str]
    max_length: int

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        compute: Compute,
        name: str = "",
    ) -> None:
        self.name = name
        self.compute = compute
        # Half of the methods of transformers' models have no types.
        self.model: Any = cast(Any, model).to(compute.device).eval()
        let_narrow(model)
        self.hf_tokenizer = tokenizer
        self.tokenizer = self.text_tokenizer(tokenizer)
        self.weights = Weights(model)
        # Threads that share a model put weights into it and score inside ``with backbone.turn``,
        # as `MemberSet` and `PromptBank` do; see held.py for threads with a backbone each.
        self.turn = Turn()
        self._decoder = self._find_decoder()

    @classmethod
    def load(cls, name: str, device: str = "auto", precision: str = "auto") -> Self:
        """Load a model of this class by hub name or folder.

        Raises
        ------
        BackboneError
            When it cannot be loaded, or lacks trained weights.
        """
        with memory_told(*too_large(name)):
            model, compute, missing = cls._load_model(name, device, precision)
            if missing:
                raise BackboneError(
                    f"Backbone {name!r} is not wholly trained: its checkpoint lacks "
                    f"{some_of(missing)}.",
                    "Choose a checkpoint that was saved as a language model.",
                )
            return cls(model, load_tokenizer(name), compute, name)

    @classmethod
    def _load_model(
        cls, name: str, device: str, precision: str
    ) -> tuple[PreTrainedModel, Compute, list[str]]:
        """Load the model; return it with its compute and the parameters its checkpoint lacks."""
        import transformers

        compute = Compute.choose(device, precision)
        auto_class = getattr(transformers, cls.auto_class)
        model, report = load_pretrained(auto_class, name, attn_implementation=compute.attention)
        return model, compute, sorted(report["missing_keys"])

    @property
    def hidden_size(self) -> int:
        """H, the width of the model."""
        return int(self.model.config.hidden_size)

    @property
    def has_separate_head(self) -> bool:
        """Whether `encoder_states` and `head_states` can be used apart."""
        return False

    @abstractmethod
    def reader(self, words: Iterable[WordIds]) -> WordReader:
        """Return the reader of these words, which are all words of one PVP."""

    @abstractmethod
    def mask_states(self, batch: Batch) -> Tensor:
        """Compute decoder inputs (B, M + T, E), fp32: at M masks and behind T tokens `after`."""

    def mask_states_of(self, batches: Sequence[Batch]) -> list[Tensor]:
        """Compute `mask_states` of several patterns filled with the same B examples.

        A model that can read their common beginning once does so.
        """
        return [self.mask_states(batch) for batch in batches]

    def joint_states(self, batches: Sequence[Batch]) -> list[Tensor]:
        """Compute `mask_states` of batches of any patterns and prompts in one pass for all rows.

        Batches that read different tokens behind the mask take a pass each.
        """
        states: dict[int, Tensor] = {}
        for after in dict.fromkeys(batch.after for batch in batches):
            alike = [index for index, batch in enumerate(batches) if batch.after == after]
            joined = self.mask_states(join([batches[i] for i in alike], self.tokenizer.pad_id))
            sizes = [len(batches[index].ids) for index in alike]
            for index, rows in zip(alike, torch.split(joined, sizes), strict=True):
                states[index] = rows[:, : batches[index].masks.shape[1] + len(after)]
        return [states[index] for index in range(len(batches))]

    def states_at(self, batch: Batch, rows: Tensor, columns: Tensor) -> Tensor:
        """Compute decoder inputs at positions ``[rows, columns]`` of any shape S: (S, E), fp32."""
        raise BackboneError(
            f"Backbone {self.name!r} is no masked LM; masked-LM training needs one.",
            "Leave out `--lm-weight`, or choose a masked LM such as roberta-base.",
        )

    def encoder_states(self, batch: Batch) -> Tensor:
        """Compute the encoder's output at M masks: (B, M, H)."""
        narrow = can_narrow(self.model)
        with self.compute.autocast():
            states = self._hidden(batch, only_masks=narrow)
        return states if narrow else states[row_numbers(batch.masks), batch.masks]

    def text_states(self, batch: Batch) -> Tensor:
        """Compute the mean state of each row's tokens: (B, H), fp32.

        Rows of similar lengths are read together.
        """
        groups = batch.by_length(self.compute.pass_cost)
        means = []
        for rows in groups:
            shorter = batch.shortened(rows)
            with self.compute.autocast():
                hidden = self._hidden(shorter)
            means.append(mean_state(hidden, shorter.attention))
        return torch.cat(means)[torch.cat(groups).argsort()]

    def token_states(self, batch: Batch) -> Tensor:
        """Compute the state of every token: (B, L, H), fp32."""
        with self.compute.autocast():
            return self._hidden(batch).float()

    def head_states(self, states: Tensor) -> Tensor:
        """Compute decoder inputs from the encoder's output: (S, H) -> (S, E), in fp32."""
        raise BackboneError(f"{self.model.config.model_type} has no separate transform.")

    @property
    def state_size(self) -> int:
        """E, the width of the decoder's inputs."""
        return int(self._decoder.weight.shape[1])

    def word_vectors(self, word_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Return the decoder's vectors (W, E) and biases (W,) of some words (W,), in fp32."""
        bias = self._bias()
        vectors: Tensor = self._decoder.weight[word_ids].float()
        return vectors, vectors.new_zeros(len(vectors)) if bias is None else bias[word_ids].float()

    def word_logits(self, states: Tensor, word_ids: Tensor) -> Tensor:
        """Compute logits of some words: (S, E) and (W,) -> (S, W), in fp32."""
        return functional.linear(states, *self.word_vectors(word_ids))

    def vocabulary_logits(self, states: Tensor) -> Tensor:
        """Compute logits of all words from decoder inputs: (S, E) -> (S, V)."""
        bias = self._bias()
        biases = None if bias is None else bias.float()
        return functional.linear(states, self._decoder.weight.float(), biases)

    def logits_at(self, batch: Batch, rows: Tensor, columns: Tensor) -> Tensor:
        """Compute logits of all words at positions ``[rows, columns]``, (S,): (S, V), in fp32.

        The product with the vocabulary runs in the precision of the other products.
        """
        states = self.states_at(batch, rows, columns)
        with self.compute.autocast():
            return self.vocabulary_logits(states).float()

    def scope_names(self, scope: str) -> list[str]:
        """Return the names of the parameters that a scope trains.

        "full" is everything but the input word embeddings, "head" everything after the encoder,
        "bias" all biases (BitFit), "lora" low-rank changes of the encoder's linear layers.

        Raises
        ------
        UsageError
            When the scope is unknown, or the backbone has no such parameters.
        """
        scopes = get_args(WeightsScope)
        if scope not in scopes:
            raise UsageError(f"Unknown scope {scope!r}.", did_you_mean(scope, scopes))
        if scope == "lora":
            return [f"{layer}.weight{LORA}" for layer in self.linear_layers]
        words = self.model.get_input_embeddings().weight
        encoder = {id(weight) for module in self._body() for weight in module.parameters()}
        names = [
            name
            for name, parameter in self.model.named_parameters()
            if (scope == "full" and parameter is not words)
            or (scope == "head" and id(parameter) not in encoder)
            or (scope == "bias" and name.endswith("bias"))
        ]
        if not names:
            raise UsageError(
                f"Backbone {self.name!r} has nothing to train in the scope {scope!r}.",
                "Use another `--scope`: lora, full or, with soft slots, prompt.",
            )
        return names

    @property
    def linear_layers(self) -> list[str]:
        """Names of the linear layers before the head."""
        from transformers.pytorch_utils import Conv1D

        body = {id(layer) for module in self._body() for layer in module.modules()}
        return [
            name
            for name, module in self.model.named_modules()
            if isinstance(module, nn.Linear | Conv1D) and id(module) in body
        ]

    @staticmethod
    def text_tokenizer(tokenizer: PreTrainedTokenizerBase) -> TextTokenizer:
        """Wrap a tokenizer with the input rules of this class of models."""
        return TextTokenizer(tokenizer)

    @property
    def body(self) -> PreTrainedModel:
        """The module that reads the text."""
        return self._body()[0]

    def _hidden(self, batch: Batch, only_masks: bool = False) -> Tensor:
        """Compute the output of `body`: (B, L, H), or (B, M, H) at the masks alone."""
        (hidden,) = in_parts(
            lambda part: [self._hidden_of(part[0], only_masks)], [batch], self.compute, self.model
        )
        return hidden

    def _hidden_of(self, batch: Batch, only_masks: bool = False) -> Tensor:
        narrow = only_at(self.body, batch.masks) if only_masks else nullcontext()
        with prompted(self.body, batch) as inputs, narrow:
            hidden: Tensor = self.body(**inputs)[0]
        return hidden

    def _body(self) -> list[PreTrainedModel]:
        """Return the modules before the head; the first one reads the text."""
        return [self.model.base_model]

    def _find_decoder(self) -> Any:
        """Return the holder of the words' ``weight`` (V, E) and perhaps ``bias`` (V,)."""
        return self.model.get_output_embeddings()

    def _bias(self) -> Tensor | None:
        bias: Tensor | None = getattr(self._decoder, "bias", None)
        return bias

    @contextmanager
    def in_fp32(self) -> Iterator[None]:
        """Compute in fp32 inside this context, whatever the precision is otherwise."""
        used, self.compute = self.compute, Compute(self.compute.device, "fp32")
        try:
            yield
        finally:
            self.compute = used
