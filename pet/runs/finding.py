"""Saved models and banks, found by their path; nothing heavy is imported."""

from __future__ import annotations

import os
from pathlib import Path

from pet.errors import RunError
from pet.runs.layout import ModelFiles, PromptFiles, RunFolder


def model_folder(path: str | Path) -> Path:
    """Return the folder of a saved model or prompt; for a run, the folder of its classifier.

    Raises
    ------
    RunError
        When neither is at this path, or the run is not finished.
    """
    folder = Path(path)
    if RunFolder.is_at(folder):
        folder = folder / RunFolder.classifier
        if not os.path.isfile(ModelFiles(folder).card):
            raise RunError(
                f"{path}: this run is not finished; it has no classifier yet.",
                "Run the same pet train command again: it goes on where it stopped.",
            )
    card, prompt = ModelFiles(folder).card, PromptFiles(folder).record
    if os.path.isfile(card) or os.path.isfile(prompt):
        return folder
    if PromptFiles.in_bank(folder):
        raise RunError(
            f"{path}: this is a prompt bank; expected a single model.",
            f"Use pet predict --bank {path}, or name one of its prompts: {path}/NAME.",
        )
    raise RunError(
        f"{path}: expected a run folder, a saved classifier (a folder with {card.name}), "
        f"or a prompt of a bank (one with {prompt.name}).",
        "pet train -o RUN makes one.",
    )


def require_run_or_model(path: str | Path) -> None:
    """Refuse a path without a run, finished or not, and without a saved model.

    Raises
    ------
    RunError
        Says how to make one.
    """
    if not RunFolder.is_at(Path(path)):
        model_folder(path)


def require_bank(folder: str | Path) -> None:
    """Refuse a path without prompts of a bank.

    Raises
    ------
    RunError
        Says how to make a bank.
    """
    if not PromptFiles.in_bank(folder):
        raise RunError(
            f"{folder}: expected a prompt bank, a folder of prompts' folders; found none.",
            f"pet bank {folder} --add RUN makes one.",
        )
