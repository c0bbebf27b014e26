"""Damage to any stored file ends in one message, or changes nothing: never in other numbers."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from damaging import KINDS, damaged, files_in
from studies import POOL, TEST
from toy import Files, Result, pet, train, write_jsonl

TEXT = "the film was very good"


@dataclass(frozen=True)
class Made:
    """A finished folder, the command that made it, and one that reads all in a part of it."""

    folder: Path
    make: Callable[[Path], Result]
    read: Callable[[Path], Result]
    part: str = ""


def with_members(files: Files, backbone: str) -> Made:
    """A run whose classifier is distilled from two members."""

    def make(folder: Path) -> Result:
        more = ("--unlabeled", files.unlabeled, "--patterns", "0-1", "--test", files.test)
        return train(files, backbone, folder, *more)

    def read(folder: Path) -> Result:
        return pet("explain", folder, "--text", TEXT)

    return Made(files.folder / "run", make, read)


def with_ensemble(files: Files, backbone: str) -> Made:
    """A run without unlabelled text, so that its ensemble is the model, with learned weights."""

    def make(folder: Path) -> Result:
        more = ("--patterns", "0-1", "--weighting", "learned", "--folds", 2)
        return train(files, backbone, folder, *more)

    def read(folder: Path) -> Result:
        return pet("predict", folder, "--input", files.unlabeled)

    return Made(files.folder / "run", make, read, "classifier")


def of_study(files: Files, backbone: str) -> Made:
    """A study of two cells."""
    own = files.folder / "toy"
    own.mkdir()
    write_jsonl(own / "train.jsonl", POOL)
    write_jsonl(own / "test.jsonl", TEST)

    def make(folder: Path) -> Result:
        return pet(
            "fewshot", "--task", files.task, "--data", files.folder, "--shots", 2, "--seeds", "1,2",
            "--methods", "tfidf", "--backbone", backbone, "-o", folder,
        )  # fmt: skip

    def read(folder: Path) -> Result:
        return pet("report", folder, "-o", "-")

    return Made(files.folder / "study", make, read)


KINDS_OF_FOLDER = {
    "members": with_members,
    "ensemble": with_ensemble,
    "study": of_study,
}


@pytest.fixture(scope="module", params=KINDS_OF_FOLDER)
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, lively_bert: str
) -> Made:
    """Every kind of folder, made once."""
    files = Files.write(tmp_path_factory.mktemp("damage"))
    made = KINDS_OF_FOLDER[request.param](files, lively_bert)
    result = made.make(made.folder)
    assert result.code == 0, result.err
    return made


def told(result: Result, file: Path, folder: Path) -> bool:
    """Whether a command ended in one message that names the file, or the folder that it is in."""
    if result.code == 0:
        return False
    assert result.code in (1, 2), result.err
    assert result.out == ""
    (message,) = re.findall(r"^Error: .*(?:\n  .*)*", result.err, re.MULTILINE)
    places = [str(place) for place in [file, *file.parents] if folder in [place, *place.parents]]
    assert any(place in message for place in places), (file, message)
    assert "\n  " in message, message  # what to do
    return True


def test_what_reads_a_damaged_folder_says_so_or_gives_the_same(made: Made) -> None:
    whole = made.read(made.folder)
    assert whole.code == 0, whole.err
    noticed = dict.fromkeys(KINDS, 0)
    for file in files_in(made.folder / made.part):
        if made.part == "" and {"pattern-1", "scores", "cells"} & set(file.parts):
            continue  # read by nothing, or like another file
        for kind in KINDS:
            with damaged(file, kind):
                result = made.read(made.folder)
                if told(result, file, made.folder):
                    noticed[kind] += 1
                else:
                    assert (file, kind, result.out) == (file, kind, whole.out)
    assert min(noticed.values()) > 1, noticed


@pytest.mark.parametrize("kind", ["other values", "missing"])
def test_a_command_that_goes_on_in_a_damaged_folder_says_so_or_makes_the_same(
    kind: str, made: Made, tmp_path: Path
) -> None:
    expected = numbers(made.folder)
    for file in files_in(made.folder):
        if "classifier" in file.parts:
            continue  # the last piece: a run that goes on has none yet
        copy = tmp_path / "copy"
        shutil.copytree(made.folder, copy)
        shutil.rmtree(copy / "classifier", ignore_errors=True)
        own = copy / file.relative_to(made.folder)
        with damaged(own, kind):
            result = made.make(copy)
            if not told(result, own, copy):
                assert (file, numbers(copy)) == (file, expected)
        shutil.rmtree(copy)


def numbers(folder: Path) -> dict[str, bytes]:
    """Read what a folder holds in the end, but for records, in which there are times."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.suffix in (".safetensors", ".npy") or file.name == "ensemble.json"
    }
