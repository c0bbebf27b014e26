"""BERT with its two heads, for scoring alone: the numbers are those of transformers' classes.

Modules have their names, so that their weights fit.
Source: Devlin et al. 2019 (NAACL), section 3.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional


class BertSettings(SimpleNamespace):
    """The settings of a config.json, and the text of that file."""

    text: str
    is_encoder_decoder = False


class Output(NamedTuple):
    """Logits of classes (B, C) or of words (B, L, V), under the name that transformers gives."""

    logits: Tensor


class _Linear(nn.Linear):
    """A layer whose weights are given later; random ones on the meta device take a second."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, device="meta")

    def reset_parameters(self) -> None:
        """Leave them."""


class _Norm(nn.LayerNorm):
    """The same for a norm."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__(width, eps, device="meta")

    def reset_parameters(self) -> None:
        """Leave them."""


class _Table(nn.Embedding):
    """The same for vectors by number."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__(rows, width, device="meta")

    def reset_parameters(self) -> None:
        """Leave them."""


class _Part(nn.Module):
    """Modules by name."""

    def __init__(self, /, **modules: nn.Module) -> None:
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)

    def __getattr__(self, name: str) -> Any:  # torch's says that it may be a tensor
        return super().__getattr__(name)


class _Added(_Part):
    """A linear layer whose output is added to the states before it."""

    def forward(self, inner: Tensor, states: Tensor) -> Tensor:
        normed: Tensor = self.LayerNorm(self.dense(inner) + states)
        return normed


class BertBody(_Part):
    """Embeddings and layers, and a pooler for a classifier."""

    def __init__(self, config: BertSettings, pooled: bool) -> None:
        width, eps = config.hidden_size, config.layer_norm_eps
        super().__init__(
            embeddings=_Part(
                word_embeddings=_Table(config.vocab_size, width),
                position_embeddings=_Table(config.max_position_embeddings, width),
                token_type_embeddings=_Table(config.type_vocab_size, width),
                LayerNorm=_Norm(width, eps),
            ),
            encoder=_Part(
                layer=nn.ModuleList(_layer(config) for _ in range(config.num_hidden_layers))
            ),
            **({"pooler": _Part(dense=_Linear(width, width))} if pooled else {}),
        )
        self.heads = config.num_attention_heads

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
    ) -> tuple[Tensor]:
        """Compute the state of every token: (B, L, H)."""
        own = self.embeddings
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)[None]
        segments = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        states = own.word_embeddings(input_ids) + own.token_type_embeddings(segments)
        states = own.LayerNorm(states + own.position_embeddings(positions))
        unseen = None
        if attention_mask is not None and not bool(attention_mask.all()):
            lowest = torch.finfo(states.dtype).min
            unseen = torch.zeros_like(attention_mask, dtype=states.dtype)
            unseen = unseen.masked_fill(attention_mask == 0, lowest)[:, None, None]
        for layer in self.encoder.layer:
            states = self._read(layer, states, unseen)
        return (states,)

    def _read(self, layer: Any, states: Tensor, unseen: Tensor | None) -> Tensor:
        attention = layer.attention
        states = attention.output(self._attend(attention.self, states, unseen), states)
        read: Tensor = layer.output(functional.gelu(layer.intermediate.dense(states)), states)
        return read

    def _attend(self, part: Any, states: Tensor, unseen: Tensor | None) -> Tensor:
        query, key, value = (
            linear(states).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for linear in (part.query, part.key, part.value)
        )
        if states.device.type != "cpu":  # see `pet.device.Compute.attention`
            mixed = functional.scaled_dot_product_attention(query, key, value, unseen)
        else:
            scores = torch.matmul(query, key.transpose(2, 3)) * query.shape[-1] ** -0.5
            if unseen is not None:
                scores = scores + unseen
            mixed = torch.matmul(scores.softmax(-1), value)
        return mixed.transpose(1, 2).flatten(2)


class _Model(_Part):
    """Base of both models: body, settings and saving; for parameters see `BertBody`."""

    base_model_prefix = "bert"

    def __init__(self, config: BertSettings, pooled: bool, **head: nn.Module) -> None:
        super().__init__(bert=BertBody(config, pooled), **head)
        self.config = config

    @property
    def base_model(self) -> BertBody:
        """The part that reads the text."""
        body: BertBody = self.bert
        return body

    def get_input_embeddings(self) -> nn.Embedding:
        """Return the table of word embeddings."""
        table: nn.Embedding = self.bert.embeddings.word_embeddings
        return table


class BertClassifier(_Model):
    """BERT with a linear layer on its pooled first state.

    Parameters
    ----------
    config : BertSettings
        Sizes, and ``id2label``.
    """

    def __init__(self, config: BertSettings) -> None:
        head = _Linear(config.hidden_size, len(config.id2label))
        super().__init__(config, pooled=True, classifier=head)

    def forward(self, **inputs: Tensor) -> Output:
        """Compute class logits; the inputs are those of `BertBody`."""
        (states,) = self.bert(**inputs)
        return Output(self.classifier(torch.tanh(self.bert.pooler.dense(states[:, 0]))))

    def save_pretrained(self, folder: Path, state_dict: Mapping[str, Tensor] | None = None) -> None:
        """Write the weights, or these instead, and the settings as they were read."""
        folder.mkdir(parents=True, exist_ok=True)
        weights = self.state_dict() if state_dict is None else state_dict
        save_file(dict(weights), folder / "model.safetensors", {"format": "pt"})
        (folder / "config.json").write_text(self.config.text, encoding="utf-8")


class BertMaskedLM(_Model):
    """BERT with a transform of its states and the word embeddings as decoder.

    Parameters
    ----------
    config : BertSettings
        Sizes.
    """

    def __init__(self, config: BertSettings) -> None:
        width = config.hidden_size
        transform = _Transform(
            dense=_Linear(width, width), LayerNorm=_Norm(width, config.layer_norm_eps)
        )
        predictions = _Part(transform=transform)
        predictions.bias = nn.Parameter(torch.empty(config.vocab_size, device="meta"))
        super().__init__(config, pooled=False, cls=_Part(predictions=predictions))

    def get_output_embeddings(self) -> SimpleNamespace:
        """Return the words' ``weight`` (V, H) and ``bias`` (V,)."""
        words = self.get_input_embeddings().weight
        return SimpleNamespace(weight=words, bias=self.cls.predictions.bias)

    def forward(self, **inputs: Tensor) -> Output:
        """Compute the logits of all words; the inputs are those of `BertBody`."""
        (states,) = self.bert(**inputs)
        decoder = self.get_output_embeddings()
        states = self.cls.predictions.transform(states)
        return Output(functional.linear(states, decoder.weight, decoder.bias))


class _Transform(_Part):
    """The head before its decoder."""

    def forward(self, states: Tensor) -> Tensor:
        normed: Tensor = self.LayerNorm(functional.gelu(self.dense(states)))
        return normed


def settings_in(text: str) -> BertSettings:
    """Read the text of a config.json."""
    return BertSettings(**{"pad_token_id": 0, **json.loads(text), "text": text})


def _layer(config: BertSettings) -> nn.Module:
    width, eps = config.hidden_size, config.layer_norm_eps

    def output(size: int) -> nn.Module:
        return _Added(dense=_Linear(size, width), LayerNorm=_Norm(width, eps))

    attend = {name: _Linear(width, width) for name in ("query", "key", "value")}
    return _Part(
        attention=_Part(self=_Part(**attend), output=output(width)),
        intermediate=_Part(dense=_Linear(width, config.intermediate_size)),
        output=output(config.intermediate_size),
    )
