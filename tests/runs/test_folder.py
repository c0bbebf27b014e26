"""The run folder: nothing half-written is visible, and nothing of anybody else's is touched."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from pet.errors import RunError
from pet.runs import RunFolder
from pet.runs import lock as locks
from pet.runs.lock import Lock

ASKED = {"task": {"name": "toy"}, "settings": {"seed": 13, "patterns": (0, 1)}, "data": None}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.start(tmp_path / "deep" / "run", ASKED)


def test_a_new_folder_records_what_was_asked_and_with_which_versions(run: RunFolder) -> None:
    written = run.read_json("run.json")
    assert written["asked"] == json.loads(json.dumps(ASKED))
    assert written["versions"].keys() == {"pet", "torch", "transformers", "scikit-learn", "numpy"}
    assert run.asked()["settings"] == {"seed": 13, "patterns": [0, 1]}
    assert names(run.path) == ["SHA256SUMS", "run.json"]


def test_a_failure_while_writing_leaves_the_old_file(run: RunFolder) -> None:
    run.write_json("ensemble.json", {"weights": [1]})
    with suppress(ZeroDivisionError), run.writing("ensemble.json") as temporary:
        temporary.write_text("half", "utf-8")
        assert run.read_json("ensemble.json") == {"weights": [1]}
        raise ZeroDivisionError
    assert run.read_json("ensemble.json") == {"weights": [1]}


def test_a_value_that_is_not_json_leaves_nothing_behind(run: RunFolder) -> None:
    with pytest.raises(TypeError):
        run.write_json("metrics.json", {"loss": object()})
    assert names(run.path) == ["SHA256SUMS", "run.json"]


@pytest.mark.parametrize("place", ["run.json", "classifier", "members/a/weights.safetensors"])
@pytest.mark.parametrize("ending", [".part", ".x1y2z3_0.part"])
def test_leftovers_of_a_crash_are_removed_by_the_same_command(
    run: RunFolder, place: str, ending: str
) -> None:
    left = run.path / (place + ending)
    if ending != ".part" or place == "classifier":
        left.mkdir(parents=True)
        (left / left.name.removesuffix(ending)).write_text("old", "utf-8")
    else:
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_text("old", "utf-8")
    (run.path / "mine.part").write_text("a user's own", "utf-8")
    assert RunFolder.start(run.path, ASKED).asked() == run.asked()
    assert [path.name for path in run.path.rglob("*.part")] == ["mine.part"]


def test_a_written_folder_appears_whole_and_replaces_an_older_one(run: RunFolder) -> None:
    for content in ("first", "second"):
        with run.writing("members/a/scores") as temporary:
            temporary.mkdir()
            (temporary / content).write_text(content, "utf-8")
            seen = names(run.path / "members/a")
            assert "scores" not in seen or names(run.path / "members/a/scores") == ["first"]
        assert names(run.path / "members/a/scores") == [content]


def test_shards_come_back_in_order_and_arrays_are_never_pickles(run: RunFolder) -> None:
    for number in (2, 0, 10, 1):
        run.write_array(f"members/a/scores/{number:06}.npy", np.full(2, number))
    assert [int(part[0]) for part in run.shards("members/a/scores")] == [0, 1, 2, 10]
    with pytest.raises(ValueError, match="allow_pickle"):
        run.write_array("bad.npy", np.array([object()]))
    np.save(run.path / "members/a/scores/000011.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(RunError, match=r"000011\.npy: damaged(?s:.)*allow_pickle"):
        list(run.shards("members/a/scores"))


def test_the_log_grows_line_by_line(run: RunFolder) -> None:
    run.log("member", name="pattern-0", loss=0.5)
    run.log("distilled", steps=3)
    lines = [json.loads(line) for line in (run.path / "log.jsonl").read_text("utf-8").splitlines()]
    assert [line.pop("time") > 0 for line in lines] == [True, True]
    assert lines == [
        {"event": "member", "name": "pattern-0", "loss": 0.5},
        {"event": "distilled", "steps": 3},
    ]


def test_the_same_request_goes_on_in_the_same_folder(run: RunFolder) -> None:
    run.write_json("ensemble.json", {})
    before = (run.path / "run.json").stat().st_mtime_ns
    again = RunFolder.start(run.path, json.loads(json.dumps(ASKED)))
    assert again.has("ensemble.json")
    assert (run.path / "run.json").stat().st_mtime_ns == before


def test_another_request_is_refused_with_every_difference(run: RunFolder) -> None:
    other = {**ASKED, "settings": {"seed": 14, "extra": "x" * 99}, "data": {"n": 3}}
    run.write_json("members/a/member.json", {})
    with pytest.raises(RunError) as caught:
        RunFolder.start(run.path, other)
    message = str(caught.value)
    assert str(run.path) in message
    assert "settings.seed: 13 there, 14 now" in message
    assert "settings.patterns: [0, 1] there, null now" in message
    assert 'settings.extra: null there, "' + "x" * 56 + "... now" in message
    assert 'data: null there, {"n": 3} now' in message
    assert "task" not in message.replace(str(run.path), "")
    assert run.asked()["settings"]["seed"] == 13


def test_a_request_of_which_nothing_is_done_yet_is_replaced(run: RunFolder) -> None:
    again = RunFolder.start(run.path, {"other": 1})
    assert again.asked() == {"other": 1}
    assert names(run.path) == ["SHA256SUMS", "run.json"]


HOLD = """
import sys
from pet.runs import RunFolder
folder = RunFolder.start(sys.argv[1], {"other": 1})
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("force", [False, True])
def test_two_processes_do_not_write_one_folder_and_a_killed_one_does_not_block_it(
    force: bool, tmp_path: Path
) -> None:
    target = tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(RunError, match="in use: another process is writing there"):
            RunFolder.start(target, {"other": 1}, force)
        assert RunFolder.open(target).asked() == {"other": 1}  # reading is free
        process.kill()
    assert RunFolder.start(target, {"other": 1}, force).asked() == {"other": 1}


