"""pet label: what it asks for, what it refuses, and the labels that it writes."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from labelled import label_some, new_labelling, session_of
from serve_extra import need_serve
from toy import NEW, Files, pet, write_jsonl

from pet.data import Example
from pet.labelling import Labelling, TextReader


@pytest.fixture
def pool(tmp_path: Path) -> str:
    return write_jsonl(tmp_path / "pool.jsonl", [{"text": "one"}, {"text": "two"}])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Expected --unlabeled FILE for a new labelling."),
        (["--unlabeled", "pool.jsonl"], "Expected one of MODEL"),
        (["nowhere"], "nowhere is no labelling to go on with."),
        (["--labels", "a,b", "--task", "reviews", "-o", "x"], "Expected one of MODEL"),
        (["-o", "x", "--unlabeled", "pool.jsonl"], "Expected one of MODEL"),
        (["--labels", "a", "-o", "x"], "expected two labels or more"),
        (["--labels", "a,b", "-o", "x", "--training", "--max-step 5"], "No such option"),
        (["--labels", "a,b", "-o", "x", "--training", "'"], "No closing quotation"),
        (["--labels", "a,b", "-o", "x", "--unlabeled", "none.csv"], "cannot be read"),
        (["--labels", "a,b", "-o", "x"], "no texts to label"),
        (["nowhere", "--export", "x.csv"], "not a labelling folder"),
        (["--export", "x.csv"], "Expected the FOLDER"),
        (["nowhere", "--export", "x.exe"], "x.exe"),
    ],
)
def test_wrong_calls_are_one_message(
    arguments: list[str], told: str, pool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_serve(client=False)
    monkeypatch.chdir(tmp_path)
    result = pet("label", *arguments)
    assert result.code in (1, 2), result.err
    assert told in result.err
    assert "Traceback" not in result.err


def test_the_page_needs_the_extra(pool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    monkeypatch.setattr("pet.web.extra.find_spec", lambda name: None)
    result = pet("label", "--labels", "a,b", "--unlabeled", pool, "-o", "x")
    assert result.code == 1
    assert "pet-fewshot[serve]" in result.err


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Labelling, Callable[[], TextReader]]]:
    """What would be served: the labelling, and how texts are read."""
    need_serve(client=False)
    calls: list[tuple[Labelling, Callable[[], TextReader]]] = []
    monkeypatch.setattr("pet.cli.label.serve_page", lambda one, read, *_: calls.append((one, read)))
    return calls


@pytest.mark.parametrize("way", ["labels", "task", "run", "classifier"])
def test_every_start_can_be_read_and_gone_on_with(
    way: str,
    files: Files,
    distilled: str,
    tiny_bert: str,
    tmp_path: Path,
    served: list[tuple[Labelling, Callable[[], TextReader]]],
) -> None:
    arguments = {
        "labels": ("--labels", "negative,positive", "--backbone", tiny_bert),
        "task": ("--task", files.task, "--backbone", tiny_bert, "--train", files.train),
        "run": (distilled,),
        "classifier": (f"{distilled}/classifier",),
    }[way]
    out = tmp_path / "labels"
    result = pet("label", *arguments, "--unlabeled", files.unlabeled, "-o", out, "--device", "cpu")
    assert result.code == 0, result.err
    served[0][0].database.close()
    served[0][0].folder._lock = None
    result = pet("label", out, "--device", "cpu")
    assert result.code == 0, result.err
    members = {"labels": 4, "task": 4, "run": 4, "classifier": 1}[way]
    examples = [Example({"text": text}) for text in NEW]
    for labelling, make_reader in served:
        reader = make_reader()
        read = reader.read(examples)
        assert read.members.shape == (members, len(NEW), 2)
        assert read.members.sum(axis=2) == pytest.approx(1, abs=1e-5)
        # Those that a run or a file has labels of are known, and are not asked.
        assert len(labelling.clicks.answered()) == {"task": 10, "run": 10}.get(way, 0)
        assert len(labelling.texts.set_aside()) == 5
        labelling.database.close()
    assert served[0][1]().read(examples).vectors == pytest.approx(
        served[1][1]().read(examples).vectors, abs=1e-5
    )


def test_labels_are_written_without_a_server(tmp_path: Path) -> None:
    labelling = new_labelling(tmp_path / "labels")
    label_some(session_of(labelling), 7)
    labelling.database.close()
    result = pet("label", tmp_path / "labels", "--export", tmp_path / "out.csv")
    assert (result.code, result.err.strip()) == (0, f"7 rows are in {tmp_path / 'out.csv'}.")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["annotators"] for row in rows} == {"anna"}
    shown = pet("label", tmp_path / "labels", "--export", "-", "--each")
    assert shown.out.count("\n") == 7


def test_another_request_in_the_same_folder_is_refused(tmp_path: Path, pool: str) -> None:
    need_serve(client=False)
    labelling = new_labelling(tmp_path / "labels")
    labelling.database.close()
    del labelling
    result = pet("label", "--labels", "a,b", "--unlabeled", pool, "-o", tmp_path / "labels")
    assert result.code == 1
    assert "asked for something else" in result.err


def test_a_new_folder_has_the_name_of_the_pool() -> None:
    from pet.cli.label import _folder_for

    assert _folder_for("data/pool.csv.gz") == "pool-labels"
    assert _folder_for("-") == _folder_for(".hidden") == "texts-labels"


def test_the_browser_is_not_given_the_token_on_its_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pet.cli.label_page import _open

    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    entrance = tmp_path / "open.html"
    entrance.write_text("of an earlier start, which everybody could read", "utf-8")
    entrance.chmod(0o644)
    _open("http://127.0.0.1:8000/?token=secret", entrance)
    assert opened == [entrance.as_uri()]
    assert "url=http://127.0.0.1:8000/?token=secret" in entrance.read_text("utf-8")
    assert os.name != "posix" or entrance.stat().st_mode & 0o777 == 0o600
    _open("http://127.0.0.1:8000/?token=secret", tmp_path / "nowhere" / "open.html")
    assert len(opened) == 1


def test_a_missing_file_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert pet("label", "--labels", "a,b", "--unlabeled", "none.csv").code == 1
    assert list(tmp_path.iterdir()) == []
