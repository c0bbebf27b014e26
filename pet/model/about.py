"""Facts about a finished model, for its card: base, method, data and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class About:
    """Facts about a model, as far as they are known.

    Attributes
    ----------
    base : str
        Hub name or folder of the language model that it was made from.
    method : str
        Method of the run; empty if unknown.
    seed : int
        Seed of the run.
    labelled : mapping
        Number of labelled examples of each label.
    examples, unlabelled, development : int
        Number of labelled examples, of unlabelled texts, of development examples.
    tests : int
        Number of test examples.
    figures : mapping
        Figures on the test examples, by the names of `pet.evaluation`.
    """

    base: str = ""
    method: str = ""
    seed: int = 0
    labelled: Mapping[str, int] = field(default_factory=dict)
    examples: int = 0
    unlabelled: int = 0
    development: int = 0
    tests: int = 0
    figures: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any] | None) -> About:
        """Rebuild from `to_dict`; folders of earlier versions have none."""
        known = {item.name for item in fields(cls)}
        return cls(**{name: value for name, value in (plain or {}).items() if name in known})
