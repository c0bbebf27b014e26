"""Folders that an earlier edition wrote are read, shown and gone on with by this one.

tests/written_before has them; its README says how they were made, from the same commands.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from toy import pet

from pet.model import PromptBank, load_model
from pet.pipeline import finished
from pet.runs import RunFolder

WRITTEN_BEFORE = Path(__file__).resolve().parents[1] / "written_before"

_TRAIN = (
    "train --task toy_task.py --train train.jsonl --test test.csv --backbone backbone "
    "--max-steps 2 --device cpu --precision fp32 "
)
_POOL = "--unlabeled unlabeled.jsonl --distill-epochs 1 "
# Options have their names of then.
COMMANDS = {
    "distilled": _TRAIN + _POOL + "--patterns 0,1 --calibration labelled --calibrate agreement "
    "--temperature 3 --student backbone -o distilled",
    "single": _TRAIN + "--method single --patterns 1 --scope head --calibrate none -o single",
    "prompt": _TRAIN + "--soft deep,mixture --deep add --mixture 2 --soft-length 3 --soften words "
    "--scope prompt --patterns 0,1 -o prompt",
    "generations": _TRAIN + _POOL + "--method ipet --generations 1 --growth 2 --patterns 0-2 "
    "--soft prompt-tuning --soft-length 2 --scope prompt+bias --calibration prior -o generations",
    "study": "fewshot --task toy_task.py --train train.jsonl --test test.csv --methods tfidf "
    "--shots 2 --seeds 13,21 --backbone backbone -o study",
    "adapted": "adapt backbone --text corpus.txt --max-steps 2 --device cpu -o adapted",
    "bank": "bank bank --add prompt --device cpu",
}
RUNS = ("distilled", "single", "prompt", "generations")
MEMBERS = {
    "distilled": ["pattern-0", "pattern-1"],
    "single": ["pattern-1"],
    "prompt": ["pattern-0-deep", "pattern-0-mixture", "pattern-1-deep", "pattern-1-mixture"],
    "generations": ["gen-1/pattern-0", "gen-1/pattern-1", "gen-1/pattern-2"],
}


@pytest.fixture(autouse=True)
def before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of all folders, and the working directory: their records name files within it."""
    folder = tmp_path / "before"
    shutil.copytree(WRITTEN_BEFORE, folder)
    monkeypatch.chdir(folder)
    return folder


def again(name: str) -> str:
    """Give a command again, and return what it prints."""
    result = pet(*COMMANDS[name].split())
    assert result.code == 0, result.err
    return result.out


def files_of(folder: str, *names: str) -> dict[Path, bytes]:
    """All files of a folder, or of the inner ones that are named, with their contents."""
    places = [Path(folder, name) for name in names] or [Path(folder)]
    found = [file for place in places for file in [place, *place.rglob("*")]]
    return {file: file.read_bytes() for file in found if file.is_file()}


def figures(printed: str) -> dict[str, dict[str, str]]:
    """Test figures of every row of a run's table, by heading; today it has other columns beside."""
    header, _, *rows = printed.split("\n\n")[0].splitlines()
    ends = {found[0]: found.end() for found in re.finditer(r"\S+(?: \S+)*", header)}
    kept = ("test accuracy", "macro-F1", "calibration error", "seconds")
    found = {}
    for row in rows:
        cells = {cell.end(): cell[0] for cell in re.finditer(r"\S+", row)}
        found[row.split()[0]] = {heading: cells[ends[heading]] for heading in kept}
    assert len(found) > 1
    return found


def assert_predicted(arguments: str, expected: str, near: float = 1e-4) -> None:
    result = pet("predict", *arguments.split(), "-o", "now.jsonl", "--device", "cpu")
    assert result.code == 0, result.err
    rows, wanted = (
        [json.loads(line) for line in Path(file).read_text().splitlines()]
        for file in ("now.jsonl", expected)
    )
    assert len(rows) == len(wanted) == 27

    def plain(row: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in row.items() if not isinstance(value, float | dict)}

    assert [plain(row) for row in rows] == [plain(row) for row in wanted]
    for row, old in zip(rows, wanted, strict=True):
        assert row["probabilities"] == pytest.approx(old["probabilities"], abs=near)


@pytest.mark.parametrize("name", RUNS)
def test_a_run_predicts_as_before(name: str) -> None:
    assert_predicted(f"{name} --input unlabeled.jsonl --precision fp32", f"{name}.jsonl")
    assert load_model(name, "cpu").task.name == "toy"


@pytest.mark.parametrize("name", RUNS)
def test_the_same_command_finds_a_run_finished(name: str) -> None:
    kept = files_of(name, "run.json", "ensemble.json", "members", "classifier")
    printed = again(name)
    assert figures(printed) == figures(Path(f"{name}.txt").read_text())
    assert files_of(name, "run.json", "ensemble.json", "members", "classifier") == kept


