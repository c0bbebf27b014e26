"""Prefixes: learned keys and values at every layer are all that other tokens see of the slots.

Source: Li and Liang 2021 (ACL). There the prefix stands before the text; here it stands at the
pattern's slots, which keep their places in the sequence and count towards its length. Learned keys
are keys after any rotation for the position, that of the first places of a sequence. Other tokens
see nothing that is computed at the slots; only a model that reads from left to right, with slots
right before the mask, reads the answer off the last slot.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from pet.backbone.injection import attended
from pet.encoding.slots import Prompt
from pet.scoring.soft.template import Site, SoftTemplate

_WIDTH = 512


class Prefix(SoftTemplate):
    """A table (D, 2, T, K) of keys and values for D layers.

    It starts as the keys and values of the slots' first words, read alone. Training it directly is
    unstable, so it is trained through a small network.
    """

    rate = 1e-3

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        del self.vectors
        self.table = nn.Parameter(attended(site.backbone.body, site.start).float())

    def forward(self) -> Prompt:
        """Return the values that are put into the model."""
        return Prompt(self.start, attended=self.table)

    def unfold(self) -> None:
        """Train the table through a bottleneck."""
        bottleneck = Bottleneck(self.start, self.table.detach()).to(self.table.device)
        parametrize.register_parametrization(self, "table", bottleneck)


class Bottleneck(nn.Module):
    """An MLP from vectors (T, E) to a table (D, 2, T, K), which at first equals the given one.

    The paper's MLP starts at random; this one learns a difference, so that the start is kept.
    """

    table: Tensor
    vectors: Tensor

    def __init__(self, vectors: Tensor, table: Tensor) -> None:
        super().__init__()
        self.register_buffer("vectors", vectors, persistent=False)
        self.register_buffer("table", table, persistent=False)
        layers, pair, _, width = table.shape
        self.narrow = nn.Linear(vectors.shape[1], _WIDTH)
        self.wide = nn.Linear(_WIDTH, layers * pair * width)
        nn.init.zeros_(self.wide.weight)
        nn.init.zeros_(self.wide.bias)

    def forward(self, vectors: Tensor) -> Tensor:
        """Compute the table."""
        change: Tensor = self.wide(torch.tanh(self.narrow(vectors)))  # (T, D 2 K)
        layers, pair, slots, width = self.table.shape
        return self.table + change.view(slots, layers, pair, width).permute(1, 2, 0, 3)

    def right_inverse(self, _: Tensor) -> Tensor:
        """Return the start of the vectors that are trained instead of the table."""
        return self.vectors.clone()
