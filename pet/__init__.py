"""Few-shot text classification with Pattern-Exploiting Training.

The names below are loaded when they are first used, so ``import pet`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pet.version import __version__ as __version__

if TYPE_CHECKING:
    from pet.backbone import MaskedLM as MaskedLM
    from pet.classifier import PETClassifier as PETClassifier
    from pet.data import Example as Example
    from pet.errors import PetError as PetError
    from pet.evaluation.metrics import evaluate as evaluate
    from pet.model import Ensemble as Ensemble
    from pet.model import Prediction as Prediction
    from pet.model import PromptBank as PromptBank
    from pet.task import PVP as PVP
    from pet.task import Pattern as Pattern
    from pet.task import Task as Task
    from pet.task import Verbalizer as Verbalizer
    from pet.task import load_task as load_task

_HOMES = {
    "Ensemble": "pet.model",
    "Example": "pet.data",
    "MaskedLM": "pet.backbone",
    "PETClassifier": "pet.classifier",
    "PVP": "pet.task",
    "Pattern": "pet.task",
    "PetError": "pet.errors",
    "Prediction": "pet.model",
    "PromptBank": "pet.model",
    "Task": "pet.task",
    "Verbalizer": "pet.task",
    "evaluate": "pet.evaluation.metrics",
    "load_task": "pet.task",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pet' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
