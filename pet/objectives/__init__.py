"""Objectives: what labelled examples are trained with. One a file."""

from __future__ import annotations

from pet.objectives.adapet import Adapet
from pet.objectives.base import Objective
from pet.objectives.verbalizer import VerbalizerObjective

__all__ = ["OBJECTIVES", "Objective"]

OBJECTIVES: dict[str, type[Objective]] = {"pet": VerbalizerObjective, "adapet": Adapet}
