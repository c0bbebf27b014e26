"""Model: finished models that score texts: ensemble, distilled classifier, prompt bank."""

from pet.model.bank import BankRow, PromptBank
from pet.model.bank_folder import change_bank, prompt_folders, read_prompt, stored_prompts
from pet.model.ensemble import Ensemble
from pet.model.ensemble_model import EnsembleModel, Model, Scoring
from pet.model.prediction import Prediction
from pet.model.saving import load_model, save_model
from pet.model.sequence_classifier import SequenceClassifier
from pet.model.task_prompt import TaskPrompt

__all__ = [
    "BankRow",
    "Ensemble",
    "EnsembleModel",
    "Model",
    "Prediction",
    "PromptBank",
    "Scoring",
    "SequenceClassifier",
    "TaskPrompt",
    "change_bank",
    "load_model",
    "prompt_folders",
    "read_prompt",
    "save_model",
    "stored_prompts",
]
