"""BERT over packed rows, with a tied masked-LM head, written for speed: one product for queries,
keys and values, attention within the bounds of texts, a vocabulary padded for the matrix units.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from rows import LENGTH, MOST, Rows
from torch import Tensor, nn
from torch.nn import functional

try:
    from torch.nn.attention.varlen import varlen_attn
except ImportError:  # before torch 2.10
    varlen_attn = None

HEADS = 12
_TEXTS = 12  # of a row of training, paddings counted, on the average at most; there are nine
_PADDED = 64  # the vocabulary's size is made a multiple of it
_LAYER = re.compile(r"encoder\.layer\.(\d+)\.(.+)\.(weight|bias)")
_NAMES = {
    "attention.output.dense": "mixed",
    "attention.output.LayerNorm": "first_norm",
    "intermediate.dense": "up",
    "output.dense": "down",
    "output.LayerNorm": "second_norm",
}
_ALONE = {
    "embeddings.word_embeddings.weight": "words",
    "embeddings.position_embeddings.weight": "places",
    "embeddings.LayerNorm.weight": "norm.weight",
    "embeddings.LayerNorm.bias": "norm.bias",
    "cls.predictions.bias": "bias",
    "cls.predictions.transform.dense.weight": "transform.weight",
    "cls.predictions.transform.dense.bias": "transform.bias",
    "cls.predictions.transform.LayerNorm.weight": "head_norm.weight",
    "cls.predictions.transform.LayerNorm.bias": "head_norm.bias",
}


class Layer(nn.Module):
    """One layer of BERT."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.mixed = nn.Linear(width, width)
        self.first_norm = nn.LayerNorm(width, eps=1e-12)
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.second_norm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, states: Tensor, texts: Tensor, sequences: Tensor) -> Tensor:
        """Return new states, (T, H)."""
        mixed = attention(_linear(self.qkv, states), texts, sequences)
        states = _norm(self.first_norm, states + _linear(self.mixed, mixed))
        inner = functional.gelu(_linear(self.up, states))
        return _norm(self.second_norm, states + _linear(self.down, inner))


