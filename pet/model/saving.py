"""Save and load finished models: ensembles, classifiers, prompts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from pet.backbone import fingerprint, load_backbone
from pet.backbone.loading import EDITION, EMBEDDED
from pet.config import BackboneConfig
from pet.errors import RunError
from pet.members.stored import stored_members
from pet.model.ensemble import ensemble_from_dict
from pet.model.ensemble_model import EnsembleModel, Model, ensemble_card, ensemble_from_card
from pet.model.sequence_classifier import SequenceClassifier
from pet.model.task_prompt import TaskPrompt, backbone_of, refuse_other_backbone
from pet.runs import ModelFiles, PromptFiles, RunFolder
from pet.runs.finding import model_folder
from pet.task import Task


def save_model(model: Model, folder: Path) -> None:
    """Write a model as a self-contained folder: Hugging Face weights and a card."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder)
    card: dict[str, Any] = {"format": 1, "task": model.task.to_dict()}
    if isinstance(model, SequenceClassifier):
        card |= {"kind": "sequence-classifier", "max_length": model.max_length}
    elif isinstance(model, EnsembleModel):
        card |= {"kind": "ensemble", **ensemble_card(model)}
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    ModelFiles(folder).card.write_text(text, "utf-8")


def load_model(path: str | Path, device: str = "auto", precision: str = "auto") -> Model:
    """Load a folder of `save_model`, the classifier of a run, or a prompt of a bank.

    A prompt is loaded with the backbone that it names.

    Raises
    ------
    RunError
        When the folder is none of these, or damaged.
    BackboneError
        When the backbone of a prompt cannot be loaded, or has changed.

    Examples
    --------
    >>> from pet import PETClassifier, load_model
    >>> classifier = PETClassifier("reviews", method="zero-shot", patterns="0").fit([])
    >>> classifier.save_pretrained("saved")
    >>> model = load_model("saved")
    >>> model.scores([{"text": "Never again."}]).shape
    (1, 2)
    """
    folder = model_folder(path)
    files = ModelFiles(folder)
    try:
        if PromptFiles(folder).record.is_file():
            prompt = TaskPrompt.load(folder)
            backbone = backbone_of(folder, prompt, device, precision)
            refuse_other_backbone(prompt.name, prompt, backbone.name, fingerprint(backbone))
            return prompt.on(backbone)
        card = json.loads(files.card.read_text(encoding="utf-8"))
        task = Task.from_dict(card["task"])
        if card["kind"] == "sequence-classifier":
            config = BackboneConfig(str(folder), device, precision, card["max_length"])  # type: ignore[arg-type]
            return SequenceClassifier.load(folder, task, config)
        backbone = load_backbone(str(files.backbone), device, precision)
        learned = {name: files.weights(name) for name in card["members"]}
        weights = {name: load_file(file) for name, file in learned.items() if file.is_file()}
        return ensemble_from_card(card, backbone, weights)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise RunError(f"{folder}: this model is damaged: {error!r}") from error


def trained_members(folder: RunFolder, device: str, precision: str) -> EnsembleModel:
    """Load the ensemble of a finished run, even if a classifier was distilled from it.

    Raises
    ------
    RunError
        When the embedded backbone has changed since.
    """
    inputs = folder.asked()
    task = Task.from_dict(inputs["task"])
    ensemble = folder.read_json(folder.ensemble)
    config = inputs["settings"]["backbone"]
    adapted = folder.path / folder.backbone
    name = str(adapted) if adapted.is_dir() else config["backbone"]
    if name == EMBEDDED and inputs.get("edition") != EDITION:
        raise RunError(
            f"{folder.path}: its members were trained on another edition of {EMBEDDED}, whose "
            "weights have changed since.",
            "Train them again; the run's classifier is whole and works as before.",
        )
    backbone = load_backbone(name, device, precision)
    members = stored_members(folder, ensemble["members"], backbone, task, config["max_length"])
    return EnsembleModel(members, ensemble_from_dict(ensemble))
