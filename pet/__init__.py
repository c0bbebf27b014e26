"""Few-shot text classification with Pattern-Exploiting Training.

The names below are loaded when they are first used, so ``import pet`` is quick.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pet.lazy import loaded_on_use
from pet.version import __version__ as __version__

if TYPE_CHECKING:
    from pet.backbone import load_backbone as load_backbone
    from pet.classifier import PETClassifier as PETClassifier
    from pet.config import Settings as Settings
    from pet.data import Example as Example
    from pet.errors import PetError as PetError
    from pet.evaluation.model_metrics import evaluate as evaluate
    from pet.model import Prediction as Prediction
    from pet.model import PromptBank as PromptBank
    from pet.model import load_model as load_model
    from pet.task import PVP as PVP
    from pet.task import Pattern as Pattern
    from pet.task import Task as Task
    from pet.task import Verbalizer as Verbalizer
    from pet.task import load_task as load_task

_HOMES = {
    "Example": "pet.data",
    "PETClassifier": "pet.classifier",
    "PVP": "pet.task",
    "Pattern": "pet.task",
    "PetError": "pet.errors",
    "Prediction": "pet.model",
    "PromptBank": "pet.model",
    "Settings": "pet.config",
    "Task": "pet.task",
    "Verbalizer": "pet.task",
    "evaluate": "pet.evaluation.model_metrics",
    "load_backbone": "pet.backbone",
    "load_model": "pet.model",
    "load_task": "pet.task",
}
# Names that were public once: still there, with a warning that says where they live.
_MOVED = {"Ensemble": "pet.model", "MaskedLM": "pet.backbone"}
__all__ = sorted(_HOMES)
_load = loaded_on_use(__name__, _HOMES)


def __getattr__(name: str) -> Any:
    if name in _MOVED:
        warnings.warn(
            f"pet.{name} is deprecated; import it from {_MOVED[name]}.",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(import_module(_MOVED[name]), name)
    return _load(name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
