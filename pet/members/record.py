"""The record of a finished member in a run folder: everything but its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from torch import Tensor

from pet.encoding.demonstrations import Shown
from pet.members.result import MemberResult
from pet.members.spec import MemberSpec
from pet.runs import RunFolder
from pet.runs.damage import Damage
from pet.types import Offsets


@dataclass(frozen=True)
class MemberRecord:
    """A member and the figures of its training: `MemberSpec` and `MemberResult` as JSON values.

    ``template`` and ``soft`` are None for a member without learned slots; ``own`` holds what only
    another kind of member records. Values that earlier versions did not record have their defaults.
    """

    name: str
    accuracy_before: float | None
    accuracy_after: float | None
    steps: int
    loss: float
    seconds: float
    kind: str = "cloze"
    pattern: int | None = None
    readout: str = "words"
    demonstrations: Shown = field(default_factory=dict)
    template: str | None = None
    soft: Mapping[str, Any] | None = None
    offsets: Offsets | None = None
    spread: float | None = None
    trained: int = 0
    frozen: int = 0
    own: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_result(cls, spec: MemberSpec, result: MemberResult) -> Self:
        """Make the record of a finished member."""
        return cls.from_dict({**spec.to_dict(), **result.figures()})

    @classmethod
    def read(cls, folder: RunFolder, name: str) -> Self:
        """Read a finished member's record.

        Raises
        ------
        RunError
            When the record is damaged.
        """
        file = folder.member(name).record
        with folder.reading(file):
            record = cls.from_dict(folder.read_json(file))
            if record.name != name:
                raise Damage(f"it is the record of {record.name!r}")
            return record

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict`, also of a version with fewer or other values."""
        known = {item.name for item in fields(cls)} - {"own"}
        own = {name: value for name, value in plain.items() if name not in known}
        return cls(own=own, **{name: plain[name] for name in plain if name in known})

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values, for `MemberSpec.from_dict` too."""
        plain = asdict(self)
        plain |= plain.pop("own")
        if self.pattern is None:
            for name in ("pattern", "readout", "demonstrations"):
                del plain[name]
        if self.soft is None:
            del plain["template"], plain["soft"]
        return plain

    def result(self, weights: Mapping[str, Tensor]) -> MemberResult:
        """Return the result of the training, with weights, which the folder keeps apart."""
        names = (item.name for item in fields(MemberResult) if item.name != "weights")
        return MemberResult(weights=weights, **{name: getattr(self, name) for name in names})
