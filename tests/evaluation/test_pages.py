"""Pages about runs and studies: whole HTML in one file, true figures, and text that stays text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from page_folders import checked, figures_of, study_folder, written
from studies import STUDY, drawing, study_command
from toy import Files, pet, toy_task, train, unlabelled_rows, write_jsonl

from pet import PVP, Task, Verbalizer
from pet.config import Settings
from pet.data import Data, Example
from pet.errors import RunError, VerbalizerError
from pet.evaluation import plots
from pet.evaluation.evidence import surest_mistakes
from pet.evaluation.pages import page
from pet.evaluation.pages.rendering import duration, points
from pet.evaluation.run_metrics import read_metrics
from pet.evaluation.study.comparison import study_from_dict, study_to_dict, summarise
from pet.pipeline import asked
from pet.runs import RunFolder

NASTY = (
    "</title></td><script>alert(1)</script><img src=x onerror=alert(1)> & {{ 7 * 7 }} 'x\" ]]> <!--"
)


@pytest.fixture(scope="module")
def ran(tiny_bert: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of ``pet train`` on texts full of HTML."""
    folder = tmp_path_factory.mktemp("ran")
    files = Files.write(folder)
    rows = [*unlabelled_rows(), {"text": f"the food was {NASTY}"}]
    pool = write_jsonl(folder / "pool.jsonl", rows)
    result = train(
        files, tiny_bert, folder / "run", "--unlabeled", pool, "--test", files.test,
        "--patterns", "0-1", "--precision", "fp32",
    )  # fmt: skip
    assert result.code == 0, result.err
    return folder / "run"


def test_a_run_gives_a_page_with_its_own_figures(ran: Path) -> None:
    result = pet("report", ran, "-o", ran.parent / "report.html")
    assert result.code == 0, result.err
    assert "The page is" in result.err
    found = checked((ran.parent / "report.html").read_text("utf-8"))
    metrics = json.loads((ran / "metrics.json").read_text("utf-8"))
    for own in metrics["test"].values():
        assert f"{100 * own['accuracy']:.1f} %" in found.text
    for row in metrics["test"]["classifier"]["confusion"]:
        for count in row:
            assert str(count) in found.texts
    for said in ("{text} It was {mask}.", "Just {mask}! {text}", "terrible", "max_steps", "great"):
        assert said in found.text
    kept = json.loads((ran / RunFolder.examples).read_text("utf-8"))
    for kind in ("uncertain", "disputed"):
        assert all(own["texts"]["text"] in found.text for own in kept[kind])
    assert "{text} All in all" in found.text  # not used, and said so
    assert "(not used)" in found.text


def test_a_run_keeps_the_hardest_texts(ran: Path) -> None:
    kept = json.loads((ran / RunFolder.examples).read_text("utf-8"))
    assert kept["labels"] == {"negative": 5, "positive": 5}
    for kind in ("uncertain", "disputed"):
        values = [own["value"] for own in kept[kind]]
        assert len(values) == 8
        assert values == sorted(values, reverse=True)
    test = json.loads((ran / "metrics.json").read_text("utf-8"))["test"]["classifier"]
    wrong = round(test["n"] * (1 - test["accuracy"]))
    assert len(kept["mistakes"]) == wrong
    for own in kept["mistakes"]:
        assert own["label"] != max(own["probabilities"], key=own["probabilities"].get)
    explained = [own["kind"] for own in kept["explained"]]
    assert explained[:6] == ["labelled"] * 2 + ["uncertain"] * 2 + ["disputed"] * 2
    assert all(len(own["members"]) == 2 for own in kept["explained"])
    first = kept["explained"][0]["members"][0]
    assert first["words"][0][""].keys() == {"bad", "terrible", "good", "great"}


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(-4, 4), st.integers(-4, 4)), max_size=40
    ),
    st.integers(1, 12),
)  # fmt: skip
def test_the_surest_mistakes_are_those_of_a_sorted_list(
    rows: list[tuple[str, int, int]], size: int
) -> None:
    import numpy as np

    words = Verbalizer({"a": ["x"], "b": ["y"]})
    two = Task("two", ["a", "b"], ["text"], [PVP("{text} {mask}", words)])
    examples = [Example({"text": str(number)}, label) for number, (label, _, _) in enumerate(rows)]
    scores = np.array([row[1:] for row in rows], dtype=np.float32).reshape(-1, 2)
    found: list[Any] = []
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        found = surest_mistakes(found, examples[part], scores[part], two, 5)
    gaps = {
        example.texts["text"]: abs(float(a) - float(b))
        for example, (a, b) in zip(examples, scores, strict=True)
        if ("a" if a >= b else "b") != example.label
    }
    wanted = sorted(gaps.values(), reverse=True)[:5]
    assert [gaps[own.example.texts["text"]] for own in found] == pytest.approx(wanted)


