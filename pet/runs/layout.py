"""Layout of everything that is written: all names of files and folders, in this file only.

Names in a run folder are relative to it, as the methods of `Folder` take them. Models and prompts
have paths, as people copy them anywhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from pet.errors import RunError
from pet.runs.folder import Folder
from pet.runs.storage import Content
from pet.runs.writing import UNFINISHED, write_errors


@dataclass(frozen=True)
class MemberFiles:
    """Names of one member's files in a run."""

    place: str

    @property
    def record(self) -> str:
        """Description of the member and its training; written when the member is finished."""
        return f"{self.place}/member.json"

    @property
    def weights(self) -> str:
        """Learned tensors; absent if nothing was trained."""
        return f"{self.place}/weights.safetensors"

    @property
    def scores(self) -> str:
        """Folder of the member's scores of the unlabelled text, in shards."""
        return f"{self.place}/scores"


@dataclass(frozen=True)
class GenerationFiles:
    """Names of the files of one generation in a run, besides those of its members."""

    place: str

    @property
    def record(self) -> str:
        """Figures of the generation; written when it is finished."""
        return f"{self.place}/generation.json"

    @property
    def draws(self) -> str:
        """Unlabelled texts that its members learn from, and the members that labelled them."""
        return f"{self.place}/draws.json"


@dataclass(frozen=True)
class FoldFiles:
    """Names of the files of one member's out-of-fold trainings in a run."""

    place: str

    def scores(self, fold: int) -> str:
        """Name the scores of the examples in a fold, by the member that did not see them."""
        return f"{self.place}/{fold}.npy"

    def training(self, fold: int) -> str:
        """Name the folder of the checkpoint of the training without a fold."""
        return f"{self.place}/{fold}"


class RunFolder(Folder):
    """Folder of one run of `pet train`."""

    noun = "a run"
    record = "run.json"
    labelled = Content("labelled.json")
    task = "task.py"  # a drafted one, for people to edit: starting over does not remove it
    inputs = (labelled,)
    inside = (
        "member.json", "weights.safetensors", "scores", "generation.json", "draws.json",
        Folder.checkpoint, "[0-9]*.npy",
    )  # fmt: skip

    backbone = Content("backbone")
    members = Content("members")
    folds = Content("folds")
    ensemble = Content("ensemble.json")
    temperature = Content("temperature.json")
    old_temperature = Content("calibration.json")  # its name in earlier versions
    classifier = Content("classifier")
    metrics = Content("metrics.json")
    examples = Content("examples.json")
    page = Content("report.html")

    def remedy(self, name: str) -> str:
        """Return the next step for the user if a file is damaged: a member goes as a whole."""
        if name == self.record:
            return super().remedy(name)
        piece = name
        for place in map(str, PurePosixPath(name).parents):
            files = MemberFiles(place)
            if name in (files.record, files.weights) or name.startswith(f"{files.scores}/"):
                piece = place
        return f"Remove {self.path / piece}; the same pet train command makes it again."

    def member(self, name: str) -> MemberFiles:
        """Return the names of a member's files.

        Raises
        ------
        RunError
            When the name would lead out of the folder.
        """
        return MemberFiles(f"{self.members}/{inner_name(name)}")

    def generation(self, number: int) -> GenerationFiles:
        """Return the names of a generation's files."""
        return GenerationFiles(f"{self.members}/{generation_name(number)}")

    def member_folds(self, name: str) -> FoldFiles:
        """Return the names of the files of a member's out-of-fold trainings."""
        return FoldFiles(f"{self.folds}/{name}")


def generation_name(number: int) -> str:
    """Return a generation's name; its members' names start with it: ``gen-1/pattern-0``."""
    return f"gen-{number}"


def inner_name(name: str) -> str:
    """Refuse a name in a record that would lead out of its folder, and return any other.

    Raises
    ------
    RunError
        When it has a part "..", or is an absolute path, of any system.
    """
    parts = re.split(r"[/\\]", name) if isinstance(name, str) else [""]
    if any(part in ("", ".", "..") or ":" in part for part in parts):
        raise RunError(
            f"A record names a member {name!r}, which is no name in a folder.",
            "Do not use this folder: somebody changed it.",
        )
    return name


def generation_of(member: str) -> int | None:
    """Return the number of a member's generation; None for a member of no generation."""
    match = re.match(r"gen-(\d+)/", member)
    return None if match is None else int(match[1])


