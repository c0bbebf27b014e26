"""Nothing is written through a link, and no temporary file stays."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pet.errors import RunError
from pet.runs import ModelFiles, RunFolder
from pet.runs.storage import Storage
from pet.runs.writing import written_whole


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.start(tmp_path / "run", {"asked": 1})


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A private file outside the run."""
    file = tmp_path / "precious"
    file.write_text("mine", "utf-8")
    file.chmod(0o600)
    return file


@pytest.mark.parametrize("name", ["ensemble.json.part", "ensemble.json"])
def test_a_link_is_replaced_and_what_it_points_to_is_left_alone(
    name: str, run: RunFolder, precious: Path
) -> None:
    (run.path / name).symlink_to(precious)
    run.write_json("ensemble.json", {"weights": [1]})
    assert run.read_json("ensemble.json") == {"weights": [1]}
    assert not (run.path / "ensemble.json").is_symlink()
    assert precious.read_text("utf-8") == "mine"
    assert precious.stat().st_mode & 0o777 == 0o600


def test_a_link_in_place_of_a_folder_is_replaced(run: RunFolder, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("mine", "utf-8")
    (run.path / "classifier").symlink_to(outside)
    with run.writing("classifier") as temporary:
        temporary.mkdir()
        (temporary / "new").write_text("new", "utf-8")
    assert not (run.path / "classifier").is_symlink()
    assert (outside / "file").read_text("utf-8") == "mine"
    assert os.listdir(outside) == ["file"]


@pytest.mark.parametrize("name", ["log.jsonl", "SHA256SUMS"])
def test_nothing_is_appended_through_a_link(name: str, run: RunFolder, precious: Path) -> None:
    (run.path / name).unlink(missing_ok=True)
    (run.path / name).symlink_to(precious)
    with pytest.raises(RunError, match=f"{name}: cannot be written: it is a link"):
        run.log("member") if name == "log.jsonl" else run.write_json("ensemble.json", {})
    assert precious.read_text("utf-8") == "mine"


def test_a_line_that_was_cut_off_does_not_spoil_the_next(run: RunFolder) -> None:
    run.log("first")
    with (run.path / run.events).open("a") as stream:
        stream.write('{"time": 1, "eve')
    run.log("second")
    assert [event["event"] for event in run.logged()] == ["first", "second"]


def test_what_was_being_written_is_removed_after_an_error(run: RunFolder) -> None:
    before = sorted(os.listdir(run.path))
    with pytest.raises(KeyboardInterrupt), run.writing("ensemble.json") as temporary:
        temporary.write_text("half", "utf-8")
        raise KeyboardInterrupt
    assert sorted(os.listdir(run.path)) == before


def test_removing_a_checkpoint_removes_what_is_left_of_writing_it(run: RunFolder) -> None:
    place = run.path / "members" / "a"
    place.mkdir(parents=True)
    for name in ("checkpoint.safetensors", "checkpoint.safetensors.part", "weights.safetensors"):
        (place / name).write_text("x", "utf-8")
    (place / "checkpoint.safetensors.q1w2e3r4.part").mkdir()
    run.remove("members/a/checkpoint.safetensors")
    assert os.listdir(place) == ["weights.safetensors"]


def test_two_writers_of_one_name_leave_one_whole_folder(tmp_path: Path) -> None:
    def write(letter: str) -> None:
        with written_whole(tmp_path / "prompt") as temporary:
            temporary.mkdir()
            for number in range(3):
                both.wait()
                (temporary / str(number)).write_text(letter, "utf-8")
            first.release() if letter == "a" else first.acquire()

    both, first = threading.Barrier(2), threading.Semaphore(0)
    threads = [threading.Thread(target=write, args=(letter,)) for letter in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.listdir(tmp_path) == ["prompt"]
    letters = {file.read_text("utf-8") for file in (tmp_path / "prompt").iterdir()}
    assert len(letters) == 1


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_folder_that_another_writer_names_in_between_is_replaced(
    is_folder: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, replace = tmp_path / "prompt", os.replace

    def after_another(source: Path, name: Path) -> None:
        monkeypatch.setattr(os, "replace", replace)
        target.mkdir()
        (target / "theirs").touch()
        replace(source, name)

    with written_whole(target) as temporary:
        if is_folder:
            temporary.mkdir()
        (temporary / "ours" if is_folder else temporary).touch()
        monkeypatch.setattr(os, "replace", after_another)
    assert os.listdir(tmp_path) == ["prompt"]
    assert [file.name for file in target.iterdir()] == ["ours"] if is_folder else target.is_file()


def test_a_folder_that_another_writer_moves_away_in_between_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, replace = tmp_path / "prompt", os.replace
    target.mkdir()

    def after_another(source: Path, name: Path) -> None:
        monkeypatch.setattr(os, "replace", replace)
        target.rmdir()
        replace(source, name)

    with written_whole(target) as temporary:
        temporary.mkdir()
        (temporary / "ours").touch()
        monkeypatch.setattr(os, "replace", after_another)
    assert os.listdir(target) == ["ours"]


WAITS = """
import sys
from pathlib import Path
from pet.runs.storage import Storage
print("ready", flush=True)
with Storage(Path(sys.argv[1])).locked("toy"):
    print("in", flush=True)
"""


def test_a_second_process_waits_for_a_bank_that_is_changed(tmp_path: Path) -> None:
    left = tmp_path / "toy.a1b2c3d4.part"
    (left / "toy").mkdir(parents=True)
    with Storage(tmp_path).locked("toy"):
        assert not left.exists()
        other = subprocess.Popen(
            [sys.executable, "-c", WAITS, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.3)
    assert other.communicate(timeout=60)[0] == "in\n"


@pytest.mark.parametrize(
    "name", ["../../secret", "/etc/secret", "a/../../b", "..\\b", "C:\\x", "", "a//b", 7]
)
def test_a_member_whose_name_leads_out_of_the_folder_is_refused(
    name: str, run: RunFolder, tmp_path: Path
) -> None:
    for path in (ModelFiles(tmp_path).weights, run.member):
        with pytest.raises(RunError, match="no name in a folder"):
            path(name)
    assert run.member("gen-1/pattern-0").place == "members/gen-1/pattern-0"


@pytest.mark.parametrize("path", ["x" * 300, "x/" * 3000, "a\0b"])
def test_a_path_that_no_system_takes_is_one_message(path: str, tmp_path: Path) -> None:
    from pet import PromptBank, load_model
    from pet.model import change_bank, read_prompt

    place = tmp_path / path
    calls = [
        lambda: RunFolder.start(place, {}),
        lambda: RunFolder.open(place),
        lambda: load_model(place),
        lambda: PromptBank.load(place),
        lambda: read_prompt(place),
        lambda: change_bank(place, drop=["x"]),
    ]
    for call in calls:
        with pytest.raises(RunError):
            call()
    assert not RunFolder.is_at(place)
