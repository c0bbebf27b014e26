"""What tells one task from others on the same frozen backbone: a folder of a few kilobytes."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pet.backbone import LanguageModel, fingerprint
from pet.errors import BackboneError, RunError, UsageError, did_you_mean
from pet.loading import EMBEDDED
from pet.model import EnsembleModel, ensemble_card, ensemble_from_card, load_model
from pet.pipeline import trained_members
from pet.runs import RunFolder
from pet.scoring import keeps_backbone

RECORD, TENSORS = "prompt.json", "prompt.safetensors"


@dataclass(frozen=True)
class TaskPrompt:
    """Members that leave the backbone alone, without the backbone.

    ``card`` is everything but tensors: task, patterns, label words, kinds of soft templates,
    calibration, and how the members are combined (see `pet.model.ensemble_card`). ``weights`` is
    what each member has learned. ``backbone`` and ``fingerprint`` say what it was made for.
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
            raise UsageError(
                f"{', '.join(changed[:5])}{' ...' if len(changed) > 5 else ''} of "
                f"{model.task.name!r} trained weights of the backbone; the tasks of a prompt bank "
                "share one that is frozen.",
                "Train with --soft KIND --scope prompt, or take patterns as they are with --method "
                "zero-shot.",
            )
        backbone = members.backbone
        return cls(ensemble_card(model), weights, _place(backbone.name), fingerprint(backbone))

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
        return sum(part.numel() for own in self.weights.values() for part in own.values())

    def on(self, backbone: LanguageModel) -> EnsembleModel:
        """Put it on its backbone, which is not changed and may be shared."""
        return ensemble_from_card(self.card, backbone, self.weights)


def read_prompt(path: str | Path, device: str = "auto", precision: str = "auto") -> TaskPrompt:
    """Read a prompt's folder, or take the prompt out of a run or a saved classifier.

    Raises
    ------
    RunError
        When it is none of these, or damaged.
    UsageError
        When the backbone was trained too, or a classifier was distilled.
    """
    folder = Path(path)
    if (folder / RECORD).is_file():
        return _read(folder)
    if (folder / "run.json").is_file():
        run = RunFolder.open(folder)
        if run.asked()["settings"]["method"] == "fine-tune":
            raise UsageError(f"{path}: method fine-tune has no patterns, and so no prompt.")
        if not run.has("ensemble.json"):
            raise RunError(f"{path}: this run is not finished.", "Run the same command again.")
        return TaskPrompt.of(trained_members(run, device, precision))
    model = load_model(folder, device, precision)
    if isinstance(model, EnsembleModel):
        return TaskPrompt.of(model)
    raise UsageError(
        f"{path}: a sequence classifier has no prompt; all of its weights were trained.",
        "Give the run folder that it came from.",
    )


def prompt_folders(bank: str | Path) -> dict[str, Path]:
    """Where the prompts of a bank's folder are, by name; none where there is no such folder."""
    found = sorted(file.parent for file in Path(bank).glob(f"*/{RECORD}"))
    return {folder.name: folder for folder in found if folder.suffix != ".part"}


def stored_prompts(bank: str | Path) -> dict[str, TaskPrompt]:
    """Read all prompts of a bank's folder, by name."""
    return {name: _read(folder) for name, folder in prompt_folders(bank).items()}


def change_bank(
    bank: str | Path,
    drop: Sequence[str] = (),
    add: Sequence[tuple[str, TaskPrompt]] = (),
    replace: bool = False,
) -> None:
    """Remove prompts from a bank's folder and write named others, or change nothing at all.

    Parameters
    ----------
    bank : str or Path
        The folder.
    drop : sequence of str
        Names of prompts that are removed.
    add : sequence of (str, TaskPrompt)
        What is written, and how it is called.
    replace : bool
        Whether what is written may take the place of a prompt of its name.

    Raises
    ------
    UsageError
        When a name is unknown, no folder's name, or taken.
    BackboneError
        When prompts were made for different backbones.
    RunError
        When there is nothing to be removed, or a prompt is damaged.
    """
    there = prompt_folders(bank)
    if drop and not there:
        raise RunError(f"{bank}: no prompts are here, so none can be removed.")
    for name in drop:
        if name not in there:
            raise unknown_task(name, there)
    leaving = {*drop, *(name for name, _ in add if replace)}
    staying = [name for name in there if name not in leaving and add]
    known = {name: _read(there[name]) for name in staying}
    for name, prompt in add:
        check_name(name)
        if name in known:
            raise UsageError(
                f"{bank} has a prompt {name!r} already.", "Give it another --name, or --replace it."
            )
        for other in known.values():
            refuse_other_backbone(name, prompt, other.backbone, other.fingerprint)
        known[name] = prompt
    for name in drop:
        shutil.rmtree(there[name])
    for name, prompt in add:
        write_prompt(bank, name, prompt)


def write_prompt(bank: str | Path, name: str, prompt: TaskPrompt) -> None:
    """Write a prompt into a bank's folder, whole or not at all, in place of one of its name."""
    with RunFolder(Path(bank)).writing(name) as temporary:
        temporary.mkdir(parents=True)
        made_for = {"name": prompt.backbone, "fingerprint": prompt.fingerprint}
        record = {"format": 1, "backbone": made_for, **prompt.card}
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        (temporary / RECORD).write_text(text, encoding="utf-8")
        tensors = {
            f"{member}/{key}": tensor
            for member, own in prompt.weights.items()
            for key, tensor in own.items()
        }
        save_file(tensors, temporary / TENSORS)


def check_name(name: str) -> None:
    """Refuse a name that cannot be a folder's."""
    if not re.fullmatch(r"\w[\w.-]*", name) or name.endswith(".part"):
        raise UsageError(
            f"{name!r} cannot name a prompt: expected letters, digits, dots, dashes.",
            "Give it another --name.",
        )


def refuse_other_backbone(name: str, prompt: TaskPrompt, backbone: str, own: str) -> None:
    """Raise a BackboneError where a prompt was made for other weights than those."""
    if prompt.fingerprint != own:
        raise BackboneError(
            f"The prompt {name!r} was made for the backbone {prompt.backbone!r} "
            f"({prompt.fingerprint}); this bank's is {backbone!r} ({own}), whose weights or "
            "vocabulary differ.",
            "Train the task again with this --backbone, or keep it in a bank of its own.",
        )


def unknown_task(name: str, known: Mapping[str, object]) -> UsageError:
    """What to say about a task that is not in a bank."""
    return UsageError(f"The bank has no task {name!r}.", did_you_mean(name, known))


def _kind(soft: Mapping[str, Any] | None) -> str:
    if soft is None:
        return "hard"
    several = soft.get("mixture", 1)
    return f"mixture of {several} {soft['kind']}" if several > 1 else str(soft["kind"])


def _read(folder: Path) -> TaskPrompt:
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        made_for = record.pop("backbone")
        weights: dict[str, dict[str, Tensor]] = {name: {} for name in record["members"]}
        for key, tensor in load_file(folder / TENSORS).items():
            member, _, name = key.partition("/")
            weights[member][name] = tensor
        return TaskPrompt(record, weights, made_for["name"], made_for["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise RunError(f"{folder}: this prompt is damaged: {error!r}") from error


def _place(backbone: str) -> str:
    """Where a backbone lies, from wherever one looks; a hub's name stays as it is."""
    path = Path(backbone)
    return str(path.resolve()) if backbone != EMBEDDED and path.exists() else backbone
