"""Save and load finished models: ensembles, classifiers, prompts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from pet.config import BackboneConfig
from pet.model.about import About
from pet.model.base import Model
from pet.model.card import write_card
from pet.model.sequence_classifier import SequenceClassifier
from pet.runs import ModelFiles, PromptFiles, RunFolder
from pet.runs.checksums import Checksums
from pet.runs.damage import reading
from pet.runs.finding import model_folder
from pet.runs.writing import written_into
from pet.task import Task

if TYPE_CHECKING:
    from pet.model.ensemble_model import EnsembleModel

# Members and prompts are imported when one is loaded: a classifier needs none of them, nor what
# they are trained with.


def save_model(model: Model, folder: Path, precision: str = "fp32") -> None:
    """Write a model as a self-contained folder: Hugging Face weights, a record and a model card.

    Parameters
    ----------
    model : Model
        A classifier or an ensemble.
    folder : Path
        Folder to write; created if it is missing. Other files in it are left alone.
    precision : {"fp32", "fp16"}
        Precision of the weights in the files; whoever loads them computes in fp32 again.
    """
    with written_into(folder) as new, Checksums(new).of_written():
        model.save(new, torch.float16 if precision == "fp16" else torch.float32)
        record = {"format": 1, "task": model.task.to_dict(), **model.record()}
        write_card(new, {**record, "about": model.about.to_dict()})


def load_model(
    path: str | Path, device: str = "auto", precision: str = "auto", only_scores: bool = False
) -> Model:
    """Load a folder of `save_model`, the classifier of a run, or a prompt of a bank.

    A prompt is loaded with the backbone that it names. With ``only_scores`` a model is for scoring
    texts alone, and may be loaded sooner: its parts need not be transformers' own.

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
    files, remedy = ModelFiles(folder), _remedy(folder)
    if os.path.isfile(PromptFiles(folder).record):
        return _prompt(folder, device, precision)
    with reading(folder, remedy):
        Checksums(folder).check_all()
    with reading(files.card, remedy):
        card = json.loads(files.card.read_bytes())
        task, kind, length = Task.from_dict(card["task"]), card["kind"], int(card["max_length"])
        about = About.from_dict(card.get("about"))
    if kind == "sequence-classifier":
        config = BackboneConfig(str(folder), device, precision, length)  # type: ignore[arg-type]
        with reading(folder, remedy):
            model = SequenceClassifier.load(folder, task, config, only_scores)
        model.about = about
        return model
    return _ensemble(files, card, device, precision, only_scores)


def _prompt(folder: Path, device: str, precision: str) -> EnsembleModel:
    from pet.backbone import fingerprint
    from pet.model.task_prompt import TaskPrompt, backbone_of, refuse_other_backbone

    prompt = TaskPrompt.load(folder)
    backbone = backbone_of(folder, prompt, device, precision)
    refuse_other_backbone(prompt.name, prompt, backbone.name, fingerprint(backbone))
    return prompt.on(backbone)


def _ensemble(
    files: ModelFiles, card: Mapping[str, Any], device: str, precision: str, only_scores: bool
) -> EnsembleModel:
    from pet.backbone import load_backbone
    from pet.backbone.families import load_to_score
    from pet.model.ensemble_model import ensemble_from_card

    soft = only_scores and any(plain.get("soft") for plain in card["members"].values())
    load = load_to_score if only_scores and not soft else load_backbone
    backbone = load(str(files.backbone), device, precision)
    with reading(files.folder, _remedy(files.folder)):
        weights = {name: _weights(files, name, plain) for name, plain in card["members"].items()}
        return ensemble_from_card(card, backbone, weights)


def _weights(files: ModelFiles, name: str, plain: Mapping[str, Any]) -> dict[str, Tensor]:
    """Read a member's weights; a card of an earlier version does not say whether there are some."""
    file = files.weights(name)
    if plain.get("learned", file.exists()):
        return load_file(file)
    return {}


def _remedy(folder: Path) -> str:
    if RunFolder.is_at(folder.parent):
        return f"Remove {folder}; the same pet train command makes it again."
    return "Take it from a whole copy, or save it again."
