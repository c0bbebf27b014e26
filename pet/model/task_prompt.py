"""The prompt of a task: what its members learned on a frozen backbone, a few kilobytes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from pet.backbone import LanguageModel, fingerprint, load_backbone
from pet.backbone.loading import EMBEDDED
from pet.errors import BackboneError, RunError, UsageError
from pet.members import PatternSpec
from pet.model.ensemble_model import (
    EnsembleModel,
    ensemble_card,
    ensemble_from_card,
    parts_of_card,
)
from pet.runs import PromptFiles
from pet.runs.checksums import Checksums
from pet.runs.damage import reading
from pet.scoring.base import keeps_backbone

# Format 2: the fingerprint covers more settings of a backbone.
_FORMAT = 2
_AGAIN = "Take it from its run again: pet bank BANK --add RUN --replace; or drop it."


@dataclass(frozen=True)
class TaskPrompt:
    """Members on a frozen backbone, without the backbone.

    ``card`` is everything but tensors: task, patterns, label words, kinds of soft templates,
    offsets and the ensemble; see `pet.model.ensemble_model.ensemble_card`. ``weights`` are the
    learned tensors of each member. ``backbone`` and ``fingerprint`` identify the backbone.
    """

    card: Mapping[str, Any]
    weights: Mapping[str, Mapping[str, Tensor]]
    backbone: str
    fingerprint: str

    @classmethod
    def from_model(cls, model: EnsembleModel) -> TaskPrompt:
        """Extract the prompt from an ensemble.

        Raises
        ------
        UsageError
            When members change weights of the backbone.
        """
        members = model.members
        weights = {spec.name: dict(members.weights.get(spec.name, {})) for spec in members.specs}
        patterns = {spec.name: spec for spec in members.specs if isinstance(spec, PatternSpec)}
        changed = [
            name for name in weights if name not in patterns or not keeps_backbone(weights[name])
        ]
        if changed:
            raise UsageError(
                f"{', '.join(changed[:5])}{' ...' if len(changed) > 5 else ''} of "
                f"{model.task.name!r} changed weights of the backbone; the tasks of a prompt bank "
                "share one that is frozen.",
                _way_out(changed, patterns, len(members.specs)),
            )
        backbone = members.backbone
        return cls(ensemble_card(model), weights, place_of(backbone), fingerprint(backbone))

    @classmethod
    def load(cls, folder: str | Path) -> TaskPrompt:
        """Read a folder of `save`.

        Raises
        ------
        RunError
            When the folder is damaged, or of another format.
        """
        files = PromptFiles(Path(folder))
        with reading(Path(folder), _AGAIN):
            Checksums(Path(folder)).check_all()
            record = json.loads(files.record.read_bytes())
            made_for = record.pop("backbone")
            if record.pop("format") != _FORMAT:
                raise RunError(f"{folder}: another version of pet wrote this prompt.", _AGAIN)
            weights: dict[str, dict[str, Tensor]] = {name: {} for name in record["members"]}
            for key, tensor in load_file(files.tensors).items():
                member, _, name = key.rpartition("/")  # members of a generation have a "/" too
                weights[member][name] = tensor
            parts_of_card(record)
            return cls(record, weights, str(made_for["name"]), str(made_for["fingerprint"]))

    def save(self, folder: Path) -> None:
        """Write the prompt into a new folder."""
        folder.mkdir(parents=True)
        made_for = {"name": self.backbone, "fingerprint": self.fingerprint}
        record = {"format": _FORMAT, "backbone": made_for, **self.card}
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        files = PromptFiles(folder)
        tensors = {
            f"{member}/{key}": tensor
            for member, learned in self.weights.items()
            for key, tensor in learned.items()
        }
        with Checksums(folder).of_written():
            files.record.write_text(text, encoding="utf-8")
            save_file(tensors, files.tensors)

    @property
    def name(self) -> str:
        """The task's name."""
        return str(self.card["task"]["name"])

    @property
    def made_of(self) -> str:
        """Description of the members: each kind of slots and its count."""
        kinds = Counter(_kind(member.get("soft")) for member in self.card["members"].values())
        return ", ".join(f"{count} {kind}" for kind, count in kinds.items())

    @property
    def learned(self) -> int:
        """Count of learned numbers, all members together."""
        # The start of P-tuning is stored for people to look at; it is not learned.
        return sum(
            tensor.numel()
            for learned in self.weights.values()
            for name, tensor in learned.items()
            if not name.endswith(".start")
        )

    def on(self, backbone: LanguageModel) -> EnsembleModel:
        """Make an ensemble on the prompt's backbone, which is not changed and may be shared.

        Raises
        ------
        RunError
            When the prompt is damaged.
        """
        with reading(f"The prompt {self.name!r}", _AGAIN):
            return ensemble_from_card(self.card, backbone, self.weights)


def _way_out(changed: Sequence[str], patterns: Mapping[str, PatternSpec], members: int) -> str:
    """Say how to train members that leave the backbone alone; these ones ``changed`` it."""
    if not patterns.keys() & set(changed):
        return "Train with `--members cloze`: members of other kinds change the backbone."
    hard = {name for name, spec in patterns.items() if spec.soft is None}
    if hard.issuperset(changed) and len(hard) < members:
        return "Leave these out: they have no slots, so that `--scope prompt` trains the backbone."
    return (
        "Train with `--soft KIND` `--scope prompt`, or take patterns as they are with "
        "`--method zero-shot`."
    )


def backbone_of(
    folder: str | Path, prompt: TaskPrompt, device: str, precision: str
) -> LanguageModel:
    """Load the backbone that a prompt in a folder names.

    Raises
    ------
    BackboneError
        When it cannot be loaded.
    """
    try:
        return load_backbone(prompt.backbone, device, precision)
    except BackboneError as error:
        raise BackboneError(
            f"{folder}: the backbone that it was made for cannot be loaded. {error.message}",
            "Or name another copy of it with `--backbone`, which pet predict --bank takes.",
        ) from error


def refuse_other_backbone(name: str, prompt: TaskPrompt, backbone: str, actual: str) -> None:
    """Refuse a prompt whose backbone does not have the fingerprint ``actual``.

    Raises
    ------
    BackboneError
        When it was made for other weights, settings or vocabulary.
    """
    if prompt.fingerprint != actual:
        raise BackboneError(
            f"The prompt {name!r} was made for the backbone {prompt.backbone!r} "
            f"({prompt.fingerprint}); here it is {backbone!r} ({actual}), whose weights, "
            "settings or vocabulary differ.",
            "Train the task again with this `--backbone`, or keep it in a bank of its own."
            if prompt.backbone != backbone
            else "The model under this name has changed since: train the task again.",
        )


def _kind(soft: Mapping[str, Any] | None) -> str:
    """Describe the slots of a member: "hard", the kind of soft template, or a mixture of it."""
    if soft is None:
        return "hard"
    templates = soft.get("mixture", 1)
    return f"mixture of {templates} {soft['kind']}" if templates > 1 else str(soft["kind"])


def place_of(backbone: LanguageModel) -> str:
    """Return the absolute path of a backbone's folder; names of the hub do not change."""
    path = Path(backbone.name)
    is_name = backbone.name == EMBEDDED or not path.exists()
    return backbone.name if is_name else str(path.resolve())