def test_asking_whether_a_run_is_finished_removes_nothing() -> None:
    folder = RunFolder.open("single")
    (folder.path / folder.checkpoint).write_text("of a process that was killed", "utf-8")
    assert finished(folder)
    assert folder.has(folder.checkpoint)
    again("single")
    assert not folder.has(folder.checkpoint)


@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_explained(name: str) -> None:
    result = pet("explain", name, "--text", "the film was great", "--device", "cpu")
    assert result.code == 0, result.err
    for member in MEMBERS[name]:
        assert member in result.out


@pytest.mark.parametrize("name", RUNS)
def test_a_page_shows_members_with_their_test_figures(name: str) -> None:
    pytest.importorskip("jinja2")
    metrics = json.loads(Path(name, "metrics.json").read_text())
    assert pet("report", name, "-o", "page.html").code == 0
    page = Path("page.html").read_text()
    from pet.evaluation.pages.run import run_context

    shown = {own["name"]: own["test"] for own in run_context(RunFolder.open(name))["members"]}
    assert list(shown) == MEMBERS[name]
    for member, test in shown.items():
        (wanted,) = (own for key, own in metrics["test"].items() if key.split("  ")[0] == member)
        assert test["accuracy"] == wanted["accuracy"]
        assert member in page


def test_a_run_that_was_cut_off_goes_on() -> None:
    for name in ("ensemble.json", "calibration.json", "metrics.json", "examples.json"):
        Path("distilled", name).unlink()
    shutil.rmtree("distilled/classifier")
    shutil.rmtree("distilled/members/pattern-1")
    kept = files_of("distilled", "members/pattern-0")
    assert "\npattern-0  {text} It was {mask}.\n" in again("distilled")
    assert files_of("distilled", "members/pattern-0") == kept
    assert Path("distilled/members/pattern-1/weights.safetensors").is_file()
    # It ends as it did before, but for what another machine rounds in another way.
    assert_predicted("distilled --input unlabeled.jsonl --precision fp32", "distilled.jsonl")


def test_generations_that_were_cut_off_go_on() -> None:
    Path("generations/ensemble.json").unlink()
    shutil.rmtree("generations/classifier")
    shutil.rmtree("generations/members/gen-1/pattern-2")
    Path("generations/members/gen-1/generation.json").unlink()
    kept = files_of("generations", "members/gen-0", "members/gen-1")
    again("generations")
    assert files_of("generations", "members").items() >= kept.items()
    # Its student starts from the weights of a member today.
    arguments = "generations --input unlabeled.jsonl --precision fp32"
    assert_predicted(arguments, "generations.jsonl", near=0.02)


def test_starting_over_leaves_nothing_that_was_there(before: Path) -> None:
    """Else a name that an earlier edition used would stay in the folder for ever."""
    for name in (*RUNS, "study"):
        folder = RunFolder.start(before / name, {"else": "asked"}, force=True)
        assert {file.name for file in folder.path.iterdir()} == {"SHA256SUMS", "run.json"}


def test_a_bank_is_listed_and_predicts_as_before() -> None:
    result = pet("bank", "bank")
    assert result.code == 0, result.err
    assert "toy   2 mixture of 2 deep, 2 mixture of 2 prompt-tuning" in result.out
    assert_predicted("--bank bank --input tasks.jsonl --precision fp32", "bank.jsonl")
    assert load_model("bank/toy", "cpu").task.name == "toy"
    assert PromptBank.load("bank", device="cpu").tasks


def test_a_run_is_put_into_a_bank_as_before() -> None:
    stored = json.loads(Path("bank/toy/prompt.json").read_text())
    assert pet("bank", "bank", "--add", "prompt", "--replace", "--device", "cpu").code == 0
    now = json.loads(Path("bank/toy/prompt.json").read_text())
    assert now["members"].keys() == stored["members"].keys()
    assert now["backbone"]["fingerprint"] == stored["backbone"]["fingerprint"]
    assert_predicted("--bank bank --input tasks.jsonl --precision fp32", "bank.jsonl")


def test_a_study_goes_on_and_is_shown() -> None:
    pytest.importorskip("jinja2")
    kept = files_of("study", "run.json", "tasks")
    assert again("study") == Path("study.txt").read_text()
    assert files_of("study", "run.json", "tasks") == kept
    assert pet("report", "study", "-o", "page.html").code == 0
    assert "tfidf" in Path("page.html").read_text()


def test_an_adaptation_is_found_finished() -> None:
    kept = files_of("adapted")
    assert again("adapted") == Path("adapted.txt").read_text()
    assert files_of("adapted") == kept
