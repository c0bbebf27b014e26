"""Checkpoints of an adaptation: its training, its place in the text, and figures from before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import torch

from pet.adaptation.heldout import HeldOut, HeldOutFigures
from pet.adaptation.packing import RowStream, TokenRows
from pet.backbone import MaskedLM
from pet.config import LMConfig
from pet.progress import Event, Progress
from pet.runs import AdaptationFolder
from pet.training import Checkpoint
from pet.training.snapshot import Snapshot

STAGE = "masked LM"


@dataclass(frozen=True)
class Kept:
    """What a checkpoint of an adaptation holds."""

    snapshot: Snapshot
    rows: Mapping[str, TokenRows]
    before: HeldOutFigures | None

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Self | None:
        """Read it; None where there is no checkpoint."""
        whole = checkpoint.read_all()
        if whole is None:
            return None
        (snapshot,), text, more = whole
        rows = {name: tensor.numpy() for name, tensor in text.items()}
        before = more["before"]
        return cls(snapshot, rows, None if before is None else HeldOutFigures(**before))


@dataclass(frozen=True)
class AdaptationKeeper:
    """Keeps checkpoints with all that an adaptation goes on from; a `pet.training.Keeper`.

    At every checkpoint the held-out text is measured, which goes into the folder's log.
    """

    folder: AdaptationFolder
    checkpoint: Checkpoint
    how: LMConfig
    stream: RowStream
    held_out: HeldOut
    backbone: MaskedLM
    before: HeldOutFigures | None
    resume: Snapshot | None
    total: int
    progress: Progress

    @property
    def every_steps(self) -> int:
        """Steps from one checkpoint to the next, where the settings say so."""
        return self.how.checkpoint_every or 1

    @property
    def every_seconds(self) -> float | None:
        """As for other checkpoints, where the settings do not count steps."""
        return self.checkpoint.every_seconds if self.how.checkpoint_every is None else None

    def read(self, count: int) -> Sequence[Snapshot] | None:
        """Return the snapshot that the text was read on from."""
        return None if self.resume is None else [self.resume]

    def write(self, snapshots: Sequence[Snapshot]) -> None:
        """Write a checkpoint, and measure the held-out text."""
        (snapshot,) = snapshots
        text = {name: torch.from_numpy(array) for name, array in self.stream.state().items()}
        self.checkpoint.write(snapshots, text, before=_plain(self.before))
        figures = self.held_out.measure(self.backbone)
        self.folder.log(
            "checkpoint", step=snapshot.step, loss=snapshot.loss, held_out=_plain(figures)
        )
        told(figures, snapshot.step, self.total, self.progress)


def told(figures: HeldOutFigures | None, step: int, total: int, progress: Progress) -> None:
    """Tell of figures of held-out text, where there are some."""
    if figures is not None:
        values = {"loss": figures.loss, "accuracy": figures.accuracy}
        progress(Event(STAGE, "evaluation", step, total, figures=values))


def _plain(figures: HeldOutFigures | None) -> dict[str, Any] | None:
    return None if figures is None else asdict(figures)