class PackedBert(nn.Module):
    """BERT with a masked-LM head, on packed rows.

    Parameters
    ----------
    weights : mapping
        Weights by their names in transformers, of a masked LM or an encoder. An encoder gets a head
        that is the identity.
    dtype : torch.dtype
        Type of all products; weights stay in fp32.
    """

    def __init__(self, weights: Mapping[str, Tensor], dtype: torch.dtype) -> None:
        super().__init__()
        weights = {name.removeprefix("bert."): weight.float() for name, weight in weights.items()}
        words = weights["embeddings.word_embeddings.weight"]
        self.vocabulary, width = words.shape
        size = -(-self.vocabulary // _PADDED) * _PADDED
        inner = len(weights["encoder.layer.0.intermediate.dense.bias"])
        depth = 1 + max(int(m[1]) for name in weights if (m := _LAYER.match(name)))
        self.dtype = dtype
        self.words = nn.Parameter(torch.zeros(size, width))
        places = weights["embeddings.position_embeddings.weight"]
        self.places = nn.Parameter(torch.zeros_like(places))
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList(Layer(width, inner) for _ in range(depth))
        self._compiled = list(self.layers)
        self.transform = nn.Linear(width, width)
        self.head_norm = nn.LayerNorm(width, eps=1e-12)
        self.bias = nn.Parameter(torch.zeros(size))
        with torch.no_grad():
            self.transform.weight.copy_(torch.eye(width))
            self.transform.bias.zero_()
            self.bias[self.vocabulary :] = -30.0  # pieces that do not exist
            self._fill(weights)

    @torch.no_grad()
    def _fill(self, weights: Mapping[str, Tensor]) -> None:
        ours = dict(self.named_parameters())
        for name, weight in weights.items():
            if found := _LAYER.match(name):
                layer, part, kind = found.groups()
                if part in _NAMES:
                    ours[f"layers.{layer}.{_NAMES[part]}.{kind}"].copy_(weight)
                else:
                    at = ("query", "key", "value").index(part.rpartition(".")[2])
                    ours[f"layers.{layer}.qkv.{kind}"].chunk(3)[at].copy_(weight)
            elif name in _ALONE:
                ours[_ALONE[name]][: len(weight)] = weight
        # Texts are never pairs here: one type for all, which goes with the places.
        self.places += weights["embeddings.token_type_embeddings.weight"][0]

    @torch.no_grad()
    def weights(self, types: Tensor) -> dict[str, Tensor]:
        """Return the weights by their names in transformers, in fp16.

        ``types`` are the start's vectors of the two kinds of text, (2, H): the first is taken off
        the places again.
        """
        ours = {name: weight.detach().float().cpu() for name, weight in self.named_parameters()}
        ours["places"] = ours["places"] - types[0]
        known = {"words": self.vocabulary, "bias": self.vocabulary}
        result = {"bert.embeddings.token_type_embeddings.weight": types}
        for theirs, name in _ALONE.items():
            prefix = "" if theirs.startswith("cls.") else "bert."
            result[prefix + theirs] = ours[name][: known.get(name)]
        for index in range(len(self.layers)):
            for kind in ("weight", "bias"):
                inside = f"bert.encoder.layer.{index}"
                for theirs, name in _NAMES.items():
                    result[f"{inside}.{theirs}.{kind}"] = ours[f"layers.{index}.{name}.{kind}"]
                parts = ours[f"layers.{index}.qkv.{kind}"].chunk(3)
                for part, weight in zip(("query", "key", "value"), parts, strict=True):
                    result[f"{inside}.attention.self.{part}.{kind}"] = weight
        return {name: weight.half().contiguous() for name, weight in result.items()}

    def forward(self, ids: Tensor, rows: Rows) -> Tensor:
        """Return the states of tokens ``ids`` (T,) that stand in ``rows``: (T, H)."""
        states = functional.embedding(ids, self.words)
        states = states + functional.embedding(rows.positions.flatten(), self.places)
        states = _norm(self.norm, states).to(self.dtype)
        # Compiled layers serve the one shape of training; everything else comes in other shapes.
        training = torch.is_grad_enabled()
        sequences = rows.sequences(_TEXTS) if training else rows.sequences()
        for layer in self._compiled if training else self.layers:
            states = layer(states, rows.texts, sequences)
        return states

    def compile_layers(self) -> None:
        """Compile the layers for training; all share one program."""
        self._compiled = [torch.compile(layer, dynamic=False) for layer in self.layers]

    def head(self, states: Tensor) -> Tensor:
        """Return what the decoder reads, (N, H)."""
        return _norm(self.head_norm, functional.gelu(_linear(self.transform, states)))

    def logits(self, states: Tensor) -> Tensor:
        """Return logits of all words from states, (N, V padded)."""
        return functional.linear(
            self.head(states), self.words.to(self.dtype), self.bias.to(self.dtype)
        )

    def word_logits(self, states: Tensor, words: Tensor) -> Tensor:
        """Return logits of some words from states, (N, W), fp32."""
        return (self.head(states) @ self.words[words].to(self.dtype).T).float() + self.bias[words]


def pooled(states: Tensor, rows: Rows) -> Tensor:
    """Return the mean state of every text, (N, S, H), fp32; zeros where there is none."""
    bins = len(rows) * (MOST + 1)
    owners = rows.owners
    sums = torch.zeros(bins, states.shape[1], device=states.device)
    sums = sums.index_add(0, owners, states.float())
    counts = torch.zeros(bins, device=states.device).index_add(
        0, owners, torch.ones_like(owners, dtype=torch.float32)
    )
    means = sums / counts.clamp(min=1)[:, None]
    return means.view(len(rows), MOST + 1, -1)[:, :MOST]


def attention(qkv: Tensor, texts: Tensor, sequences: Tensor) -> Tensor:
    """Return attention's output (T, H) of queries, keys and values (T, 3 H) within texts."""
    width = qkv.shape[1] // 3
    if qkv.is_cuda and varlen_attn is not None:
        query, key, value = qkv.view(-1, 3, HEADS, width // HEADS).unbind(1)
        mixed = varlen_attn(query, key, value, sequences, sequences, LENGTH, LENGTH)
        return mixed.reshape(-1, width)
    parts = qkv.view(-1, LENGTH, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
    seen = texts[:, None, :, None] == texts[:, None, None, :]
    mixed = functional.scaled_dot_product_attention(*parts, attn_mask=seen)
    return mixed.transpose(1, 2).reshape(-1, width)


def _linear(layer: nn.Linear, states: Tensor) -> Tensor:
    return functional.linear(states, layer.weight.to(states.dtype), layer.bias.to(states.dtype))


def _norm(layer: nn.LayerNorm, states: Tensor) -> Tensor:
    normed = functional.layer_norm(
        states.float(), layer.normalized_shape, layer.weight, layer.bias, layer.eps
    )
    return normed.to(states.dtype)
