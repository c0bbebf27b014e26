"""Word-embedding tuning: a slot stays its word plus a learned difference.

At the start the difference is zero, and the member is exactly its hard pattern; weight decay then
pulls back to the word instead of to nothing. The embedding matrix itself is never changed.
"""

from __future__ import annotations

import torch
from torch import nn

from pet.prompt import Prompt
from pet.soft.template import Site, SoftTemplate


class Words(SoftTemplate):
    """``e + delta`` a slot, where e is the embedding of the token that it starts as."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        del self.vectors
        self.delta = nn.Parameter(torch.zeros_like(site.start))

    def forward(self) -> Prompt:
        """Return what is put into the model."""
        return Prompt(self.start + self.delta)
