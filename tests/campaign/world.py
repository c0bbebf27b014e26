"""A tiny world: a model, a task, files, and commands whose results are compared."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tiny import WORDS, save_lively_bert
from toy import Files, labelled_rows, unlabelled_rows, write_jsonl

from campaign.processes import Ended, run
from pet.cli import COMMANDS
from pet.training import checkpoints

# What differs between two runs that ask for the same: times, memory, and where it was computed.
_TIMES = re.compile(r"seconds|memory|time|date|throughput|per_second")
# The log is a diary of what happened; the card tells how long it took.
_LOG, _CARD, _SUMS = "log.jsonl", "README.md", "SHA256SUMS"
# Commands by name; "fewshot" works in two processes, "study" in one.
SCENES = ("train", "ipet", "single", "adapt", "bank", "predict", "study", "fewshot")
TRAIN = (
    "--patterns", "0-1", "--max-steps", 8, "--distill-epochs", 2, "--distill-batch-size", 8,
)  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """A command that writes into ``out``, and what has to lie beside it.

    Parameters
    ----------
    name : str
        Name for tables.
    arguments : tuple
        Arguments of ``pet``; the output is ``out`` or lies in it.
    """

    name: str
    arguments: tuple[object, ...]


class World:
    """Files that commands read, made once, and the results of commands that nothing disturbed.

    Parameters
    ----------
    folder : Path
        An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        # Nothing of this may wait for another thread or process after a fork.
        torch.set_num_threads(1)
        os.environ |= {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
        os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
        checkpoints.EVERY_SECONDS = None  # at every step
        import_everything()
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.files = Files.write(folder)
        self.model = str(save_lively_bert(folder / "bert"))
        self.pool = write_jsonl(folder / "pool.jsonl", labelled_rows() * 3)
        self.many = write_jsonl(folder / "many.jsonl", unlabelled_rows() * 40)
        self.corpus = str(folder / "corpus.txt")
        lines = [f"the {a} was {b} and the {b} {a}" for a in WORDS[5:20] for b in WORDS[11:25]]
        Path(self.corpus).write_text("\n".join(lines) + "\n", "utf-8")

    @property
    def on_cpu(self) -> tuple[object, ...]:
        """The options of the backbone and the device."""
        return ("--backbone", self.model, "--device", "cpu", "--precision", "fp32")

    def scene(self, name: str) -> Scene:
        """Return a command that is interrupted in ways that should not matter."""
        files = self.files
        train = ("train", "--task", files.task, "-o", "out", *self.on_cpu)
        labelled, unlabeled = ("--train", files.train), ("--unlabeled", files.unlabeled)
        cpu = ("--device", "cpu")
        match name:
            case "train":
                more: tuple[object, ...] = (
                    *train,
                    *labelled,
                    *unlabeled,
                    "--test",
                    files.test,
                    *TRAIN,
                )
            case "ipet":
                more = (*train, *unlabeled, "--method", "ipet", "--generations", 1, *TRAIN)
            case "single":
                more = (*train, *labelled, "--method", "single", "--max-steps", 8, "--patterns", 0)
            case "adapt":
                size = ("--max-steps", 12, "--batch-size", 8, "--length", 32)
                more = ("adapt", self.model, "--text", self.corpus, *size, *self.on_cpu[2:])
                more = (*more, "-o", "out")
            case "bank":
                added = ("--add", self.made("prompt"), "--add", self.made("untrained"))
                more = ("bank", "out", *added, "--replace", *cpu)
            case "predict":
                more = ("predict", self.made("single"), "--input", self.many, *cpu)
                more = (*more, "-o", "out/labelled.csv")
            case _:
                jobs = 2 if name == "fewshot" else 1
                more = (
                    "fewshot", "--task", files.task, "--train", self.pool, "--test", files.test,
                    "--methods", "tfidf,zero-shot,single", "--shots", 2, "--seeds", "1,2",
                    "--patterns", "0", "--max-steps", 3, *self.on_cpu, "--jobs", jobs, "-o", "out",
                )  # fmt: skip
        return Scene(name, more)

    def made(self, name: str) -> Path:
        """Return a finished folder, made when it is first asked for."""
        return _made(self, name)

    def make(self, name: str) -> Path:
        """Make a finished folder."""
        place = self.folder / f"made-{name}"
        data = ("--task", self.files.task, "--train", self.files.train)
        soft = ("--soft", "prompt-tuning", "--soft-slots", 3, "--scope", "prompt")
        few = (
            "--patterns",
            "0-1",
            "--max-steps",
            4,
            "--distill-epochs",
            1,
            *self.on_cpu,
            "-o",
            "out",
        )
        match name:
            case "prompt":
                arguments: Sequence[object] = ("train", *data, "--method", "single", *soft, *few)
            case "untrained":
                renamed = self.folder / "other_task.py"
                plain = Path(self.files.task).read_text("utf-8")
                renamed.write_text(plain.replace('name="toy"', 'name="other"'), "utf-8")
                arguments = ("train", "--task", renamed, "--method", "zero-shot", *few)
            case _:
                arguments = self.scene(name).arguments
        ended = run(arguments, place)
        assert ended.outcome == "done", (name, ended)
        return place / "out"

    def fresh(self, name: str) -> Path:
        """Return an empty working folder with the folder that ``pet predict -o`` needs."""
        place = self.folder / name
        for old in (place, place.with_suffix(".tmp")):
            if old.exists():
                shutil.rmtree(old)
        (place / "out" if name.startswith("predict") else place).mkdir(parents=True)
        return place

    def expected(self, scene: Scene) -> tuple[dict[str, str], float]:
        """Return what is in ``out`` after the command, and the seconds that it took."""
        return _expected(self, scene)


@cache
def _made(world: World, name: str) -> Path:
    return world.make(name)


@cache
def _expected(world: World, scene: Scene) -> tuple[dict[str, str], float]:
    found: list[dict[str, str]] = []
    for attempt in ("first", "second"):
        place = world.fresh(f"{scene.name}-{attempt}")
        begun = time.monotonic()
        ended: Ended = run(scene.arguments, place, 600)
        seconds = time.monotonic() - begun
        assert ended.outcome == "done", (scene.name, ended.err)
        found.append(numbers(place / "out"))
    assert found[0] == found[1], f"{scene.name}: two runs differ in {differing(*found)}"
    return found[0], seconds


def import_everything() -> None:
    """Load all modules of the commands, so that forked processes need not."""
    from importlib import import_module

    for name in COMMANDS:
        import_module(f"pet.cli.{name}")
    for path in sorted(Path(checkpoints.__file__).parents[1].rglob("*.py")):
        parts = path.relative_to(Path(checkpoints.__file__).parents[2]).with_suffix("").parts
        import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))


