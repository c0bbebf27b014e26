"""`pet train`: its methods, tables and options."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from toy import Files, pet, rows_of, train, write_csv


@pytest.mark.parametrize(
    ("method", "members", "kind"),
    [
        ("pet", 4, "sequence-classifier"),
        ("zero-shot", 4, "ensemble"),
        ("single", 1, "ensemble"),
        ("head", 4, "ensemble"),
        ("fine-tune", 0, "sequence-classifier"),
    ],
)
def test_every_method_trains_predicts_and_evaluates(
    method: str, members: int, kind: str, files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    more = ["--method", method, "--unlabeled", files.unlabeled, "--test", files.test]
    result = train(files, tiny_bert, tmp_path / "run", *more)
    assert result.code == 0, result.err
    assert len(list((tmp_path / "run").glob("members/*/member.json"))) == members
    card = json.loads((tmp_path / "run" / "classifier" / "pet.json").read_text("utf-8"))
    assert card["kind"] == kind
    predicted = pet("predict", tmp_path / "run", "--input", files.test)
    assert predicted.code == 0
    assert len(rows_of(predicted.out)) == 3
    figures = json.loads(pet("evaluate", tmp_path / "run", "--test", files.test, "--json", "-").out)
    last = list(json.loads((tmp_path / "run" / "metrics.json").read_text("utf-8"))["test"].items())
    assert last[-1][0] == ("classifier" if kind == "sequence-classifier" else "ensemble")
    assert last[-1][1]["accuracy"] == figures["accuracy"]


def test_zero_shot_needs_no_labelled_examples(files: Files, tiny_bert: str, tmp_path: Path) -> None:
    result = pet(
        "train", "--task", files.task, "--method", "zero-shot", "--backbone", tiny_bert,
        "-o", tmp_path / "run",
    )  # fmt: skip
    assert result.code == 0, result.err
    assert pet("predict", tmp_path / "run", "--input", files.test).code == 0


def test_the_table_has_each_pattern_the_ensemble_and_the_classifier(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    more = ["--unlabeled", files.unlabeled, "--test", files.test, "--per-class"]
    result = train(files, tiny_bert, tmp_path / "run", *more)
    starts = [line.split("  ")[0] for line in result.out.splitlines()]
    names = ("pattern", "ensemble", "classifier")
    assert [start for start in starts if start.startswith(names)] == [
        *(members := ["pattern-0", "pattern-1", "pattern-2", "pattern-3"]),
        "ensemble", "classifier", *members, "classifier",
    ]  # fmt: skip
    assert "{text} All in all {mask}." in result.out
    assert "test accuracy" in result.out
    assert "precision  recall" in result.out
    assert "true \\ predicted" in result.out


def test_without_test_data_the_table_has_no_test_columns(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    result = train(files, tiny_bert, tmp_path / "run", "--per-class")
    assert "test accuracy" not in result.out
    assert "precision" not in result.out


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [("0,2-3", [0, 2, 3]), ("all", [0, 1, 2, 3]), ("3,1", [3, 1]), ("2,2", [2])],
)
def test_patterns_are_chosen_by_number(
    chosen: str, numbers: list[int], files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    result = train(
        files, tiny_bert, tmp_path / "run", "--method", "zero-shot", "--patterns", chosen
    )
    assert result.code == 0, result.err
    members = json.loads((tmp_path / "run" / "ensemble.json").read_text("utf-8"))["members"]
    assert members == [f"pattern-{number}" for number in numbers]


@pytest.mark.parametrize("chosen", ["0,x", "3-1", "", "-1", "1,,2", "1.5"])
def test_malformed_pattern_numbers_are_refused_before_anything_is_read(
    chosen: str, tmp_path: Path
) -> None:
    result = pet("train", "--task", "reviews", "--patterns", chosen, "-o", tmp_path / "run")
    assert result.code == 2
    assert result.err == f"Error: --patterns {chosen!r}: expected numbers such as 0,2-3, or all.\n"


def test_a_pattern_that_is_not_there_is_refused(files: Files, tmp_path: Path) -> None:
    result = pet("train", "--task", files.task, "--patterns", "2-9", "-o", tmp_path / "run")
    assert result.code in (1, 2)
    assert "has patterns 0 to 3, not 4" in result.err
    assert not (tmp_path / "run").exists()


def test_shots_draws_that_many_of_each_label_by_the_seed(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    drawn = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        more = ["--shots", 2, "--seed", seed, "--method", "zero-shot"]
        assert train(files, tiny_bert, tmp_path / name, *more).code == 0
        asked = json.loads((tmp_path / name / "run.json").read_text("utf-8"))["asked"]
        drawn[name] = asked["data"]["train"]
    assert drawn["a"]["n"] == 4
    assert drawn["a"] == drawn["b"] != drawn["c"]


def test_unlabeled_limit_takes_a_sample_of_that_size(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    more = ["--unlabeled", files.unlabeled, "--unlabeled-limit", 5]
    assert train(files, tiny_bert, tmp_path / "run", *more).code == 0
    shards = list((tmp_path / "run" / "members" / "pattern-0" / "scores").glob("*.npy"))
    assert sum(np.load(shard).shape[1] for shard in shards) == 5


def test_an_unlabeled_limit_of_zero_is_zero(files: Files, tiny_bert: str, tmp_path: Path) -> None:
    more = ["--unlabeled", files.unlabeled, "--unlabeled-limit", 0]
    result = train(files, tiny_bert, tmp_path / "run", *more)
    assert result.code == 0
    assert "nothing is distilled" in result.err


def test_columns_are_named_with_an_option(tiny_bert: str, files: Files, tmp_path: Path) -> None:
    rows = [{"stars": "negative", "review": "bad food"}, {"stars": "positive", "review": "happy"}]
    own = Files(tmp_path, files.task, write_csv(tmp_path / "own.csv", rows), "", "")
    names = ["--column", "text=review", "--column", "label=stars"]
    result = train(own, tiny_bert, tmp_path / "run", *names)
    assert result.code == 0, result.err
    predicted = pet("predict", tmp_path / "run", "--input", own.train, *names)
    assert [row["review"] for row in rows_of(predicted.out)] == ["bad food", "happy"]
    assert pet("evaluate", tmp_path / "run", "--test", own.train, *names).code == 0


def test_a_development_file_stops_training_early(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    more = ["--dev", files.test, "--eval-every", 1, "--patience", 1, "--learning-rate", 1e-9]
    more += ["--max-steps", 50, "--patterns", 0]
    assert train(files, tiny_bert, tmp_path / "run", *more).code == 0
    member = json.loads((tmp_path / "run/members/pattern-0/member.json").read_text("utf-8"))
    assert member["steps"] == 2


def test_text_from_standard_input_can_be_trained_on(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    arguments = [
        "train", "--task", files.task, "--backbone", tiny_bert, "--max-steps", 1,
        "--distill-epochs", 1, "--train", files.train, "--unlabeled", "-", "-o", tmp_path / "run",
    ]  # fmt: skip
    result = pet(*arguments, stdin=Path(files.unlabeled).read_bytes())
    assert result.code == 0, result.err
    assert (tmp_path / "run" / "classifier" / "model.safetensors").is_file()


def test_test_texts_seen_in_training_are_told(files: Files, tiny_bert: str, tmp_path: Path) -> None:
    result = train(files, tiny_bert, tmp_path / "run", "--test", files.train)
    assert "Overlap: 10 labelled and 0 unlabelled texts are also test texts" in result.err


def test_verbose_and_plain_runs_print_the_same_table(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    common = ["--task", files.task, "--method", "zero-shot", "--backbone", tiny_bert]
    plain = pet("train", *common, "-o", tmp_path / "a")
    verbose = pet("-v", "train", *common, "-o", tmp_path / "b")

    def names(text: str) -> list[str]:
        return [line.split("  ")[0] for line in io.StringIO(text)]

    assert names(plain.out) == names(verbose.out)
