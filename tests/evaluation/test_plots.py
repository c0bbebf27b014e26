"""Diagrams: what is drawn is what was given, whatever the text; and the options for them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from studies import BINS, CONFIG, FILES, STUDY, TEST, drawing, quick, study_command
from toy import Files, pet, train

from pet.errors import RunError, UsageError
from pet.evaluation import plots
from pet.evaluation.metrics import evaluate
from pet.evaluation.plots import Point
from pet.evaluation.study.comparison import ALL_TASKS, summarise
from pet.evaluation.study.fewshot import few_shot_study
from pet.evaluation.study.figures import curves, pattern_accuracies, pooled, study_figures
from pet.evaluation.study.results import ModelFigures

NASTY = "</text><script>alert(1)</script> $x^ & \x00\x0b\ud800\u202e \\frac"


def parsed(figure: Any, name: str = "a", description: str = "d") -> ElementTree.Element:
    return ElementTree.fromstring(plots.inline_svg(figure, name, description))


def words(svg: ElementTree.Element) -> list[str]:
    return [(element.text or "") for element in svg.iter() if element.tag.endswith("}text")]


@drawing
def test_a_learning_curve_has_a_line_and_a_band_for_every_method() -> None:
    curve = {"pet": [Point(4, 0.5, 0.1), Point(16, 0.7, None)], "tfidf": [Point(4, 0.4, 0.2)]}
    axes = plots.learning_curves(curve, "toy").axes[0]
    lines = {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}
    assert lines == {"pet": [[4, 50], [16, 70]], "tfidf": [[4, 40]]}
    low, high = (edge(axes.collections[0].get_paths()[0].vertices[:, 1]) for edge in (min, max))
    assert (low, high) == pytest.approx((40, 70))
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["4", "16"]


@drawing
def test_patterns_have_a_dot_a_seed_and_a_bar_at_the_mean() -> None:
    figure = plots.pattern_spread({"a": [0.5, 0.7], "b": [0.9]}, {"ensemble": 0.8}, "toy")
    lines = [line.get_xdata() for line in figure.axes[0].get_lines()]
    np.testing.assert_allclose(np.concatenate(lines[:3]), [50, 70, 50, 70, 60])
    np.testing.assert_allclose(lines[-1], [80, 80])
    assert figure.axes[0].get_ylim() == (1.5, -0.5)


@drawing
def test_a_reliability_diagram_leaves_empty_bins_out() -> None:
    axes, below = plots.reliability_diagram(BINS, "toy").axes
    line = axes.get_lines()[1].get_xydata()
    np.testing.assert_allclose(line, [[own["confidence"], own["accuracy"]] for own in BINS[1:]])
    assert sum(bar.get_height() for bar in below.patches) == pytest.approx(100)
    assert len(plots.reliability_diagram([{**own, "n": 0} for own in BINS], "t").axes) == 2


@drawing
@pytest.mark.parametrize(("labels", "written"), [(2, 3), (26, 0)])
def test_a_confusion_matrix_shows_counts_while_they_fit(labels: int, written: int) -> None:
    counts = np.zeros((labels, labels), dtype=int)
    counts[0, 0], counts[0, 1], counts[1, 0] = 3, 1, 20
    figure = plots.confusion_diagram(counts.tolist(), [f"l{n}" for n in range(labels)], "toy")
    texts = figure.axes[0].texts
    assert sorted(text.get_text() for text in texts) == ["1", "20", "3"][:written]
    np.testing.assert_allclose(figure.axes[0].collections[0].get_array().ravel()[0], 0.75)


@drawing
@settings(max_examples=12, deadline=None)
@given(st.text(max_size=30).map(lambda text: NASTY + text))
def test_any_text_is_drawn_as_text(text: str) -> None:
    figure = plots.confusion_diagram([[1, 2], [0, 3]], [text, "other"], text)
    svg = parsed(figure, description=text)
    assert not [element for element in svg.iter() if "script" in element.tag]
    assert any(said.startswith("</text><script>alert(1)</script> $x^ & ") for said in words(svg))


@drawing
def test_an_inline_diagram_takes_the_colour_of_the_page_and_shares_no_id() -> None:
    texts = [
        plots.inline_svg(plots.reliability_diagram(BINS, "toy"), name, "how 'sure' & right")
        for name in ("one", "two")
    ]
    for text, name in zip(texts, ("one", "two"), strict=True):
        assert "currentColor" in text
        assert "#010203" not in text
        assert "<style" not in text
        svg = ElementTree.fromstring(text)
        ids = [element.get("id") for element in svg.iter() if element.get("id")]
        assert len(set(ids)) == len(ids)
        assert all(str(own).startswith(f"{name}-") for own in ids)
        assert svg.get("aria-label") == "how 'sure' & right"
        assert f"url(#{name}-" in text
    assert texts[0] == texts[1].replace("two-", "one-")


@drawing
@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_files_are_the_same_every_time(suffix: str, tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        figures = [("a", plots.reliability_diagram(BINS, "toy"))]
        assert plots.save(iter(figures), tmp_path / "new" / "folder", suffix) == 1
        found.append((tmp_path / "new" / "folder" / f"a.{suffix}").read_bytes())
    assert found[0] == found[1]
    assert len(found[0]) > 1000


@drawing
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="file: cannot be written"):
        plots.save([("a", plots.reliability_diagram(BINS, "toy"))], tmp_path / "file", "svg")


def test_what_is_drawn_of_a_study_are_plain_sums_of_its_cells() -> None:
    rows = summarise(STUDY)
    found = curves(rows, "toy")
    assert [point.shots for point in found["zero-shot"]] == [2, 8]
    assert [point.accuracy for point in found["pet"]] == pytest.approx([3.5 / 20, 9.5 / 20])
    assert pattern_accuracies(STUDY, "toy", 8) == {
        method: {"a": [0.1, 0.2], "b": [0.5, 0.5]} for method in ("zero-shot", "pet")
    }
    confusion, bins = pooled(STUDY, "toy", 8)["pet"]
    assert confusion == [[2, 2], [0, 4]]
    assert bins == [{"n": 8, "confidence": 0.5, "accuracy": pytest.approx(9.5 / 20)}]


def test_cells_of_an_earlier_version_are_passed_over() -> None:
    cells = [
        replace(own, models={own.method: ModelFigures(own.models[own.method].metrics, "1001")})
        for own in STUDY.cells
    ]
    assert pooled(replace(STUDY, cells=tuple(cells)), "toy", 8) == {}


def test_a_cell_keeps_confusion_and_reliability() -> None:
    study = few_shot_study([FILES], replace(CONFIG, seeds=(1, 2)), quick())
    confusion, bins = pooled(study, "toy", 2)["tfidf"]
    assert np.sum(confusion) == 2 * len(TEST) == sum(own["n"] for own in bins)
    right = sum(own.models["tfidf"].right.count("1") for own in study.cells)
    assert np.trace(confusion) == right
    assert sum(own["n"] * own["accuracy"] for own in bins) == pytest.approx(right)


@drawing
def test_a_study_gives_one_diagram_of_each_kind() -> None:
    names = [name for name, _ in study_figures(STUDY, summarise(STUDY), {"toy": ["x", "y"]})]
    assert names == [
        "toy-learning-curve",
        *(f"toy-{shots}-{method}-patterns" for shots in (2, 8) for method in ("zero-shot", "pet")),
        *(f"toy-8-{m}-{k}" for m in ("zero-shot", "pet") for k in ("reliability", "confusion")),
    ]
    more = replace(STUDY, cells=STUDY.cells + tuple(replace(c, task="a/b") for c in STUDY.cells))
    names = [name for name, _ in study_figures(more, summarise(more), {"toy": "xy", "a/b": "xy"})]
    assert names[-1] == f"{ALL_TASKS.replace(' ', '-')}-learning-curve"
    assert "a%2Fb-8-pet-confusion" in names


@drawing
def test_pet_fewshot_draws_its_diagrams(tmp_path: Path) -> None:
    result = study_command(tmp_path, "--plots", tmp_path / "plots")
    assert result.code == 0, result.err
    names = sorted(path.name for path in (tmp_path / "plots").iterdir())
    assert names == [
        "toy-2-tfidf-confusion.svg", "toy-2-tfidf-reliability.svg", "toy-learning-curve.svg",
    ]  # fmt: skip
    said = words(ElementTree.parse(tmp_path / "plots/toy-learning-curve.svg").getroot())
    assert {"tfidf", "toy: accuracy"} <= set(said)
    assert "3 diagrams are in" in result.err


@drawing
def test_pet_evaluate_draws_its_diagrams(tmp_path: Path, tiny_bert: str) -> None:
    files = Files.write(tmp_path)
    train(files, tiny_bert, tmp_path / "run", "--method", "single")
    result = pet(
        "evaluate", tmp_path / "run", "--test", files.test, "--device", "cpu", "--json", "-",
        "--plots", tmp_path / "plots", "--plot-format", "png",
    )  # fmt: skip
    assert result.code == 0, result.err
    assert sum(own["n"] for own in json.loads(result.out)["reliability"]) == 3
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {
        "reliability.png", "confusion.png",
    }  # fmt: skip


def test_without_matplotlib_the_extra_is_named_before_anything_is_done(tmp_path: Path) -> None:
    with mock.patch("importlib.util.find_spec", return_value=None):
        result = study_command(tmp_path, "--plots", tmp_path / "plots")
        assert not plots.available()
        with pytest.raises(UsageError, match="matplotlib"):
            plots.learning_curves({}, "t")
    assert result.code == 2
    assert "pip install 'pet-fewshot[plots]'" in result.err
    assert not (tmp_path / "study").exists()


@drawing
def test_predictions_have_two_diagrams() -> None:
    found = evaluate(np.eye(2), np.array([0, 1]), FILES.task)
    assert [name for name, _ in plots.evaluation_figures(found, FILES.task)] == [
        "reliability", "confusion",
    ]  # fmt: skip
