"""Finding what was saved: a model's folder, a bank's prompts; nothing heavy is loaded for it."""

from __future__ import annotations

from pathlib import Path

from pet.errors import RunError
from pet.runs.layout import ModelFiles, PromptFiles, RunFolder


def model_folder(path: str | Path) -> Path:
    """Return the folder of a saved model or a prompt; of a run that of its classifier.

    Raises
    ------
    RunError
        When there is none at this path.
    """
    folder = Path(path)
    if RunFolder.is_at(folder):
        folder = folder / RunFolder.classifier
        if not ModelFiles(folder).card.is_file():
            raise RunError(
                f"{path}: this run is not finished; it has no classifier yet.",
                "Run the same pet train command again: it goes on where it stopped.",
            )
    card, prompt = ModelFiles(folder).card, PromptFiles(folder).record
    if card.is_file() or prompt.is_file():
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
    """Refuse a path with neither a run, finished or not, nor a saved model."""
    if not RunFolder.is_at(Path(path)):
        model_folder(path)


def require_bank(folder: str | Path) -> None:
    """Refuse a path without prompts of a bank."""
    if not PromptFiles.in_bank(folder):
        raise RunError(
            f"{folder}: expected a prompt bank, a folder of prompts' folders; found none.",
            f"pet bank {folder} --add RUN makes one.",
        )
