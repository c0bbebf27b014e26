"""P-tuning: while it is trained, a slot's vector is what a small network makes of all slots.

Source: Liu et al. 2021 (2103.10385), section 3: an MLP on a two-layer bidirectional LSTM, which is
dropped after training; what is kept are the vectors.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from pet.scoring.soft.template import Site, SoftTemplate


class PTuning(SoftTemplate):
    """One vector a slot, trained through an encoder of all of them."""

    rate = 1e-3

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        # Kept in the file: where training starts depends on an encoder that is dropped.
        self.register_buffer("start", site.start.clone())

    @property
    def origin(self) -> Tensor:
        """What the encoder said at first, (T, E)."""
        return self.start

    @torch.no_grad()
    def unfold(self) -> None:
        """Let an encoder stand between what is trained and the vectors."""
        encoder = SlotEncoder(self.vectors.shape[1]).to(self.vectors.device)
        parametrize.register_parametrization(self, "vectors", encoder)
        self.start.copy_(self.vectors)


class SlotEncoder(nn.Module):
    """Vectors (T, E) in the order of the slots -> (T, E)."""

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
