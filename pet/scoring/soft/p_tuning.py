"""P-tuning: in training, a small network computes the slots' vectors from one another.

Source: Liu et al. 2021 (2103.10385), section 3: an MLP on a two-layer bidirectional LSTM, which is
dropped after training; only the vectors are kept.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from pet.scoring.soft.template import Site, SoftTemplate


class PTuning(SoftTemplate):
    """One vector a slot, trained through an encoder of all slots."""

    rate = 1e-3

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        # Kept in the file: the start of the training depends on an encoder that is dropped.
        self.register_buffer("start", site.start.clone())

    @property
    def origin(self) -> Tensor:
        """The encoder's first output, (T, E)."""
        return self.start

    @torch.no_grad()
    def unfold(self) -> None:
        """Train the vectors through an encoder."""
        encoder = SlotEncoder(self.vectors.shape[1]).to(self.vectors.device)
        parametrize.register_parametrization(self, "vectors", encoder)
        self.start.copy_(self.vectors)


class SlotEncoder(nn.Module):
    """An encoder of the slots' vectors, in their order: (T, E) -> (T, E)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = -(-width // 2)
        self.lstm = nn.LSTM(width, half, num_layers=2, bidirectional=True)
        self.mlp = nn.Sequential(
            nn.Linear(2 * half, 2 * half), nn.ReLU(), nn.Linear(2 * half, width)
        )

    def forward(self, vectors: Tensor) -> Tensor:
        """Encode the slots."""
        encoded: Tensor = self.mlp(self.lstm(vectors)[0])
        return encoded
