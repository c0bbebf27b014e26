"""Objectives: what labelled examples are trained with. One a file."""

from __future__ import annotations

from pet.members.objectives.adapet import Adapet
from pet.members.objectives.base import Objective
from pet.members.objectives.verbalizer import VerbalizerObjective

__all__ = ["OBJECTIVES", "Objective"]

OBJECTIVES: dict[str, type[Objective]] = {"pet": VerbalizerObjective, "adapet": Adapet}
