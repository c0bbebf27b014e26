"""Members of a finished run, read from its folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from safetensors.torch import load_file
from torch import Tensor

from pet.backbone import LanguageModel
from pet.members.member_set import MemberSet
from pet.members.record import MemberRecord
from pet.members.spec import MemberSpec
from pet.runs import RunFolder
from pet.task import Task
from pet.types import Scores


def pool_scores(folder: RunFolder, names: Sequence[str]) -> Iterator[list[Scores]]:
    """Yield the members' scores of the unlabelled text, for each chunk a list of (V, n, C)."""
    shards = [folder.shards(folder.member(name).scores) for name in names]
    for scores in zip(*shards, strict=True):
        yield list(scores)


def stored_weights(folder: RunFolder, name: str) -> Mapping[str, Tensor]:
    """Load a finished member's weights; empty if it is untrained."""
    file = folder.member(name).weights
    return load_file(folder.path / file) if folder.has(file) else {}


class _WeightsOnDisk(Mapping[str, Mapping[str, Tensor]]):
    """Weights of several members, read from the folder at each access."""

    def __init__(self, folder: RunFolder, names: Sequence[str]) -> None:
        self._folder = folder
        self._names = dict.fromkeys(names)

    def __getitem__(self, name: str) -> Mapping[str, Tensor]:
        if name not in self._names:
            raise KeyError(name)
        return stored_weights(self._folder, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def stored_members(
    folder: RunFolder, names: Sequence[str], backbone: LanguageModel, task: Task, max_length: int
) -> MemberSet:
    """Load finished members, ready to score; weights are read from the folder when needed."""
    records = [MemberRecord.read(folder, name) for name in names]
    offsets = {record.name: record.offsets for record in records}
    specs = [
        MemberSpec.from_dict(task, record.name, record.to_dict(), max_length) for record in records
    ]
    return MemberSet(backbone, task, specs, _WeightsOnDisk(folder, names), offsets)
