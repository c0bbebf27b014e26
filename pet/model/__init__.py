"""Model: finished models that score texts: ensemble, distilled classifier, prompt bank."""

from typing import TYPE_CHECKING

from pet.lazy import loaded_on_use

if TYPE_CHECKING:
    from pet.model.bank import BankRow as BankRow
    from pet.model.bank import PromptBank as PromptBank
    from pet.model.bank_folder import change_bank as change_bank
    from pet.model.bank_folder import prompt_folders as prompt_folders
    from pet.model.bank_folder import read_prompt as read_prompt
    from pet.model.bank_folder import stored_prompts as stored_prompts
    from pet.model.base import Model as Model
    from pet.model.base import Scoring as Scoring
    from pet.model.ensemble import Ensemble as Ensemble
    from pet.model.ensemble_model import EnsembleModel as EnsembleModel
    from pet.model.prediction import Prediction as Prediction
    from pet.model.saving import load_model as load_model
    from pet.model.saving import save_model as save_model
    from pet.model.sequence_classifier import SequenceClassifier as SequenceClassifier
    from pet.model.task_prompt import TaskPrompt as TaskPrompt

_HOMES = {
    "BankRow": "pet.model.bank",
    "Ensemble": "pet.model.ensemble",
    "EnsembleModel": "pet.model.ensemble_model",
    "Model": "pet.model.base",
    "Prediction": "pet.model.prediction",
    "PromptBank": "pet.model.bank",
    "Scoring": "pet.model.base",
    "SequenceClassifier": "pet.model.sequence_classifier",
    "TaskPrompt": "pet.model.task_prompt",
    "change_bank": "pet.model.bank_folder",
    "load_model": "pet.model.saving",
    "prompt_folders": "pet.model.bank_folder",
    "read_prompt": "pet.model.bank_folder",
    "save_model": "pet.model.saving",
    "stored_prompts": "pet.model.bank_folder",
}
__all__ = sorted(_HOMES)
__getattr__ = loaded_on_use(__name__, _HOMES)
