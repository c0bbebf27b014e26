"""Word-embedding tuning: a slot stays its word plus a learned difference.

At the start the difference is zero, and the member is exactly its hard pattern; weight decay then
pulls back to the word instead of to nothing. The embedding matrix itself is never changed.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils import parametrize

from pet.scoring.soft.template import SoftTemplate


class Words(SoftTemplate):
    """One vector a slot: while it is trained, that of the token it starts as plus a difference."""

    def unfold(self) -> None:
        """Let the differences be what is trained."""
        parametrize.register_parametrization(self, "vectors", Difference(self.start))


class Difference(nn.Module):
    """``delta -> e + delta``, both (T, E), where e is the embedding of the slots' words."""

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
