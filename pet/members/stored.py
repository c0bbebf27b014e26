"""Members of a finished run, read from its folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from torch import Tensor

from pet.backbone import LanguageModel
from pet.members.kinds import spec_from_dict
from pet.members.member_set import MemberSet
from pet.members.record import MemberRecord
from pet.runs import RunFolder
from pet.runs.damage import Damage
from pet.task import Task
from pet.types import Scores


def pool_scores(folder: RunFolder, names: Sequence[str]) -> Iterator[list[Scores]]:
    """Yield the members' scores of the unlabelled text, for each chunk a list of (V, n, C)."""
    places = [folder.member(name).scores for name in names]
    for chunk in zip_longest(*map(folder.shards, places)):
        for place, scores in zip(places, chunk, strict=True):
            with folder.reading(place):
                if scores is None or scores.shape[1] != chunk[0].shape[1]:
                    raise Damage("it holds the scores of other texts than those of other members")
        yield list(chunk)


def stored_weights(folder: RunFolder, record: MemberRecord) -> Mapping[str, Tensor]:
    """Load a finished member's weights; empty if it is untrained.

    Raises
    ------
    RunError
        When the file is damaged, or missing though the member was trained.
    """
    file = folder.member(record.name).weights
    weights = folder.read_tensors(file)
    if record.trained and not weights:
        with folder.reading(file):
            raise Damage("it is missing, though the member was trained")
    return weights


class _WeightsOnDisk(Mapping[str, Mapping[str, Tensor]]):
    """Weights of several members, read from the folder at each access."""

    def __init__(self, folder: RunFolder, records: Sequence[MemberRecord]) -> None:
        self._folder = folder
        self._records = {record.name: record for record in records}

    def __getitem__(self, name: str) -> Mapping[str, Tensor]:
        return stored_weights(self._folder, self._records[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)


def stored_members(
    folder: RunFolder, names: Sequence[str], backbone: LanguageModel, task: Task, max_length: int
) -> MemberSet:
    """Load finished members, ready to score; weights are read from the folder when needed.

    Raises
    ------
    RunError
        When a member's record is damaged.
    """
    records = [MemberRecord.read(folder, name) for name in names]
    offsets = {record.name: record.offsets for record in records}
    specs = []
    for record in records:
        with folder.reading(folder.member(record.name).record):
            plain = record.to_dict()
            specs.append(spec_from_dict(task, record.name, plain, max_length))
    return MemberSet(backbone, task, specs, _WeightsOnDisk(folder, records), offsets)
