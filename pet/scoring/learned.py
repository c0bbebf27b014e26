"""The values that a member learns beside the backbone: its readouts and its soft template."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from pet.scoring.base import LearnedValues
from pet.scoring.readouts import Readout
from pet.scoring.soft.mixture import Mixture
from pet.scoring.soft.template import Soft


class Learned(LearnedValues):
    """A member's readouts and, unless its pattern is hard, soft template (or mixture of some)."""

    def __init__(self, readouts: Sequence[Readout], soft: Soft | None) -> None:
        super().__init__()
        self.readouts = nn.ModuleList(readouts)
        self.soft = soft

    @property
    def needs_examples(self) -> bool:
        """Whether scores need `PVPScorer.start` first, or values that were learned before."""
        return any(readout.needs_examples for readout in self.readouts)

    @property
    def mixture(self) -> Mixture | None:
        """The mixture of soft templates; None if there are not several."""
        return self.soft if isinstance(self.soft, Mixture) else None

    @property
    def variants(self) -> int:
        """Passes of every row through the model: one for each template of a mixture."""
        return 1 if self.soft is None else len(self.soft.parts)

    def unfold(self) -> None:
        """Make ready for training."""
        if self.soft is not None:
            self.soft.unfold()

    def fold(self) -> None:
        """Drop what only training needs; scores stay the same."""
        if self.soft is not None:
            self.soft.fold()
