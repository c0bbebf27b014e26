"""Checkpoints in a run folder: an interrupted training goes on from its last one."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from pet.errors import RunError
from pet.runs import Folder
from pet.training.snapshot import Snapshot

log = logging.getLogger(__name__)

# Seconds between checkpoints: an interruption costs at most so much work, and shorter trainings
# write no checkpoint at all. None writes one after every step.
EVERY_SECONDS: float | None = 60.0
_STATE, _BESIDE = "optimiser/", "beside/"


@dataclass(frozen=True)
class Checkpoint:
    """A `Keeper` that writes snapshots to one file while a training goes on.

    The file is replaced in one move, so it is always a whole checkpoint. One that a disk damaged is
    removed with a warning: the training starts again and ends with the same numbers.

    Parameters
    ----------
    folder : Folder
        Folder of the run or the adaptation.
    place : str
        Name of an inner folder for the file; empty for the folder itself.
    """

    folder: Folder
    place: str = ""

    @property
    def name(self) -> str:
        """The file's name within the folder."""
        return f"{self.place}/{self.folder.checkpoint}".lstrip("/")

    @property
    def every_steps(self) -> int:
        """Steps between snapshots: 1, as any step may be the last before an interruption."""
        return 1

    @property
    def every_seconds(self) -> float | None:
        """Seconds between snapshots; see `EVERY_SECONDS`."""
        return EVERY_SECONDS

    def write(
        self,
        snapshots: Sequence[Snapshot],
        beside: Mapping[str, Tensor] | None = None,
        **more: Any,
    ) -> None:
        """Write snapshots to the file.

        Parameters
        ----------
        snapshots : sequence of Snapshot
            One of every job that is optimised together.
        beside : mapping, optional
            Other tensors, by name.
        **more
            JSON values.
        """
        first, *others = [dict(vars(snapshot)) for snapshot in snapshots]
        tensors = {f"{_STATE}{name}": t for name, t in first.pop("tensors").items()}
        tensors |= {f"{_BESIDE}{name}": t for name, t in (beside or {}).items()}
        for index, state in enumerate(others):
            tensors |= {f"{_BESIDE}{index}/{name}": t for name, t in state.pop("tensors").items()}
        if others:
            more["others"] = others
        tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
        with self.folder.writing(self.name) as temporary:
            save_file(tensors, temporary, {"state": json.dumps({**first, "more": more})})

    def read(self, count: int) -> list[Snapshot] | None:
        """Read the snapshots of ``count`` jobs; None if there is no file with as many."""
        whole = self.read_all()
        return None if whole is None or len(whole[0]) != count else whole[0]

    def read_all(self) -> tuple[list[Snapshot], dict[str, Tensor], dict[str, Any]] | None:
        """Read the arguments of `write`; None if there is no checkpoint, or it is damaged."""
        if not self.folder.has(self.name):
            return None
        try:
            with self.folder.reading(self.name):
                snapshots, beside, more = self._read()
        except RunError as error:
            first = error.message.splitlines()[0]
            log.warning("%s It is removed, and the training starts again.", first)
            self.remove()
            return None
        log.info("%s: going on after step %d", self.name, snapshots[0].step)
        return snapshots, beside, more

    def _read(self) -> tuple[list[Snapshot], dict[str, Tensor], dict[str, Any]]:
        with safe_open(self.folder.checksums.check(self.name), "pt") as file:
            state = json.loads(file.metadata()["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        more, beside = state.pop("more"), _under(_BESIDE, tensors)
        snapshots = [Snapshot(tensors=_under(_STATE, tensors), **state)]
        for index, other in enumerate(more.pop("others", ())):
            snapshots.append(Snapshot(tensors=_under(f"{index}/", beside), **other))
        for snapshot in snapshots:
            snapshot.check()
        return snapshots, beside, more

    def remove(self) -> None:
        """Delete the checkpoint, if there is one."""
        self.folder.remove(self.name)


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Select the tensors whose names start with a prefix, and cut it off."""
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