def numbers(folder: Path) -> dict[str, str]:
    """Return a digest of every file in a folder, without the times in them."""
    found = {}
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_dir() or file.name == _LOG:
            continue
        if file.name == _SUMS:
            # The sums of files with times differ; what counts is that they are right.
            found[name] = _wrong_sums(file)
            continue
        content = b"" if file.name == _CARD else file.read_bytes()
        if file.suffix == ".json" and file.name != "tokenizer.json":
            with suppress(ValueError, RecursionError):  # damaged: its bytes are what it is
                content = json.dumps(without_times(json.loads(content)), sort_keys=True).encode()
        elif file.suffix == ".csv":
            table = [*csv.reader(io.StringIO(content.decode()))]
            kept = [at for at, column in enumerate(table[0]) if not _TIMES.search(column)]
            content = repr([[line[at] for at in kept] for line in table]).encode()
        found[name] = hashlib.sha256(content).hexdigest()
    return found


def _wrong_sums(file: Path) -> str:
    """Say which files have another sum than the one written last; none should."""
    lines = file.read_text("utf-8", errors="replace").splitlines()
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    wrong = [
        name
        for name, digest in sums.items()
        if (file.parent / name).is_file()
        and hashlib.sha256((file.parent / name).read_bytes()).hexdigest() != digest
    ]
    return f"wrong: {wrong}" if wrong else "right"


def without_times(value: Any) -> Any:
    """Return a JSON value without times and memory."""
    if isinstance(value, dict):
        return {key: without_times(v) for key, v in value.items() if not _TIMES.search(key)}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Return the names of files that differ or are in one folder only."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def differences(found: dict[str, str], expected: dict[str, str]) -> str:
    """Say how a folder differs from the expected one; empty if it does not."""
    extra = sorted({*found} - {*expected})
    lost = sorted({*expected} - {*found})
    other = sorted(name for name in {*found} & {*expected} if found[name] != expected[name])
    parts = [("left over", extra), ("missing", lost), ("other numbers", other)]
    return "; ".join(f"{what}: {', '.join(names[:6])}" for what, names in parts if names)