def test_what_a_hand_made_run_says_is_on_the_page(tmp_path: Path) -> None:
    found = checked(page(written(tmp_path).path))
    for figure in ("62.5 %", "51.2 %", "0.068", "43.2 %", "87.7 %", "100.0 %", "1.50", "31", "17",
                   "19", "23", "0.693", "61.5 s", "−1.5", "−0.5", "90.0 %", "× 2"):  # fmt: skip
        assert figure in found.text, figure
    assert found.text.count("plain one") == 3 + 4
    assert "not finished" in found.text


@settings(max_examples=25, deadline=None)
@given(
    st.one_of(st.text(max_size=40), st.text("<>&\"'{}%#/!-script=\n\x00\x1b\ud83d", max_size=40))
)
def test_no_text_changes_the_structure_of_a_page(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("nasty")
    try:
        run = written(folder, NASTY + text)
    except VerbalizerError:  # halves of surrogates do not even get into a task
        run = written(folder, NASTY + text.encode("utf-8", "ignore").decode())
    plain = written(tmp_path_factory.mktemp("plain"))
    with mock.patch.object(plots, "available", return_value=False):
        found, wanted = checked(page(run.path)), checked(page(plain.path))
    assert found.tags == wanted.tags
    assert found.text.count(f"{NASTY}") >= 10


def test_halves_of_surrogates_and_control_characters_become_a_mark(tmp_path: Path) -> None:
    run = written(tmp_path)
    kept = json.loads((run.path / RunFolder.examples).read_text("utf-8"))
    kept["mistakes"][0]["texts"]["text"] = "a\ud800b\x00c\x1bd\r\ne"
    # As escapes, which JSON can hold.
    run.write_text(RunFolder.examples, json.dumps(kept))
    assert "a�b�c�d\ne" in checked(page(run.path)).text


@drawing
def test_diagrams_are_part_of_the_page_and_tables_stay(tmp_path: Path) -> None:
    run = written(tmp_path, NASTY)
    drawn = checked(page(run.path))
    with mock.patch.object(plots, "available", return_value=False):
        bare = checked(page(run.path))
    assert [tag for tag in drawn.tags if tag[0] == "svg"]
    assert not [tag for tag in bare.tags if tag[0] == "svg"]
    tables = [[tag for tag in found.tags if tag[0] == "table"] for found in (drawn, bare)]
    assert tables[0] == tables[1]
    assert "pip install 'pet-fewshot[plots]'" in bare.text
    assert "pip install" not in drawn.text


def test_many_labels_are_shown_as_their_most_frequent_mistakes(tmp_path: Path) -> None:
    labels = [f"l{number}" for number in range(26)]
    words = Verbalizer({label: [f"w{label}"] for label in labels})
    task = Task("t", labels, ["text"], [PVP("{text} {mask}", words)])
    run = RunFolder.start(tmp_path / "run", asked(task, Settings(method="fine-tune"), Data([])))
    confusion = [[0] * 26 for _ in range(26)]
    confusion[3][9], confusion[4][4] = 41, 99
    test = {**figures_of(labels), "confusion": confusion, "mean_absolute_error": 1.5}
    run.write_json("metrics.json", {"rows": {"ensemble": {}}, "test": {"ensemble": test}})
    found = checked(page(run.path))
    assert "26 labels are too many for a matrix" in found.text
    assert "41" in found.texts
    assert "99" not in found.texts
    assert "off by 1.50 label steps" in found.text


def test_a_run_that_was_only_begun_has_a_page(tmp_path: Path) -> None:
    run = RunFolder.start(tmp_path / "run", asked(toy_task(), Settings(), Data([])))
    text = pet("report", run.path, "-o", "-").out
    assert "This run is not finished" in checked(text).text


@pytest.fixture(params=[pytest.param(True, marks=drawing), False], ids=["drawn", "bare"])
def may_draw(request: pytest.FixtureRequest) -> Iterator[bool]:
    with mock.patch.object(plots, "available", return_value=request.param):
        yield request.param


def test_a_study_gives_a_page_with_its_figures(tmp_path: Path, may_draw: bool) -> None:
    found = checked(page(study_folder(tmp_path).path))
    for row in summarise(STUDY):
        assert f"{100 * row.accuracy:.1f} %" in found.text
        if row.difference:
            assert points(row.difference.mean) in found.text
    for said in (
        "zero-shot, pet", "1,234", "56", "max_steps", "2 examples of each label",
        "8 examples of each label", "Learning curves", "{text} It was {mask}.",
    ):  # fmt: skip
        assert said in found.text
    assert sum(tag[0] == "svg" for tag in found.tags) == (1 + 4 + 2 if may_draw else 0)


def test_the_command_takes_a_study(tmp_path: Path) -> None:
    assert study_command(tmp_path).code == 0
    result = pet("report", tmp_path / "study", "-o", "-")
    assert result.code == 0, result.err
    assert result.err == ""
    found = checked(result.out)
    assert "tfidf" in found.text
    assert "Few-shot study study" in found.text


def test_results_of_a_study_are_read_back() -> None:
    rows = summarise(STUDY)
    plain = json.loads(json.dumps(study_to_dict(STUDY, rows)))
    again, same = study_from_dict(plain)
    assert study_to_dict(again, same) == study_to_dict(STUDY, rows)
    assert again.config == STUDY.config


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has no run.json"),
        ({"run.json": {"asked": {"other": 1}}}, "expected the folder of a training run or of a"),
        ({"run.json": {"asked": {"settings": {}}}}, "has no results.json yet"),
        ({"run.json": {"asked": {"settings": {}}}, "results.json": {}}, "not the results"),
        ({"run.json": {"asked": {"task": {}, "settings": {}}}}, "cannot be shown"),
    ],
)  # fmt: skip
def test_a_folder_of_something_else_is_told(
    files: dict[str, Any], message: str, tmp_path: Path
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content), "utf-8")
    with pytest.raises(RunError, match=message):
        page(tmp_path)
    result = pet("report", tmp_path, "-o", tmp_path / "page.html")
    assert result.code == 1
    assert "Traceback" not in result.err
    assert not (tmp_path / "page.html").exists()


def test_a_page_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    run = written(tmp_path).path
    (tmp_path / "file").touch()
    result = pet("report", run, "-o", tmp_path / "file" / "page.html")
    assert result.code == 1
    assert "cannot be written" in result.err


def test_values_for_people() -> None:
    assert [duration(value) for value in (None, 1.25, 119.96, 120, 7200)] == [
        "–", "1.2 s", "120.0 s", "2.0 min", "2.0 h",
    ]  # fmt: skip
    assert [points(value) for value in (0.0312, -0.25)] == ["+3.1", "−25.0"]


def test_figures_go_by_names_also_where_they_went_by_what_was_shown(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert read_metrics(folder) == {}
    shown = {"generation 0": 1, "gen-1/pattern-0  {text} It was {mask}.": 2, "ensemble": 3}
    named = {"generation-0": 1, "gen-1/pattern-0": 2, "ensemble": 3}
    for keys in (shown, named):
        folder.write_json(folder.metrics, {"rows": {}, "test": keys, "generations": [4]})
        assert read_metrics(folder) == {"rows": {}, "test": named, "generations": [4]}
