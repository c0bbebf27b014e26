"""The folder of a prompt bank: one folder for each task."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from pet.config import METHODS
from pet.errors import RunError, UsageError, did_you_mean
from pet.model.ensemble_model import EnsembleModel
from pet.model.run_members import trained_members
from pet.model.saving import load_model
from pet.model.task_prompt import TaskPrompt, refuse_other_backbone
from pet.runs import PromptFiles, RunFolder
from pet.runs.storage import Storage
from pet.runs.writing import UNFINISHED

_NAME = r"\w[\w.-]*"


def read_prompt(path: str | Path, device: str = "auto", precision: str = "auto") -> TaskPrompt:
    """Read a prompt from its folder, or from a run or a saved ensemble.

    Raises
    ------
    RunError
        When the folder is none of these, or damaged.
    UsageError
        When the backbone was trained, or a classifier was distilled.
    """
    folder = Path(path)
    files = PromptFiles(folder)
    if os.path.isfile(files.record) or os.path.isfile(files.tensors):
        return TaskPrompt.load(folder)
    if RunFolder.is_at(folder):
        run = RunFolder.open(folder)
        method = run.asked()["settings"]["method"]
        if METHODS[method].patterns == "none":
            raise UsageError(f"{path}: method {method} has no patterns, and so no prompt.")
        if not run.has(run.ensemble):
            raise RunError(f"{path}: this run is not finished.", "Run the same command again.")
        return TaskPrompt.from_model(trained_members(run, device, precision))
    model = load_model(folder, device, precision)
    if isinstance(model, EnsembleModel):
        return TaskPrompt.from_model(model)
    raise UsageError(
        f"{path}: a sequence classifier has no prompt; all of its weights were trained.",
        "Give the run folder that it came from.",
    )


def prompt_folders(bank: str | Path) -> dict[str, Path]:
    """Return the folders of a bank's prompts, by name; empty if the bank has no folder."""
    return {folder.name: folder for folder in PromptFiles.in_bank(bank)}


def stored_prompts(bank: str | Path) -> dict[str, TaskPrompt]:
    """Read all prompts of a bank's folder, by name."""
    return {name: TaskPrompt.load(folder) for name, folder in prompt_folders(bank).items()}


def change_bank(
    bank: str | Path,
    drop: Sequence[str] = (),
    add: Sequence[tuple[str, TaskPrompt]] = (),
    replace: bool = False,
) -> None:
    """Remove prompts from a bank's folder and write named others, or change nothing at all.

    One process at a time changes a bank; another waits.

    Parameters
    ----------
    bank : str or Path
        The folder.
    drop : sequence of str
        Names of prompts to remove.
    add : sequence of (str, TaskPrompt)
        Names and prompts to write.
    replace : bool
        Whether a new prompt may replace one of its name.

    Raises
    ------
    UsageError
        When a name is unknown, taken, or cannot name a folder.
    BackboneError
        When prompts were made for different backbones.
    RunError
        When there is no prompt to remove, or a prompt is damaged.
    """
    if drop and not prompt_folders(bank):
        raise RunError(f"{bank}: no prompts are here, so none can be removed.")
    for name, _ in add:
        check_name(name)
    if add or drop:
        storage = Storage(Path(bank))
        with storage.locked(_NAME):
            _change(storage, tuple(dict.fromkeys(drop)), add, replace)


def _change(
    bank: Storage, drop: Sequence[str], add: Sequence[tuple[str, TaskPrompt]], replace: bool
) -> None:
    there = prompt_folders(bank.path)
    for name in drop:
        if name not in there:
            raise unknown_task(name, there)
    leaving = {*drop, *(name for name, _ in add if replace)}
    staying = [name for name in there if name not in leaving and add]
    known = {name: TaskPrompt.load(there[name]) for name in staying}
    for name, prompt in add:
        if name in known:
            raise UsageError(
                f"{bank.path} has a prompt {name!r} already.",
                "Give it another `--name`, or `--replace` it.",
            )
        for other in known.values():
            refuse_other_backbone(name, prompt, other.backbone, other.fingerprint)
        known[name] = prompt
    for name, prompt in add:  # first, so that a failure to write removes nothing
        with bank.writing(name) as temporary:
            prompt.save(temporary)
    for name in drop:
        if name not in dict(add):
            shutil.rmtree(there[name])


def check_name(name: str) -> None:
    """Refuse a name that cannot name a folder.

    Raises
    ------
    UsageError
        When it cannot.
    """
    if not re.fullmatch(_NAME, name) or name.endswith(UNFINISHED):
        raise UsageError(
            f"{name!r} cannot name a prompt: expected letters, digits, dots, dashes.",
            "Give it another `--name`.",
        )


def unknown_task(name: str, known: Iterable[str]) -> UsageError:
    """Return the error about a task that is not in a bank."""
    return UsageError(f"The bank has no task {name!r}.", did_you_mean(name, known))
