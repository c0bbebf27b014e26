"""What every language model offers: states at the mask, logits of words, what can be trained."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Self, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from pet.backbone.injection import prompted
from pet.backbone.loading import load_pretrained, load_tokenizer
from pet.backbone.reader import WordReader
from pet.backbone.weights import LORA, Turn, Weights
from pet.config import WeightsScope
from pet.device import Compute
from pet.encoding import Batch, TextTokenizer, join
from pet.errors import BackboneError, UsageError, did_you_mean
from pet.types import WordIds

log = logging.getLogger(__name__)


class LanguageModel(ABC):
    """A language model that computes label words only, where the label word goes only.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        With a language-modelling head.
    tokenizer : transformers.PreTrainedTokenizerBase
        Its tokenizer.
    compute : Compute
        Device and precision.
    name : str
        For messages and records.

    Raises
    ------
    BackboneError
        When it cannot give the model's own logits.
    """

    auto_class: ClassVar[str]
    # For the message about an architecture that does not fit: what is predicted, what else to use.
    predicts: ClassVar[str]
    instead: ClassVar[str]
    max_length: int

    def __init__(self, model: Any, tokenizer: Any, compute: Compute, name: str = "") -> None:
        self.name = name
        self.compute = compute
        self.model = model.to(compute.device).eval()
        self.hf_tokenizer = tokenizer
        self.tokenizer = self.text_tokenizer(tokenizer)
        self.weights = Weights(model)
        # Members put their weights and prompts into the one model: a thread at a time may do so.
        self.turn = Turn()
        self._decoder = self._find_decoder()

    @classmethod
    def load(cls, name: str, device: str = "auto", precision: str = "auto") -> Self:
        """Load a model of this kind by hub name or folder.

        Raises
        ------
        BackboneError
            When it cannot be loaded, or lacks trained weights.
        """
        model, compute, missing = cls._loaded(name, device, precision)
        if missing:
            raise BackboneError(
                f"Backbone {name!r} is not wholly trained: its checkpoint lacks "
                f"{some_of(missing)}.",
                "Choose a checkpoint that was saved as a language model.",
            )
        return cls(model, load_tokenizer(name), compute, name)

    @classmethod
    def _loaded(cls, name: str, device: str, precision: str) -> tuple[Any, Compute, list[str]]:
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
        """How these words, all that one PVP has, are read."""

    @abstractmethod
    def mask_states(self, batch: Batch) -> Tensor:
        """Decoder inputs (B, M, E), in fp32: at the masks, and behind each of ``batch.after``."""

    def mask_states_of(self, batches: Sequence[Batch]) -> list[Tensor]:
        """`mask_states` of several patterns filled with the same B examples.

        A model that can read what the patterns have in common once does so.
        """
        return [self.mask_states(batch) for batch in batches]

    def joint_states(self, batches: Sequence[Batch]) -> list[Tensor]:
        """`mask_states` of batches of any patterns and prompts, in one forward pass for all rows.

        Batches that read different tokens behind the mask take a pass each.
        """
        states: dict[int, Tensor] = {}
        for after in dict.fromkeys(batch.after for batch in batches):
            own = [number for number, batch in enumerate(batches) if batch.after == after]
            joined = self.mask_states(join([batches[n] for n in own], self.tokenizer.pad_id))
            sizes = [len(batches[number].ids) for number in own]
            for number, part in zip(own, torch.split(joined, sizes), strict=True):
                states[number] = part[:, : batches[number].masks.shape[1] + len(after)]
        return [states[number] for number in range(len(batches))]

    def states_at(self, batch: Batch, rows: Tensor, columns: Tensor) -> Tensor:
        """Decoder inputs at positions ``[rows, columns]`` of any shape S; returns (S, E), fp32."""
        raise BackboneError(
            f"Backbone {self.name!r} is no masked LM; masked-LM training needs one.",
            "Leave out `--lm-weight`, or choose a masked LM such as roberta-base.",
        )

    def encoder_states(self, batch: Batch, rows: Tensor, columns: Tensor) -> Tensor:
        """Encoder output at positions ``[rows, columns]``, any shape S; returns (S, H)."""
        with self.compute.autocast():
            states: Tensor = self._hidden(batch)[rows, columns]
            return states

    def head_states(self, states: Tensor) -> Tensor:
        """What the decoder multiplies: (S, H) -> (S, E), in fp32."""
        raise BackboneError(f"{self.model.config.model_type} has no separate transform.")

    @property
    def state_size(self) -> int:
        """E, the width of what the decoder multiplies."""
        return int(self._decoder.weight.shape[1])

    def word_vectors(self, word_ids: Tensor) -> tuple[Tensor, Tensor]:
        """What the decoder has for some words, (W,): vectors (W, E) and biases (W,), in fp32."""
        bias = self._bias()
        vectors: Tensor = self._decoder.weight[word_ids].float()
        return vectors, vectors.new_zeros(len(vectors)) if bias is None else bias[word_ids].float()

    def word_logits(self, states: Tensor, word_ids: Tensor) -> Tensor:
        """Logits of some words: (S, E) and (W,) -> (S, W), in fp32."""
        return functional.linear(states, *self.word_vectors(word_ids))

    def vocabulary_logits(self, states: Tensor) -> Tensor:
        """Logits of all words at the given positions only: (S, E) -> (S, V)."""
        bias = self._bias()
        own = None if bias is None else bias.float()
        return functional.linear(states, self._decoder.weight.float(), own)

    def logits_at(self, batch: Batch, rows: Tensor, columns: Tensor) -> Tensor:
        """Logits of all words at positions ``[rows, columns]``, (S,): (S, V), in fp32.

        The product with the vocabulary runs in the precision of the other products.
        """
        states = self.states_at(batch, rows, columns)
        with self.compute.autocast():
            return self.vocabulary_logits(states).float()

    def scope_names(self, scope: str) -> list[str]:
        """Names of the parameters that a scope trains.

        "full" is everything but the input word embeddings, "head" what stands after the encoder,
        "bias" all biases (BitFit), "lora" low-rank changes of the encoder's linear layers.
        """
        scopes = get_args(WeightsScope)
        if scope not in scopes:
            raise UsageError(f"Unknown scope {scope!r}.", did_you_mean(scope, scopes))
        if scope == "lora":
            return [f"{layer}.weight{LORA}" for layer in self.linear_layers]
        words = self.model.get_input_embeddings().weight
        encoder = {id(part) for module in self._body() for part in module.parameters()}
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

        body = {id(part) for module in self._body() for part in module.modules()}
        return [
            name
            for name, module in self.model.named_modules()
            if isinstance(module, nn.Linear | Conv1D) and id(module) in body
        ]

    @staticmethod
    def text_tokenizer(tokenizer: Any) -> TextTokenizer:
        """The tokenizer with the rules that this kind of model has for its inputs."""
        return TextTokenizer(tokenizer)

    @property
    def body(self) -> Any:
        """The module that reads the text."""
        return self._body()[0]

    def _hidden(self, batch: Batch) -> Tensor:
        """Output of the body that reads the text, (B, L, H)."""
        with prompted(self.body, batch) as inputs:
            hidden: Tensor = self.body(**inputs)[0]
        return hidden

    def _body(self) -> list[Any]:
        """The modules before the head."""
        return [self.model.base_model]

    def _find_decoder(self) -> Any:
        """What has the words' ``weight`` (V, E), and maybe their ``bias`` (V,)."""
        return self.model.get_output_embeddings()

    def _bias(self) -> Tensor | None:
        bias: Tensor | None = getattr(self._decoder, "bias", None)
        return bias

    @contextmanager
    def _in_fp32(self) -> Iterator[None]:
        """Compute in fp32 inside this context, whatever the precision is otherwise."""
        used, self.compute = self.compute, Compute(self.compute.device, "fp32")
        try:
            yield
        finally:
            self.compute = used

    def _choose(
        self, attribute: str, values: Iterable[Any], fast: Callable[[], Tensor], full: Tensor
    ) -> None:
        """Set an attribute to the first value with which ``fast`` gives the model's own logits.

        Parameters
        ----------
        attribute : str
            Name of the attribute.
        values : iterable
            What may be right for this architecture, fastest first.
        fast : callable
            Computes logits (..., V) the fast way.
        full : Tensor
            The model's own logits, (..., V).

        Raises
        ------
        BackboneError
            When none does.
        """
        tolerance = 1e-3 * float(full.abs().max()) + 1e-4
        for value in values:
            setattr(self, attribute, value)
            try:
                logits = fast()
            except (RuntimeError, IndexError, AttributeError, TypeError, ValueError):
                continue
            if logits.shape == full.shape and torch.allclose(logits, full, atol=tolerance):
                return
            log.info("%s: its logits differ; trying another way", self.name)
        raise BackboneError(
            f"Backbone {self.name!r}: logits {self.predicts} could not be reproduced for the "
            f"architecture {self.model.config.model_type!r}.",
            self.instead,
        )


def some_of(names: Sequence[str]) -> str:
    """List the first names of many."""
    return f"{', '.join(names[:3])}{' ...' if len(names) > 3 else ''}"
