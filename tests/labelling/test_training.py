"""The button Train: what pet train is given, and what is told of how it went."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from labelled import new_labelling, truth

from pet.errors import DataError
from pet.labelling import full_training
from pet.labelling.clicks import Click
from pet.labelling.drawing import BULK
from pet.labelling.full_training import FullTraining
from pet.labelling.labelling import Labelling
from pet.task import load_task

ROOT = Path(__file__).resolve().parents[2]
# Stands in for the command: notes how it was called, and makes the report.
COMMAND = """
import json, signal, sys, time
from pathlib import Path
arguments = sys.argv[1:]
print("called", *arguments[:2], flush=True)
if "train" in arguments:
    run = Path(arguments[arguments.index("-o") + 1])
    run.mkdir(exist_ok=True)
    (run / "called.json").write_text(json.dumps(arguments))
    if "--fail" in arguments:
        sys.exit("Error: it failed.")
    if "--slow" in arguments:
        signal.signal(signal.SIGTERM, lambda *_: (time.sleep(1), sys.exit(1)))
        print("slow", flush=True)
        time.sleep(600)
    if "--wait" in arguments:
        time.sleep(600)
else:
    (Path(arguments[-1]) / "report.html").write_text("<p>The report.</p>")
"""


@pytest.fixture
def labelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Labelling:
    monkeypatch.setattr(full_training, "_COMMAND", (sys.executable, "-c", COMMAND))
    return labelled(tmp_path / "labelling")


def labelled(path: Path) -> Labelling:
    made = new_labelling(path)
    made.clicks.add(
        [
            Click(text.number, "anna", "tab", truth(text.fields["text"]))
            for text in made.texts.at(range(10))
        ]
    )
    ((text,),) = [made.texts.at(range(10, 11))]
    made.clicks.add([Click(text.number, "anna", "tab", "positive", drawn=BULK, batch="b")])
    return made


def trained(labelling: Labelling, *options: str) -> FullTraining:
    training = FullTraining(
        labelling.folder, labelling.texts, labelling.clicks, labelling.task, options
    )
    training.start()
    return training


def ended(training: FullTraining) -> str:
    until = time.monotonic() + 60
    while (state := training.state()["state"]) == "training" and time.monotonic() < until:
        time.sleep(0.02)
    return str(state)


def test_it_is_given_the_labels_by_hand_and_the_other_texts(labelling: Labelling) -> None:
    training = trained(labelling, "--max-steps", "3")
    assert ended(training) == "finished"
    state = training.state()
    (run,) = state["reports"]
    assert run == state["run"]
    assert run.startswith("10-labels-")
    page = training.report(run)
    assert page is not None
    called = json.loads((page.parent / "called.json").read_text())
    assert called[-2:] == ["--max-steps", "3"]
    assert load_task(called[called.index("--task") + 1]) == labelling.task
    rows = {}
    for option in ("--train", "--unlabeled"):
        file = Path(called[called.index(option) + 1])
        rows[option] = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert all(row["label"] == truth(row["text"]) for row in rows["--train"])
    assert len(rows["--train"]) == 10
    assert len(rows["--unlabeled"]) == 50  # with the one that was accepted in bulk
    assert not {row["text"] for row in rows["--train"]} & {
        row["text"] for row in rows["--unlabeled"]
    }


def test_the_same_labels_go_on_with_the_same_run_and_others_do_not(labelling: Labelling) -> None:
    names = []
    for _ in range(2):
        training = trained(labelling)
        assert ended(training) == "finished"
        names.append(training.state()["run"])
    (text,) = labelling.texts.at(range(20, 21))
    labelling.clicks.add([Click(text.number, "anna", "tab", "negative")])
    training = trained(labelling)
    assert ended(training) == "finished"
    assert names[0] == names[1] != training.state()["run"]
    assert training.state()["reports"] == [training.state()["run"], names[0]]


def test_a_failure_is_told_with_what_was_said(labelling: Labelling) -> None:
    training = trained(labelling, "--fail")
    assert ended(training) == "failed"
    assert training.state()["lines"][-1] == "Error: it failed."
    assert training.state()["reports"] == []


def test_it_can_be_stopped_and_does_not_run_twice_at_once(labelling: Labelling) -> None:
    training = trained(labelling, "--wait")
    with pytest.raises(DataError, match="already"):
        training.start()
    process = process_of(training)
    training.stop()
    assert training.state()["state"] == "stopped"
    assert process.poll() is not None


def process_of(training: FullTraining) -> subprocess.Popen[bytes]:
    while training._latest is None or training._latest.process is None:
        time.sleep(0.01)
    return training._latest.process


def test_no_second_one_starts_before_the_first_has_stopped(labelling: Labelling) -> None:
    training = trained(labelling, "--slow")
    process = process_of(training)
    log = labelling.folder.file(labelling.folder.training_log)
    while "slow" not in log.read_text():
        time.sleep(0.01)
    stopping = threading.Thread(target=training.stop)
    stopping.start()
    while training.state()["state"] != "stopping":
        time.sleep(0.01)
    with pytest.raises(DataError, match="being stopped"):
        training.start()
    stopping.join()
    assert process.poll() is not None
    assert training.state()["state"] == "stopped"


def test_a_command_that_cannot_be_started_is_a_failure(
    labelling: Labelling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(full_training, "_COMMAND", ("/no/such/python",))
    training = trained(labelling)
    assert ended(training) == "failed"
    monkeypatch.setattr(full_training, "_COMMAND", (sys.executable, "-c", COMMAND))
    training.start()
    assert ended(training) == "finished"


def test_nothing_in_the_current_folder_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the real command
    here = tmp_path / "here"
    here.mkdir()
    (here / "click.py").write_text("raise SystemExit('run')", "utf-8")
    monkeypatch.chdir(here)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    made = labelled(tmp_path / "labelling")
    training = trained(made, "--help")
    ended(training)
    lines = training.state()["lines"]
    assert "run" not in lines
    assert any("Show this message" in line for line in lines), lines


def test_a_task_file_that_somebody_changed_is_not_run(labelling: Labelling) -> None:
    file = labelling.folder.file(labelling.folder.task)
    file.write_text("raise SystemExit('run')", "utf-8")
    assert ended(trained(labelling)) == "finished"
    assert load_task(file) == labelling.task
