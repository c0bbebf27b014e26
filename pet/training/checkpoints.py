"""Checkpoints in a run folder: a training that was cut off goes on from its last one."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from pet.device import Compute
from pet.errors import RunError
from pet.runs import Folder
from pet.training.loop import AnyLoss, Fit, Group, Job, Loss, one_by_one, optimise_together
from pet.training.schedule import Schedule
from pet.training.snapshot import Snapshot

log = logging.getLogger(__name__)

# At most this much work is lost; trainings that are shorter write no checkpoint at all. None takes
# one after every step.
EVERY_SECONDS: float | None = 60.0
_STATE, _BESIDE = "optimiser/", "beside/"


@dataclass(frozen=True)
class Checkpoint:
    """The file of a folder that holds a snapshot while a training goes on.

    Parameters
    ----------
    folder : Folder
        Written at once, so a whole checkpoint is there or an older one.
    place : str
        The inner folder that it stands in; the folder itself where empty.
    """

    folder: Folder
    place: str = ""

    @property
    def name(self) -> str:
        """The file's name within the folder."""
        return f"{self.place}/{self.folder.checkpoint}".lstrip("/")

    def write(
        self, snapshot: Snapshot, beside: Mapping[str, Tensor] | None = None, **more: Any
    ) -> None:
        """Write a snapshot, other tensors beside it, and JSON values."""
        state = {**vars(snapshot), "more": more}
        tensors = {f"{_STATE}{name}": t for name, t in state.pop("tensors").items()}
        tensors |= {f"{_BESIDE}{name}": t for name, t in (beside or {}).items()}
        tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
        with self.folder.writing(self.name) as temporary:
            save_file(tensors, temporary, {"state": json.dumps(state)})

    def write_together(self, snapshots: Sequence[Snapshot]) -> None:
        """Write the snapshots of trainings that go on together."""
        states = [dict(vars(own)) for own in snapshots[1:]]
        beside = {
            f"{number}/{name}": tensor
            for number, state in enumerate(states)
            for name, tensor in state.pop("tensors").items()
        }
        self.write(snapshots[0], beside, others=states)

    def read_together(self, count: int) -> list[Snapshot] | None:
        """Read the snapshots of so many trainings; None where there are not as many."""
        found = self.read_all()
        if found is None:
            return None
        first, beside, more = found
        others = [
            Snapshot(tensors=_under(f"{number}/", beside), **state)
            for number, state in enumerate(more.get("others", ()))
        ]
        return [first, *others] if 1 + len(others) == count else None

    def read_all(self) -> tuple[Snapshot, dict[str, Tensor], dict[str, Any]] | None:
        """Read everything that `write` was given; None where there is no checkpoint.

        Raises
        ------
        RunError
            When the file is no checkpoint.
        """
        if not self.folder.has(self.name):
            return None
        path = self.folder.path / self.name
        try:
            with safe_open(path, "pt") as file:
                state = json.loads(file.metadata()["state"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            more = state.pop("more")
            snapshot = Snapshot(tensors=_under(_STATE, tensors), **state)
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise RunError(f"{path}: this checkpoint is damaged: {error}.", "Remove it.") from error
        log.info("%s: going on after step %d", self.name, snapshot.step)
        return snapshot, _under(_BESIDE, tensors), more

    def remove(self) -> None:
        """Remove the file where what it was for is finished."""
        self.folder.remove(self.name)


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def optimise_resumably(
    groups: Sequence[Group],
    losses: Iterator[Loss],
    schedule: Schedule,
    compute: Compute,
    evaluate: Callable[[], float] | None = None,
    progress: Callable[[int, int], None] | None = None,
    checkpoint: Checkpoint | None = None,
) -> Fit:
    """`optimise`, which goes on from a checkpoint where there is one and writes one now and then.

    On a CPU it ends with the same numbers, bit for bit, as an optimisation that was not cut off.
    """
    job = Job(groups, losses, evaluate, progress)
    return optimise_together_resumably([job], schedule, compute, checkpoint=checkpoint)[0]


def optimise_together_resumably(
    jobs: Sequence[Job[AnyLoss]],
    schedule: Schedule,
    compute: Compute,
    joint: Callable[[Sequence[AnyLoss]], Sequence[Tensor]] = one_by_one,
    checkpoint: Checkpoint | None = None,
) -> list[Fit]:
    """`optimise_together`, which goes on from a checkpoint as `optimise_resumably` does."""
    if checkpoint is None:
        return optimise_together(jobs, schedule, compute, joint)
    snapshots = checkpoint.read_together(len(jobs))
    if snapshots is not None:
        jobs = [
            replace(job, losses=islice(job.losses, own.step * schedule.accumulation, None))
            for job, own in zip(jobs, snapshots, strict=True)
        ]
    often = replace(schedule, save_every=1, save_seconds=EVERY_SECONDS)
    return optimise_together(jobs, often, compute, joint, checkpoint.write_together, snapshots)
