"""Prototypes: the label whose prototype is closest to the state at the mask (ProtoVerb)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from pet.backbone import LanguageModel
from pet.scoring.readouts.base import Batches, Readout, States

_WIDTH = 128
_TEMPERATURE = 0.1
# Stands for minus infinity, whose gradients are not numbers.
_NEVER = -1e4


class Prototypes(Readout):
    """Prototypes c_l: scores ``cos(v, c_l) / 0.1``, v = W h + b, h the decoder input at one mask.

    W starts as a random projection, b puts the middle of the labels at the origin, and the
    prototypes start as the means of their examples. All are learned by InfoNCE: an example is to be
    closer to the prototype of its label than to the others, and closer to examples of its label
    than to those of others.

    Source: ProtoVerb, section 3; its temperature is 1, without a bias, from random prototypes.
    """

    rate = 1e-3
    needs_examples = True

    def __init__(self, n_labels: int, backbone: LanguageModel) -> None:
        super().__init__()
        size, device = backbone.state_size, backbone.compute.device
        width = min(_WIDTH, size)
        # Drawn on the CPU, so that a seed gives the same projection on every device.
        weight = torch.randn(width, size) / math.sqrt(size)
        self.weight = nn.Parameter(weight.to(device))
        self.bias = nn.Parameter(torch.zeros(width, device=device))
        self.prototypes = nn.Parameter((torch.randn(n_labels, width) / math.sqrt(width)).to(device))

    def project(self, states: States) -> Tensor:
        """Project the examples to unit vectors (B, D)."""
        return _unit(states[1][:, 0] @ self.weight.T + self.bias)

    def forward(self, states: States, batches: Batches | None = None) -> Tensor:
        """Score the labels: (B, C)."""
        return self.project(states) @ _unit(self.prototypes).T / _TEMPERATURE

    @torch.no_grad()
    def start(self, states: States, targets: Tensor) -> None:
        """Put the middle of the labels at the origin and each prototype amid its examples.

        The prototype of a label without examples stays random.
        """
        raw = states[1][:, 0] @ self.weight.T
        present = torch.unique(targets)
        means = torch.stack([raw[targets == label].mean(0) for label in present])
        self.bias.copy_(-means.mean(0))
        vectors = _unit(raw + self.bias)
        for label in present:
            self.prototypes[label] = vectors[targets == label].mean(0)

    def loss(
        self, scores: Tensor, states: States, targets: Tensor, weights: Tensor | None
    ) -> Tensor:
        """Compute the InfoNCE of examples against prototypes, and against each other."""
        against_prototypes = functional.cross_entropy(scores, targets, weights)
        return against_prototypes + contrast(self.project(states), targets, _TEMPERATURE)


def _unit(vectors: Tensor) -> Tensor:
    # The bound keeps gradients small if two labels share one text, which lies at the origin.
    return functional.normalize(vectors, dim=1, eps=1e-3)


def contrast(vectors: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """Compute the InfoNCE between examples of a batch: unit vectors (B, D), label numbers (B,).

    With s_ij the cosine over the temperature, the mean over pairs (i, j) of one label of
    ``-log(exp s_ij / (exp s_ij + sum_k exp s_ik))``, where k runs over the examples of other
    labels; 0 without such pairs. Source: ProtoVerb, section 3.
    """
    similarity = vectors @ vectors.T / temperature
    same = targets[:, None] == targets
    others = similarity.masked_fill(same, _NEVER).logsumexp(dim=1, keepdim=True)
    pairs = same & ~torch.eye(len(targets), dtype=torch.bool, device=same.device)
    losses = functional.softplus(others - similarity)
    return (losses * pairs).sum() / pairs.sum().clamp_min(1)