class StudyFolder(Folder):
    """Folder of a few-shot study, with an inner folder for every task."""

    noun = "a study"
    record = RunFolder.record
    tasks = Content("tasks")
    unfinished = Content("unfinished")
    results = Content("results.json")
    table = Content("results.csv")
    page = Content(RunFolder.page)

    def workplace(self) -> Path:
        """Make an empty folder for the runs of cells that are not finished."""
        self.remove(self.unfinished)
        with write_errors(self.path):
            (self.path / self.unfinished).mkdir()
        return (self.path / self.unfinished).resolve()

    def task(self, name: str) -> Path:
        """Return the path of a task's folder."""
        return self.path / self.tasks / quote(name, safe="")

    def task_folders(self) -> Iterator[StudyTaskFolder]:
        """Yield the folders of all tasks, sorted by name."""
        for record in sorted((self.path / self.tasks).glob(f"*/{StudyTaskFolder.record}")):
            yield StudyTaskFolder.open(record.parent)


class StudyTaskFolder(Folder):
    """Folder of one task of a few-shot study: its finished cells."""

    noun = "a study's task"
    record = RunFolder.record
    cells = Content("cells")

    def cell(self, name: str) -> str:
        """Return the name of a finished cell's file."""
        return f"{self.cells}/{name}.json"


class AdaptationFolder(Folder):
    """Folder of an adaptation; in the end it is the folder of the adapted masked LM."""

    noun = "an adaptation"
    record = "adaptation.json"
    metrics = Content("metrics.json")
    model = Content("model")
    card = Content("README.md")

    # Files of the model, with the names of Hugging Face; inside `model` until they are published.
    config = Content("config.json")
    weights = Content("model.safetensors")
    tokenizer = Content("tokenizer.json")
    tokenizer_config = Content("tokenizer_config.json")

    def publish(self) -> None:
        """Move the files of the finished model from `model` to this folder, its config last."""
        with write_errors(self.path):
            files = list((self.path / self.model).iterdir())
            self.checksums.note({file.name: file for file in files})
            for file in sorted(files, key=lambda file: file.name == self.config):
                os.replace(file, self.path / file.name)
            (self.path / self.model).rmdir()

    def check_model(self) -> None:
        """Refuse a finished model whose files are not what was written.

        Raises
        ------
        RunError
            When one is missing or damaged; names it.
        """
        inner = f"{self.model}/"
        noted = [name for name in self.checksums.names() if name.startswith(inner)]
        for file in (name.removeprefix(inner) for name in noted):
            with self.reading(file):
                self.checksums.check(file)

    def remedy(self, name: str) -> str:
        """Return the next step for the user if a file is damaged: the model is one piece."""
        if name == self.record:
            return super().remedy(name)
        return f"Remove {self.path / self.metrics}; the same command makes the model again."


@dataclass(frozen=True)
class ModelFiles:
    """Paths of a saved model's files."""

    folder: Path

    @property
    def card(self) -> Path:
        """Task and type of the model; a folder with this file is a model."""
        return self.folder / "pet.json"

    @property
    def page(self) -> Path:
        """Model card for people, with the name that the hub shows."""
        return self.folder / "README.md"

    @property
    def backbone(self) -> Path:
        """Folder of the backbone of an ensemble."""
        return self.folder / "backbone"

    def weights(self, member: str) -> Path:
        """Return the path of a member's learned tensors; absent if nothing was trained.

        Raises
        ------
        RunError
            When the name would lead out of the folder.
        """
        return self.folder / "members" / f"{inner_name(member)}.safetensors"


@dataclass(frozen=True)
class PromptFiles:
    """Paths of the files of a prompt in a bank."""

    folder: Path

    @property
    def record(self) -> Path:
        """Task, members and backbone; a folder with this file is a prompt."""
        return self.folder / "prompt.json"

    @property
    def tensors(self) -> Path:
        """Learned tensors of all members."""
        return self.folder / "prompt.safetensors"

    @classmethod
    def in_bank(cls, bank: str | Path) -> list[Path]:
        """Return the folders of a bank's prompts, sorted by name."""
        if not os.path.isdir(bank):  # a path that is too long is none
            return []
        # One that lacks its record is damaged, and to be told.
        files = [*Path(bank).glob("*/prompt.json"), *Path(bank).glob("*/prompt.safetensors")]
        folders = sorted({file.parent for file in files})
        return [folder for folder in folders if folder.suffix != UNFINISHED]
