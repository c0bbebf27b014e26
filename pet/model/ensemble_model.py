"""The ensemble of members as a model that scores texts and can be saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from pet.backbone import LanguageModel
from pet.encoding import TextTokenizer
from pet.members import MemberSet, MemberSpec
from pet.members.kinds import spec_from_dict
from pet.model.about import About
from pet.model.base import finite, save_weights
from pet.model.ensemble import Ensemble, ensemble_from_dict, ensemble_to_dict
from pet.runs import ModelFiles
from pet.task import Task
from pet.types import Scores, Texts


@dataclass
class EnsembleModel:
    """Members on a backbone, combined by an ensemble."""

    members: MemberSet
    ensemble: Ensemble
    about: About = field(default_factory=About)

    @property
    def task(self) -> Task:
        """Labels, fields and PVPs."""
        return self.members.task

    @property
    def tokenizer(self) -> TextTokenizer:
        """Tokenizer of the backbone."""
        return self.members.backbone.tokenizer

    def scores(self, texts: Texts) -> Scores:
        """Score N texts: (N, C)."""
        return finite(self.ensemble(self.members.scores(texts)), "ensemble")

    def save(self, folder: Path, dtype: torch.dtype = torch.float32) -> None:
        """Write the backbone once, and the weights of each member."""
        backbone = self.members.backbone
        backbone.weights.put({})
        files = ModelFiles(folder)
        save_weights(backbone.model, files.backbone, dtype)
        backbone.hf_tokenizer.save_pretrained(files.backbone)
        for name, weights in self.members.weights.items():
            if weights:
                target = files.weights(name)
                target.parent.mkdir(parents=True, exist_ok=True)
                save_file({key: weight.to(dtype) for key, weight in weights.items()}, target)

    def record(self) -> dict[str, Any]:
        """Return the members and how they are combined, as JSON values."""
        return {"kind": "ensemble", **ensemble_card(self)}


def ensemble_card(model: EnsembleModel) -> dict[str, Any]:
    """Return everything but tensors of an ensemble, as JSON values; see `ensemble_from_card`."""
    specs = model.members.specs
    return {
        "task": model.task.to_dict(),
        "max_length": specs[0].max_length,
        "members": {
            spec.name: {
                **spec.to_dict(),
                "offsets": scorer.offsets,
                "learned": bool(model.members.weights.get(spec.name)),
            }
            for spec, scorer in zip(specs, model.members.scorers, strict=True)
        },
        "ensemble": ensemble_to_dict(model.ensemble, [spec.name for spec in specs]),
    }


def ensemble_from_card(
    card: Mapping[str, Any],
    backbone: LanguageModel,
    weights: Mapping[str, Mapping[str, Tensor]],
) -> EnsembleModel:
    """Rebuild an ensemble from `ensemble_card` and the members' weights, by name."""
    task, specs, ensemble = parts_of_card(card)
    offsets = {name: plain.get("offsets") for name, plain in card["members"].items()}
    exact = {name: {k: t.float() for k, t in own.items()} for name, own in weights.items()}
    members = MemberSet(backbone, task, specs, exact, offsets)
    return EnsembleModel(members, ensemble, About.from_dict(card.get("about")))


def parts_of_card(card: Mapping[str, Any]) -> tuple[Task, list[MemberSpec], Ensemble]:
    """Read the task, the members and their ensemble from `ensemble_card`."""
    task = Task.from_dict(card["task"])
    specs = [
        spec_from_dict(task, name, plain, card["max_length"])
        for name, plain in card["members"].items()
    ]
    return task, specs, ensemble_from_dict(card["ensemble"])
