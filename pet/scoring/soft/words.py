"""Word-embedding tuning: a slot's vector is its word's plus a learned difference.

The difference starts at zero, where the member is exactly its hard pattern; weight decay then pulls
back to the word instead of to zero. The embedding matrix itself is never changed.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils import parametrize

from pet.scoring.soft.template import SoftTemplate


class Words(SoftTemplate):
    """One vector a slot; in training, the vector of its first token plus a difference."""

    def unfold(self) -> None:
        """Train the differences instead of the vectors."""
        parametrize.register_parametrization(self, "vectors", Difference(self.start))


class Difference(nn.Module):
    """The map ``delta -> e + delta``, both (T, E); e are the embeddings of the slots' words."""

    start: Tensor

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.register_buffer("start", start, persistent=False)

    def forward(self, delta: Tensor) -> Tensor:
        """Return the vectors."""
        return self.start + delta

    def right_inverse(self, vectors: Tensor) -> Tensor:
        """Return the differences."""
        return vectors - self.start
