"""Left-overs of writing: pet removes its own, and no file of other people that looks like one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pet.errors import RunError, UsageError
from pet.model.bank_folder import change_bank
from pet.runs import Folder, RunFolder, StudyFolder
from pet.runs.storage import Storage

FOREIGN = [
    "tasks/film.mkv.part",
    "classifier.zip.part",
    "members/a/big.iso.part",
    "classifier.part",
    "run.json.x1y2z3_0.part",
]


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine", "utf-8")


def files_in(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if not file.is_dir()}


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("kind", [RunFolder, StudyFolder])
@pytest.mark.parametrize("record", [None, "{}"])
def test_a_folder_that_is_no_run_keeps_all_its_files(
    record: str | None, kind: type[Folder], force: bool, tmp_path: Path
) -> None:
    put(tmp_path, *FOREIGN)
    if record is not None:
        (tmp_path / "run.json").write_text(record, "utf-8")
    before = files_in(tmp_path)
    with pytest.raises(RunError, match="not .*folder"):
        kind.start(tmp_path, {}, force)
    assert files_in(tmp_path) == before


def test_other_peoples_unfinished_files_in_a_run_stay(tmp_path: Path) -> None:
    run = RunFolder.start(tmp_path, {"asked": 1})
    names = ["film.mkv.part", "members/film.part", "members/a/big.download.part", "mine/own.part"]
    names += ["members/album.download.part/track.mp3", "classifier.zip.part"]
    put(tmp_path, *names)
    RunFolder.start(tmp_path, {"asked": 1}).remove_unfinished()
    run.remove("members/a/big")
    run.remove("film")
    assert files_in(tmp_path) >= {*names}


@pytest.mark.parametrize("place", ["members", "members/a", "tasks"])
def test_no_left_over_is_looked_for_behind_a_link(place: str, tmp_path: Path) -> None:
    outside, run = tmp_path / "outside", tmp_path / "run"
    names = {"big.iso.part", "member.json.part", "scores.a1b2c3d4.part/scores/000000.npy"}
    put(outside, *names)
    RunFolder.start(run, {"asked": 1})
    (run / place).parent.mkdir(exist_ok=True)
    (run / place).symlink_to(outside)
    RunFolder.start(run, {"asked": 1})
    assert files_in(outside) == names
    assert (run / place).is_symlink()


def test_a_bank_in_a_folder_of_downloads_removes_none_of_them(tmp_path: Path) -> None:
    names = {"film.mkv.part/1", "album.download.part/track.mp3", "film.part", "x.part/y"}
    own = {"toy.a1b2c3d4.part/toy/prompt.json", "old.a1b2c3d4.part/replaced/prompt.json"}
    put(tmp_path, *names, *own)
    put(tmp_path, "old/prompt.json")
    with Storage(tmp_path).locked(r"\w+"):
        assert files_in(tmp_path) == {*names, "old/prompt.json"}
    with pytest.raises(UsageError, match="has no task 'no'"):
        change_bank(tmp_path, drop=["no"])  # after the clean-up
    assert files_in(tmp_path) == {*names, "old/prompt.json"}


@pytest.mark.parametrize("place", ["classifier", "members/a/scores"])
def test_a_kill_between_the_two_renames_loses_nothing(place: str, tmp_path: Path) -> None:
    run = RunFolder.start(tmp_path, {"asked": 1})
    with run.writing(place) as temporary:
        put(temporary, "old")
    left = tmp_path / f"{place}.a1b2c3d4.part"
    left.mkdir()
    os.replace(tmp_path / place, left / "replaced")
    put(left, Path(place).name + "/new")
    RunFolder.start(tmp_path, {"asked": 1})
    assert files_in(tmp_path / place) == {"old"}
    assert not left.exists()


def test_a_prompt_that_was_being_replaced_is_put_back(tmp_path: Path) -> None:
    put(tmp_path, "toy.a1b2c3d4.part/replaced/prompt.json", "toy.a1b2c3d4.part/toy/prompt.json")
    (tmp_path / "toy.a1b2c3d4.part/replaced/prompt.json").write_text(json.dumps({"old": 1}))
    with Storage(tmp_path).locked("toy"):
        assert files_in(tmp_path) == {"toy/prompt.json"}
    assert json.loads((tmp_path / "toy/prompt.json").read_text("utf-8")) == {"old": 1}
