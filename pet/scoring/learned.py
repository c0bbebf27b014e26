"""The values that a member learns beside the backbone: its readouts and its soft template."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor, nn

from pet.scoring.readouts import Readout
from pet.scoring.soft.mixture import Mixture
from pet.scoring.soft.template import Soft

# First part of their names among a member's weights.
LEARNED = "learned."


def keeps_backbone(weights: Iterable[str]) -> bool:
    """Tell from the names of a member's weights whether it leaves the backbone unchanged."""
    return all(name.startswith(LEARNED) for name in weights)


class Learned(nn.Module):
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

    def put(self, weights: Mapping[str, Tensor]) -> None:
        """Put the learned ones of a member's weights in their places.

        Raises
        ------
        RuntimeError
            When they are not the weights of these readouts and this soft template.
        """
        self.fold()
        self.load_state_dict(
            {
                name.removeprefix(LEARNED): tensor
                for name, tensor in weights.items()
                if name.startswith(LEARNED)
            }
        )

    def take(self) -> dict[str, Tensor]:
        """Return copies on the CPU, under their names among a member's weights."""
        values = self.state_dict()
        return {LEARNED + name: tensor.detach().cpu().clone() for name, tensor in values.items()}
