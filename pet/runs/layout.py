"""The layout of everything that is written: the names of files and folders, and nowhere else.

A run folder's names are relative to it, as `Folder.read_json` and its neighbours take them. Models
and prompts are found by path, as people copy them anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pet.runs.folder import Content, Folder
from pet.runs.writing import UNFINISHED, write_errors


@dataclass(frozen=True)
class MemberFiles:
    """Names of what a run keeps of one member."""

    place: str

    @property
    def record(self) -> str:
        """What the member is and how its training went; it is finished when this is there."""
        return f"{self.place}/member.json"

    @property
    def weights(self) -> str:
        """What it has learned; absent where that is nothing."""
        return f"{self.place}/weights.safetensors"

    @property
    def scores(self) -> str:
        """Folder of its scores of the unlabelled text, in shards."""
        return f"{self.place}/scores"


@dataclass(frozen=True)
class GenerationFiles:
    """Names of what a run keeps of one generation of iPET, beside its members."""

    place: str

    @property
    def record(self) -> str:
        """Its figures; it is finished when this is there."""
        return f"{self.place}/generation.json"

    @property
    def draws(self) -> str:
        """Unlabelled texts that its members learn from, and who labelled them."""
        return f"{self.place}/draws.json"


@dataclass(frozen=True)
class FoldFiles:
    """Names of what a run keeps of the trainings of one member on parts of the examples."""

    place: str

    def scores(self, number: int) -> str:
        """Scores of the examples that split ``number`` leaves out."""
        return f"{self.place}/{number}.npy"

    def training(self, number: int) -> str:
        """Folder of that training's checkpoint, while it goes on."""
        return f"{self.place}/{number}"


class RunFolder(Folder):
    """A folder that holds one run, of `pet train`."""

    noun = "a run"
    record = "run.json"
    labelled = Content("labelled.json")
    inputs = (labelled,)

    backbone = Content("backbone")
    members = Content("members")
    folds = Content("folds")
    ensemble = Content("ensemble.json")
    temperature = Content("temperature.json")
    old_temperature = Content("calibration.json")  # as earlier editions called it
    classifier = Content("classifier")
    metrics = Content("metrics.json")
    examples = Content("examples.json")

    def member(self, name: str) -> MemberFiles:
        """Names of a member's files."""
        return MemberFiles(f"{self.members}/{name}")

    def generation(self, number: int) -> GenerationFiles:
        """Names of a generation's files."""
        return GenerationFiles(f"{self.members}/{generation_name(number)}")

    def member_folds(self, name: str) -> FoldFiles:
        """Names of the files of a member's trainings on parts of the examples."""
        return FoldFiles(f"{self.folds}/{name}")


def generation_name(number: int) -> str:
    """Name a generation, as its members' names begin too: ``gen-1/pattern-0``."""
    return f"gen-{number}"


class StudyFolder(Folder):
    """A folder that holds a few-shot study, with an inner folder for every task."""

    noun = "a study"
    record = RunFolder.record
    tasks = Content("tasks")
    results = Content("results.json")
    table = Content("results.csv")

    def task(self, name: str) -> Path:
        """Return the place of a task's folder."""
        return self.path / self.tasks / quote(name, safe="")

    def task_folders(self) -> Iterator[StudyTaskFolder]:
        """Yield the folders of all tasks, by name."""
        for record in sorted((self.path / self.tasks).glob(f"*/{StudyTaskFolder.record}")):
            yield StudyTaskFolder.open(record.parent)


class StudyTaskFolder(Folder):
    """A folder that holds one task of a few-shot study: its finished cells."""

    noun = "a study's task"
    record = RunFolder.record
    cells = Content("cells")

    def cell(self, name: str) -> str:
        """Name the file of a finished cell."""
        return f"{self.cells}/{name}.json"


class AdaptationFolder(Folder):
    """A folder in which a masked LM is adapted, and which is that model's folder in the end."""

    noun = "an adaptation"
    record = "adaptation.json"
    metrics = Content("metrics.json")
    model = Content("model")
    card = Content("README.md")

    # What `model` holds meanwhile; the names are those of Hugging Face.
    config = Content("config.json")
    weights = Content("model.safetensors")
    tokenizer = Content("tokenizer.json")
    tokenizer_config = Content("tokenizer_config.json")

    def publish(self) -> None:
        """Move the files of the finished model up into this folder, its config last."""
        with write_errors(self.path):
            files = (self.path / self.model).iterdir()
            for file in sorted(files, key=lambda file: file.name == self.config):
                os.replace(file, self.path / file.name)
            (self.path / self.model).rmdir()


@dataclass(frozen=True)
class ModelFiles:
    """Paths of what a saved model consists of."""

    folder: Path

    @property
    def card(self) -> Path:
        """Task and kind; it is a model when this is there."""
        return self.folder / "pet.json"

    @property
    def backbone(self) -> Path:
        """Folder of an ensemble's backbone."""
        return self.folder / "backbone"

    def weights(self, member: str) -> Path:
        """What a member of an ensemble has learned; absent where that is nothing."""
        return self.folder / "members" / f"{member}.safetensors"


@dataclass(frozen=True)
class PromptFiles:
    """Paths of what a prompt of a bank consists of."""

    folder: Path

    @property
    def record(self) -> Path:
        """Task, members and backbone; it is a prompt when this is there."""
        return self.folder / "prompt.json"

    @property
    def tensors(self) -> Path:
        """What all members have learned."""
        return self.folder / "prompt.safetensors"

    @classmethod
    def in_bank(cls, bank: str | Path) -> list[Path]:
        """Return the folders of a bank's prompts, by name."""
        found = sorted(file.parent for file in Path(bank).glob("*/prompt.json"))
        return [folder for folder in found if folder.suffix != UNFINISHED]
