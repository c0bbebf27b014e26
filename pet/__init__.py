"""Few-shot text classification with Pattern-Exploiting Training.

The names below are loaded when they are first used, so ``import pet`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pet.backbone import MaskedLM as MaskedLM
    from pet.bank import PromptBank as PromptBank
    from pet.classifier import PETClassifier as PETClassifier
    from pet.data import Example as Example
    from pet.ensemble import Ensemble as Ensemble
    from pet.errors import PetError as PetError
    from pet.evaluation import evaluate as evaluate
    from pet.pattern import Pattern as Pattern
    from pet.prediction import Prediction as Prediction
    from pet.pvp import PVP as PVP
    from pet.task import Task as Task
    from pet.task import load_task as load_task
    from pet.verbalizer import Verbalizer as Verbalizer

__version__ = "0.1.0"

_HOMES = {
    "Ensemble": "pet.ensemble",
    "Example": "pet.data",
    "MaskedLM": "pet.backbone",
    "PETClassifier": "pet.classifier",
    "PVP": "pet.pvp",
    "Pattern": "pet.pattern",
    "PetError": "pet.errors",
    "Prediction": "pet.prediction",
    "PromptBank": "pet.bank",
    "Task": "pet.task",
    "Verbalizer": "pet.verbalizer",
    "evaluate": "pet.evaluation",
    "load_task": "pet.task",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pet' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
