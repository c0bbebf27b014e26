"""Objectives: losses of labelled examples. One a file."""

from __future__ import annotations

from pet.members.objectives.adapet import Adapet
from pet.members.objectives.base import Objective
from pet.members.objectives.verbalizer import VerbalizerObjective
from pet.registry import Registry

__all__ = ["OBJECTIVES", "Objective"]

OBJECTIVES: Registry[type[Objective]] = Registry(
    "objectives",
    "objective",
    {"pet": VerbalizerObjective, "adapet": Adapet},
    subclasses_of=Objective,
)
