"""Checkpoints of an adaptation: training, place in the text, figures from before the training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import torch

from pet.adaptation.heldout import HeldOutFigures
from pet.adaptation.packing import TokenRows
from pet.adaptation.text import Text
from pet.backbone import MaskedLM
from pet.config import LMConfig
from pet.progress import Event, Progress
from pet.runs import AdaptationFolder
from pet.training import Checkpoint
from pet.training.snapshot import Snapshot

STAGE = "masked LM"


@dataclass(frozen=True)
class StoredState:
    """The state in a checkpoint of an adaptation."""

    snapshot: Snapshot
    rows: Mapping[str, TokenRows]
    before: HeldOutFigures | None

    @classmethod
    def read(cls, checkpoint: Checkpoint) -> Self | None:
        """Read a checkpoint; None if there is none."""
        stored = checkpoint.read_all()
        if stored is None:
            return None
        with checkpoint.folder.reading(checkpoint.name):
            (snapshot,), text, more = stored
            rows = {name: tensor.numpy() for name, tensor in text.items()}
            before = more["before"]
            return cls(snapshot, rows, None if before is None else HeldOutFigures(**before))


@dataclass(frozen=True)
class AdaptationKeeper:
    """A `pet.training.Keeper` whose checkpoints hold the whole state of an adaptation.

    Each checkpoint measures the held-out text, and notes the figures in the folder's log.
    """

    folder: AdaptationFolder
    checkpoint: Checkpoint
    config: LMConfig
    text: Text
    backbone: MaskedLM
    before: HeldOutFigures | None
    resume: Snapshot | None
    total: int
    progress: Progress

    @property
    def every_steps(self) -> int:
        """Steps between checkpoints, as set; otherwise 1."""
        return self.config.checkpoint_every or 1

    @property
    def every_seconds(self) -> float | None:
        """Seconds between checkpoints; None if the settings count steps instead."""
        return self.checkpoint.every_seconds if self.config.checkpoint_every is None else None

    def read(self, count: int) -> Sequence[Snapshot] | None:
        """Return the snapshot that the adaptation goes on from, if there is one."""
        return None if self.resume is None else [self.resume]

    def write(self, snapshots: Sequence[Snapshot]) -> None:
        """Write a checkpoint, and measure the held-out text."""
        (snapshot,) = snapshots
        place = {name: torch.from_numpy(array) for name, array in self.text.stream.state().items()}
        self.checkpoint.write(snapshots, place, before=_to_json(self.before))
        figures = self.text.held_out.measure(self.backbone)
        self.folder.log(
            "checkpoint", step=snapshot.step, loss=snapshot.loss, held_out=_to_json(figures)
        )
        tell_figures(figures, snapshot.step, self.total, self.progress)


def tell_figures(figures: HeldOutFigures | None, step: int, total: int, progress: Progress) -> None:
    """Tell the figures of held-out text, if there are some."""
    if figures is not None:
        values = {"loss": figures.loss, "accuracy": figures.accuracy}
        progress(Event(STAGE, "evaluation", step, total, figures=values))


def _to_json(figures: HeldOutFigures | None) -> dict[str, Any] | None:
    return None if figures is None else asdict(figures)