def test_folders_of_one_process_share_their_hold_and_give_it_back(tmp_path: Path) -> None:
    gc.collect()  # holds of earlier tests, which their errors kept
    held = len(Lock._held)
    first = RunFolder.start(tmp_path, ASKED)
    second = RunFolder.start(tmp_path, ASKED)
    assert first._lock is second._lock is not None
    assert len(Lock._held) == held + 1
    del first
    assert len(Lock._held) == held + 1
    del second
    assert len(Lock._held) == held


def test_a_system_without_locks_does_not_stop_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    with monkeypatch.context() as patch:
        patch.setattr(locks.fcntl, "flock", refuse)
        assert RunFolder.start(tmp_path / "a", ASKED).has("run.json")
    monkeypatch.setattr(locks, "fcntl", None)
    assert RunFolder.start(tmp_path / "b", ASKED).has("run.json")


def test_force_removes_only_what_a_run_writes(run: RunFolder) -> None:
    for name in ("members/a/weights", "classifier/pet.json", "classifier.part/x", "mine/own.txt"):
        (run.path / name).parent.mkdir(parents=True, exist_ok=True)
        (run.path / name).write_text("x", "utf-8")
    for name in ("ensemble.json", "metrics.json", "log.jsonl", "predictions.csv"):
        (run.path / name).write_text("x", "utf-8")
    again = RunFolder.start(run.path, {"other": 1}, force=True)
    assert names(run.path) == ["SHA256SUMS", "mine", "predictions.csv", "run.json"]
    assert (run.path / "mine" / "own.txt").read_text("utf-8") == "x"
    assert again.asked() == {"other": 1}


def test_force_makes_a_new_folder_too(tmp_path: Path) -> None:
    assert RunFolder.start(tmp_path / "run", ASKED, force=True).has("run.json")


def test_a_crash_before_the_first_file_was_whole_does_not_block_the_folder(tmp_path: Path) -> None:
    (tmp_path / "run.json.part").write_text('{"as', "utf-8")
    RunFolder.start(tmp_path, ASKED)
    assert names(tmp_path) == ["SHA256SUMS", "run.json"]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("content", [None, "{}", "[]", '{"asked": 3}', '{"runs": []}', "{"])
def test_folders_of_others_are_refused_and_left_alone(
    content: str | None, force: bool, tmp_path: Path
) -> None:
    (tmp_path / "members").mkdir()
    (tmp_path / "members" / "list.txt").write_text("people", "utf-8")
    if content is not None:
        (tmp_path / "run.json").write_text(content, "utf-8")
    before = names(tmp_path)
    with pytest.raises(RunError, match=str(tmp_path)):
        RunFolder.start(tmp_path, ASKED, force)
    assert names(tmp_path) == before
    assert (tmp_path / "members" / "list.txt").read_text("utf-8") == "people"


def test_only_a_run_folder_can_be_opened(run: RunFolder, tmp_path: Path) -> None:
    assert RunFolder.open(run.path).asked() == run.asked()
    with pytest.raises(RunError, match=r"no run\.json"):
        RunFolder.open(tmp_path)


def test_a_damaged_file_is_named(run: RunFolder) -> None:
    (run.path / "ensemble.json").write_text("{", "utf-8")
    with pytest.raises(RunError, match=r"ensemble\.json: damaged"):
        run.read_json("ensemble.json")


def test_disk_errors_become_one_message_and_other_errors_pass(run: RunFolder) -> None:
    # tokenizers raises a bare Exception when the disk is full; its text has the error's number.
    for error in (OSError(28, "No space left on device"), Exception("No space left (os error 28)")):
        with pytest.raises(RunError, match="classifier: cannot be written: No space left"):  # noqa: SIM117
            with run.writing("classifier"):
                raise error
    with pytest.raises(Exception, match="unrelated"), run.writing("classifier"):
        raise Exception("unrelated")
