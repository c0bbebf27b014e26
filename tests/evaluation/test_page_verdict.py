"""What a page says first, what it says is a default, and how a folder says it was made."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_folders import checked, study_folder, written
from studies import STUDY, study_command
from toy import Files, pet, toy_task, train

from pet import PVP, Task, Verbalizer
from pet.config import Settings, deciding
from pet.data import Data
from pet.evaluation.bootstrap import paired_bootstrap, paired_bootstrap_of_examples
from pet.evaluation.pages import page
from pet.evaluation.pages.patterns import pattern_list
from pet.evaluation.pages.rendering import settings_table
from pet.evaluation.pages.verdict import interval, majority, p_value, sentences
from pet.evaluation.study.comparison import study_to_dict, summarise
from pet.pipeline import asked
from pet.runs import RunFolder

TEST = {"n": 240, "accuracy": 0.6875, "per_class": {"a": {"support": 150}, "b": {"support": 90}}}


def changed_in(settings: Any) -> list[str]:
    return [row["name"] for row in settings_table(settings) if row["changed"]]


def test_defaults_are_not_called_changed() -> None:
    recorded = json.loads(json.dumps(deciding(Settings())))
    assert recorded["template"]["soft"] == ["none"]  # a tuple among the settings
    assert changed_in(recorded) == []
    recorded["template"]["soft"], recorded["training"]["max_steps"] = ["deep"], 3
    assert changed_in(recorded) == ["max_steps", "soft"]


def test_a_page_of_defaults_says_so_at_its_end(tmp_path: Path) -> None:
    text = checked(page(written(tmp_path).path)).text
    assert "All settings are the defaults." in text
    assert "differ from the defaults" not in text
    places = [text.index(word) for word in (
        " of 8 test examples right", "Surest mistakes", "Members and their weights\n",
        "Label words", "All settings are",
    )]  # fmt: skip
    assert places == sorted(places)


def test_the_interval_is_wilsons() -> None:
    low, high = interval(0.6875, 240)
    # Wilson 1927 by hand: (p + z²/2n ± z sqrt(p q / n + z²/4n²)) / (1 + z²/n).
    z, n, p = 1.959964, 240, 165 / 240
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    assert (low, high) == pytest.approx((middle - half, middle + half), abs=1e-6)


@pytest.mark.parametrize(
    ("baseline", "said"),
    [(0.5, "is better than that"), (0.65, "may be no better"), (0.8, "is worse than that")],
)
def test_the_verdict_compares_with_the_most_frequent_label(baseline: float, said: str) -> None:
    first, second = sentences("classifier", TEST, baseline, None, None, [])
    assert first.startswith("The classifier has 68.8\u00a0% of 240 test examples right")
    assert "62.6\u00a0% to 74.3\u00a0%" in first
    assert f"{100 * baseline:.1f}\u00a0% right: the classifier {said}" in second


def test_the_baseline_is_of_tasks_with_one_label_a_text() -> None:
    assert majority(TEST, one_label=True) == 150 / 240
    assert majority(TEST, one_label=False) is None


@pytest.mark.parametrize(
    ("p", "said"),
    [(0.4, "which may be chance (p\u00a0=\u00a00.400)"), (0.0002, "more than chance explains")],
)
def test_the_verdict_says_whether_ensemble_and_classifier_differ(p: float, said: str) -> None:
    student = {"mean": -0.016, "low": -0.05, "high": 0.02, "p": p}
    (*_, last) = sentences("classifier", TEST, 0.5, student, 0.7, [0.5, 0.7])
    assert f"−1.6 points (−5.0 to +2.0), {said}" in last
    assert (
        "60.0\u00a0% of the labelled" in sentences("ensemble", TEST, 0.5, None, 0.7, [0.5, 0.7])[2]
    )
    assert p_value(0.0002) == "<\u00a00.001"


def test_a_comparison_without_seeds_is_that_of_one_seed() -> None:
    generator = np.random.default_rng(3)
    first, second = generator.random(200) < 0.7, generator.random(200) < 0.6
    quick = paired_bootstrap_of_examples(first, second)
    slow = paired_bootstrap(first[None].astype(float), second[None].astype(float))
    assert quick[0] == pytest.approx(slow[0])
    assert quick[1:3] == pytest.approx(slow[1:3], abs=0.006)
    assert quick[3] == pytest.approx(slow[3], abs=0.02)
    assert paired_bootstrap_of_examples(first, first) == (0.0, 0.0, 0.0, 1.0)


def test_a_run_records_how_it_was_made_and_how_its_models_differ(
    tiny_bert: str, tmp_path: Path
) -> None:
    files = Files.write(tmp_path)
    more = ["--unlabeled", files.unlabeled, "--test", files.test, "--patterns", "0"]
    assert train(files, tiny_bert, tmp_path / "run", *more).code == 0
    folder = RunFolder.open(tmp_path / "run")
    moment, typed = folder.made()
    assert typed.startswith(f"pet train --task {files.task}")
    assert train(files, tiny_bert, tmp_path / "run", *more, "--per-class").code == 0
    assert folder.made() == (moment, typed)  # the command that made it, not a later one
    assert [event["event"] for event in folder.results_logged()] == ["member", "distilled"]
    student = json.loads((tmp_path / "run/metrics.json").read_text("utf-8"))["student"]
    assert student.keys() == {"mean", "low", "high", "p"}
    text = checked(page(folder.path)).text
    assert f"--task {files.task} --train {files.train}" in text
    assert re.search(r", \d{4}-\d\d-\d\d \d\d:\d\d UTC", text)
    assert "From the ensemble, which taught it, it differs by" in text


def test_a_run_of_an_earlier_version_does_not_know_its_command(tmp_path: Path) -> None:
    run = written(tmp_path)
    assert run.made() == (None, "")
    assert "by\n" not in checked(page(run.path)).text.split("What was asked")[-1]
    run.log("member", name="m")
    assert "the command was not recorded" in checked(page(run.path)).text


def test_a_run_without_a_test_says_that_nothing_tells(tmp_path: Path) -> None:
    run = RunFolder.start(
        tmp_path / "run", asked(toy_task(), Settings(method="fine-tune"), Data([]))
    )
    run.write_json("metrics.json", {"rows": {"classifier": {}}, "test": {}})
    (run.path / run.classifier).mkdir()
    assert "Without test examples nothing here tells" in checked(page(run.path)).text


def test_names_of_labels_are_not_coloured_and_bars_only_compare(tmp_path: Path) -> None:
    text = page(written(tmp_path).path)
    body = text.split("<body>")[1]
    assert not re.search(r'class="[^"]*\b(good|bad)\b', body)
    assert body.count('class="fill ticked"') == 2  # the member's and the ensemble's accuracy
    assert "true ↓" in body
    assert "predicted →" in body


def test_the_same_words_are_shown_once() -> None:
    one, two = (Verbalizer({"a": [word], "b": ["y"]}) for word in ("x", "z"))
    pvps = [PVP("{text} {mask}", one), PVP("{mask} {text}", two), PVP("{text}: {mask}", one)]
    shown = pattern_list(Task("t", ["a", "b"], ["text"], pvps), {0, 1})
    assert [own["set"] for own in shown["patterns"]] == [1, 2, 1]
    assert [own["used"] for own in shown["patterns"]] == [True, True, False]
    assert len(shown["sets"]) == 2


def test_a_study_page_begins_with_its_verdict_and_hides_what_is_empty(tmp_path: Path) -> None:
    folder = study_folder(tmp_path)
    text = checked(page(folder.path)).text
    assert text.index("is the best") < text.index("trained")
    assert "against zero-shot" in text or "against pet" in text
    rows = study_to_dict(STUDY, summarise(STUDY))
    for row in rows["rows"]:
        row["difference"] = None
    folder.write_json("results.json", rows)
    bare = page(folder.path)
    assert "against" not in bare.split("<body>")[1]
    assert "<details open" not in bare
    for place in ("#task-0-2", "#task-0-8", "#methods"):
        assert f'href="{place}"' in bare


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("0", "No unlabelled text was used."), ("1", "at most 1 text is unlabelled text"),
        (None, "The rest of the pool is unlabelled text."),
    ],
)  # fmt: skip
def test_a_study_page_says_what_text_was_used(limit: str | None, said: str, tmp_path: Path) -> None:
    more = [] if limit is None else ["--unlabeled", limit]
    assert study_command(tmp_path, *more).code == 0
    found = checked(pet("report", tmp_path / "study", "-o", "-").out)
    assert said in found.text
    assert "pet fewshot --task" in found.text
    assert "logistic regression on weighted counts" in found.text
