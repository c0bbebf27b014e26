"""What a run ends with: an ensemble of members or a sequence classifier, saved and loaded alike."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pet.backbone import LanguageModel, load_backbone
from pet.config import BackboneConfig
from pet.ensemble import Ensemble, ensemble_from_dict, ensemble_to_dict
from pet.errors import RunError
from pet.members import MemberSet, MemberSpec
from pet.scoring import Scores
from pet.sequence_classifier import SequenceClassifier
from pet.task import Task

Texts = Sequence[Mapping[str, str]]
CARD = "pet.json"


class Scoring(Protocol):
    """Anything that scores the labels of a task."""

    @property
    def task(self) -> Task:
        """Labels and fields."""

    def scores(self, texts: Texts) -> Scores:
        """Score examples: (N, C), softmax of which are probabilities."""


class Model(Scoring, Protocol):
    """What a run ends with."""

    def save(self, folder: Path) -> None:
        """Write weights and settings."""


@dataclass
class EnsembleModel:
    """Members and how they are combined."""

    members: MemberSet
    ensemble: Ensemble

    @property
    def task(self) -> Task:
        """Labels, fields and PVPs."""
        return self.members.task

    def scores(self, texts: Texts) -> Scores:
        """Score examples: (N, C)."""
        return self.ensemble(self.members.scores(texts))

    def save(self, folder: Path) -> None:
        """Write the backbone once, and each member's own weights."""
        backbone = self.members.backbone
        backbone.weights.put({})
        backbone.model.save_pretrained(folder / "backbone")
        backbone.hf_tokenizer.save_pretrained(folder / "backbone")
        for name, weights in self.members.weights.items():
            if weights:
                target = folder / "members" / f"{name}.safetensors"
                target.parent.mkdir(parents=True, exist_ok=True)
                save_file(dict(weights), target)


def ensemble_card(model: EnsembleModel) -> dict[str, Any]:
    """Everything about an ensemble but tensors, as JSON values; see `ensemble_from_card`."""
    specs = model.members.specs
    return {
        "task": model.task.to_dict(),
        "max_length": specs[0].max_length,
        "members": {
            spec.name: {**spec.to_dict(), "offsets": scorer.offsets}
            for spec, scorer in zip(specs, model.members.scorers, strict=True)
        },
        "ensemble": ensemble_to_dict(model.ensemble, [spec.name for spec in specs]),
    }


def ensemble_from_card(
    card: Mapping[str, Any],
    backbone: LanguageModel,
    weights: Mapping[str, Mapping[str, Tensor]],
) -> EnsembleModel:
    """Make an ensemble of what `ensemble_card` told and the members' weights, by name."""
    task = Task.from_dict(card["task"])
    specs = [
        MemberSpec.from_dict(task, name, plain, card["max_length"])
        for name, plain in card["members"].items()
    ]
    offsets = {name: plain.get("offsets") for name, plain in card["members"].items()}
    members = MemberSet(backbone, task, specs, weights, offsets)
    return EnsembleModel(members, ensemble_from_dict(card["ensemble"]))


def save_model(model: Model, folder: Path) -> None:
    """Write a self-contained folder: weights in the Hugging Face layout, and pet.json."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder)
    card: dict[str, Any] = {"format": 1, "task": model.task.to_dict()}
    if isinstance(model, SequenceClassifier):
        card |= {"kind": "sequence-classifier", "max_length": model.max_length}
    elif isinstance(model, EnsembleModel):
        card |= {"kind": "ensemble", **ensemble_card(model)}
    (folder / CARD).write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", "utf-8")


def load_model(path: str | Path, device: str = "auto", precision: str = "auto") -> Model:
    """Load what `save_model` wrote, or the classifier of a run folder.

    Raises
    ------
    RunError
        When the folder is neither, or is not whole.
    """
    folder = Path(path)
    if (folder / "run.json").is_file():
        folder = folder / "classifier"
        if not (folder / CARD).is_file():
            raise RunError(
                f"{path}: this run is not finished; it has no classifier yet.",
                "Run the same pet train command again: it goes on where it stopped.",
            )
    if not (folder / CARD).is_file():
        raise RunError(
            f"{path}: expected a run folder or a saved classifier (a folder with {CARD}).",
            "pet train -o RUN makes one.",
        )
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        task = Task.from_dict(card["task"])
        if card["kind"] == "sequence-classifier":
            config = BackboneConfig(str(folder), device, precision, card["max_length"])  # type: ignore[arg-type]
            return SequenceClassifier.load(folder, task, config)
        backbone = load_backbone(str(folder / "backbone"), device, precision)
        files = {name: folder / "members" / f"{name}.safetensors" for name in card["members"]}
        weights = {name: load_file(file) for name, file in files.items() if file.is_file()}
        return ensemble_from_card(card, backbone, weights)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise RunError(f"{folder}: this classifier is damaged: {error!r}") from error
