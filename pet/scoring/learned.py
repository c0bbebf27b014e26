"""The values that a member learns beside the backbone: its readouts and its soft template."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from pet.scoring.base import LearnedValues
from pet.scoring.labelled import Labelled
from pet.scoring.readouts import Readout
from pet.scoring.readouts.base import States
from pet.scoring.soft.mixture import Mixture
from pet.scoring.soft.template import Soft
from pet.scoring.unseen import unseen_scores
from pet.types import Ints, Scores


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

    def start(self, states: States, labelled: Labelled) -> Scores | None:
        """Start the readouts from examples, whose decoder inputs (N, k, E) are given for every k.

        Returns
        -------
        array (V, N, C) or None
            Scores of the examples as if each had not been seen; see `unseen_scores`.
        """
        device = next(iter(states.values())).device
        labels = torch.from_numpy(labelled.targets).to(device)
        begun = {name: value.clone() for name, value in self.readouts.state_dict().items()}

        def of(rows: Ints) -> dict[int, Tensor]:
            chosen = torch.from_numpy(rows).to(device)
            return {count: every[chosen] for count, every in states.items()}

        def fit(rows: Ints) -> None:
            self.readouts.load_state_dict(begun)
            for readout in cast("Iterable[Readout]", self.readouts):
                readout.start(of(rows), labels[torch.from_numpy(rows).to(device)])

        def score(rows: Ints) -> Scores:
            scores = torch.stack([readout(of(rows)) for readout in self.readouts])
            return np.asarray(scores.float().cpu())

        unseen = unseen_scores(labelled, fit, score)
        fit(np.arange(len(labelled.targets)))
        return unseen

    def unfold(self) -> None:
        """Make ready for training."""
        if self.soft is not None:
            self.soft.unfold()

    def fold(self) -> None:
        """Drop what only training needs; scores stay the same."""
        if self.soft is not None:
            self.soft.fold()
