"""What a task has learned on a backbone that it left alone: a folder of a few kilobytes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pet.backbone import LanguageModel, fingerprint, load_backbone
from pet.backbone.loading import EMBEDDED
from pet.errors import BackboneError, RunError, UsageError
from pet.model.ensemble_model import EnsembleModel, ensemble_card, ensemble_from_card
from pet.runs import PromptFiles
from pet.scoring.learned import keeps_backbone

# 2: the fingerprint knows more settings of a backbone.
_FORMAT = 2
_AGAIN = "Take it from its run again: pet bank BANK --add RUN --replace; or drop it."


@dataclass(frozen=True)
class TaskPrompt:
    """Members that leave the backbone alone, without the backbone.

    ``card`` is everything but tensors: task, patterns, label words, kinds of soft templates,
    calibration, and how the members are combined; see
    `pet.model.ensemble_model.ensemble_card`. ``weights`` is what each member has learned.
    ``backbone`` and ``fingerprint`` say what it was made for.
    """

    card: Mapping[str, Any]
    weights: Mapping[str, Mapping[str, Tensor]]
    backbone: str
    fingerprint: str

    @classmethod
    def of(cls, model: EnsembleModel) -> TaskPrompt:
        """Take the prompt out of an ensemble.

        Raises
        ------
        UsageError
            When members have trained the backbone's own weights.
        """
        members = model.members
        weights = {spec.name: dict(members.weights.get(spec.name, {})) for spec in members.specs}
        if changed := [name for name, own in weights.items() if not keeps_backbone(own)]:
            hard = {spec.name for spec in members.specs if spec.soft is None}
            raise UsageError(
                f"{', '.join(changed[:5])}{' ...' if len(changed) > 5 else ''} of "
                f"{model.task.name!r} trained weights of the backbone; the tasks of a prompt bank "
                "share one that is frozen.",
                "Leave these out: they have no slots, so that `--scope prompt` trains the backbone."
                if hard.issuperset(changed) and len(hard) < len(members.specs)
                else "Train with `--soft KIND` `--scope prompt`, or take patterns as they are with "
                "`--method zero-shot`.",
            )
        backbone = members.backbone
        return cls(ensemble_card(model), weights, place_of(backbone), fingerprint(backbone))

    @classmethod
    def load(cls, folder: str | Path) -> TaskPrompt:
        """Read what `save` wrote.

        Raises
        ------
        RunError
            When it is damaged, or of another format.
        """
        files = PromptFiles(Path(folder))
        try:
            record = json.loads(files.record.read_text(encoding="utf-8"))
            made_for = record.pop("backbone")
            if record.pop("format") != _FORMAT:
                raise RunError(f"{folder}: another version of pet wrote this prompt.", _AGAIN)
            weights: dict[str, dict[str, Tensor]] = {name: {} for name in record["members"]}
            for key, tensor in load_file(files.tensors).items():
                member, _, name = key.rpartition("/")  # members of a generation have a "/" too
                weights[member][name] = tensor
            return cls(record, weights, made_for["name"], made_for["fingerprint"])
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise RunError(f"{folder}: this prompt is damaged: {error!r}", _AGAIN) from error

    def save(self, folder: Path) -> None:
        """Write it into a new folder."""
        folder.mkdir(parents=True)
        made_for = {"name": self.backbone, "fingerprint": self.fingerprint}
        record = {"format": _FORMAT, "backbone": made_for, **self.card}
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        files = PromptFiles(folder)
        files.record.write_text(text, encoding="utf-8")
        tensors = {
            f"{member}/{key}": tensor
            for member, own in self.weights.items()
            for key, tensor in own.items()
        }
        save_file(tensors, files.tensors)

    @property
    def name(self) -> str:
        """The task's name."""
        return str(self.card["task"]["name"])

    @property
    def made_of(self) -> str:
        """Its kinds of members and how many there are of each."""
        kinds = Counter(_kind(own.get("soft")) for own in self.card["members"].values())
        return ", ".join(f"{count} {kind}" for kind, count in kinds.items())

    @property
    def learned(self) -> int:
        """How many numbers it has learned, all members together."""
        parts = [part for own in self.weights.values() for part in own.items()]
        # Where P-tuning began is kept for people to look at.
        return sum(tensor.numel() for name, tensor in parts if not name.endswith(".start"))

    def on(self, backbone: LanguageModel) -> EnsembleModel:
        """Put it on its backbone, which is not changed and may be shared."""
        return ensemble_from_card(self.card, backbone, self.weights)


def backbone_of(
    folder: str | Path, prompt: TaskPrompt, device: str, precision: str
) -> LanguageModel:
    """Load the backbone that a prompt in a folder names.

    Raises
    ------
    BackboneError
        When it is not there any more.
    """
    try:
        return load_backbone(prompt.backbone, device, precision)
    except BackboneError as error:
        raise BackboneError(
            f"{folder}: the backbone that it was made for cannot be loaded. {error.message}",
            "Or name another copy of it with `--backbone`, which pet predict --bank takes.",
        ) from error


def refuse_other_backbone(name: str, prompt: TaskPrompt, backbone: str, own: str) -> None:
    """Raise a BackboneError where a prompt was made for other weights than those."""
    if prompt.fingerprint != own:
        raise BackboneError(
            f"The prompt {name!r} was made for the backbone {prompt.backbone!r} "
            f"({prompt.fingerprint}); here it is {backbone!r} ({own}), whose weights, "
            "settings or vocabulary differ.",
            "Train the task again with this `--backbone`, or keep it in a bank of its own."
            if prompt.backbone != backbone
            else "The model under this name has changed since: train the task again.",
        )


def _kind(soft: Mapping[str, Any] | None) -> str:
    if soft is None:
        return "hard"
    several = soft.get("mixture", 1)
    return f"mixture of {several} {soft['kind']}" if several > 1 else str(soft["kind"])


def place_of(backbone: LanguageModel) -> str:
    """Where a backbone lies, from wherever one looks; a hub's name stays as it is."""
    path = Path(backbone.name)
    known = backbone.name == EMBEDDED or not path.exists()
    return backbone.name if known else str(path.resolve())
