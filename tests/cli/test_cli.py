"""The command line, end to end on tiny models."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from other_families import CAUSAL, save_other
from toy import PAIR_TASK_FILE, Files, pet, train, write_csv, write_jsonl

from pet.cli import COMMANDS
from pet.cli.console import progress_bars
from pet.config import CONFIGS
from pet.task import task_names


@pytest.fixture(scope="module")
def distilled(files: Files, tiny_bert: str) -> str:
    result = train(files, tiny_bert, files.folder / "run", "--unlabeled", files.unlabeled)
    assert result.code == 0, result.err
    return str(files.folder / "run")


@pytest.fixture(scope="module")
def ensemble(files: Files, tiny_bert: str) -> str:
    result = train(files, tiny_bert, files.folder / "ensemble")
    assert result.code == 0, result.err
    return str(files.folder / "ensemble")


def rows_of(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("command", list(COMMANDS))
def test_help_of_every_command_has_an_example_and_shows_defaults(command: str) -> None:
    result = pet(command, "--help")
    assert result.code == 0
    assert f"Example: pet {command}" in result.out
    assert "default: " in result.out
    assert "default: auto" in result.out or command in ("tasks", "check", "report")
    if command in ("tasks", "check"):
        assert "default: pet-mini" in result.out


def test_help_of_train_lists_every_setting_with_its_default() -> None:
    wrapped = " ".join(pet("train", "--help").out.split())
    text = re.sub(r"(?<=\w)- (?=\w)", "-", wrapped)  # lines break after hyphens too
    for item in (item for part in CONFIGS.values() for item in fields(part)):
        # An option's own entry goes on with its type; other texts mention it too.
        entry = re.split(rf" --{item.name.replace('_', '-')} (?=[A-Z\[])", text)[-1]
        assert entry != text or isinstance(item.default, bool)
        if item.default is None:
            assert "by default" in entry[:150]
        elif not isinstance(item.default, bool):
            shown = ",".join(item.default) if isinstance(item.default, tuple) else item.default
            assert f"[default: {shown}]" in entry[:450]
    assert "[default: pet]" in text
    assert "[default: 13; x>=0]" in text


def test_help_of_the_group_lists_all_commands_and_version_is_told() -> None:
    assert all(f"  {name} " in pet("--help").out for name in COMMANDS)
    assert pet("--version").out.startswith("pet, version ")


def test_tasks_lists_every_built_in_task() -> None:
    shown = pet("tasks").out
    assert all(f"\n{name}: " in shown for name in task_names())


def test_tasks_shows_patterns_and_label_words_of_one(files: Files, tiny_bert: str) -> None:
    shown = pet("tasks", files.task, "--backbone", tiny_bert).out
    assert "pattern 0: <text> It was ____." in shown
    assert "negative: bad, terrible" in shown
    assert shown.count("as set 1") == 3


def test_tasks_shows_how_a_label_word_is_split(tiny_bert: str) -> None:
    shown = pet("tasks", "mnli", "--backbone", tiny_bert).out
    assert "pattern 0: <premise>? | ____, <hypothesis>" in shown
    assert "(r+##i+##g+##h+##t)" in shown


def test_check_counts_classes_lengths_and_overlap(files: Files, tiny_bert: str) -> None:
    result = pet(
        "check", "--task", files.task, "--train", files.train, "--unlabeled", files.unlabeled,
        "--test", files.train, "--backbone", tiny_bert,
    )  # fmt: skip
    assert result.code == 0
    assert "labelled: 10 examples\n      5  negative\n      5  positive" in result.out
    assert "unlabelled: 27 examples, 0 of them also labelled" in result.out
    assert "warning: 10 test texts are labelled examples too" in result.out


def test_check_says_when_there_is_nothing_to_say(files: Files, tiny_bert: str) -> None:
    result = pet("check", "--task", files.task, "--train", files.train, "--backbone", tiny_bert)
    assert result.out.endswith("\nNothing to worry about.\n")


def test_check_counts_what_patterns_leave_and_names_those_that_do_not_fit(
    tmp_path: Path, tiny_bert: str
) -> None:
    task = tmp_path / "task.py"
    files = Files.write(tmp_path)
    body = Path(files.task).read_text("utf-8")
    start = body.index("pvps=[") + len("pvps=[")
    slots = 'PVP("{soft:6} {text} {mask}", words), PVP("{soft:90} {text} {mask}", words), '
    slots += 'PVP("{soft:2} {text} {mask}", words, soft="warp"), '
    task.write_text(body[:start] + slots + body[start:], "utf-8")
    call = ["check", "--task", task, "--train", files.train, "--max-length", 12]
    result = pet(*call, "--backbone", tiny_bert)
    assert result.code == 0, result.err
    assert "pattern 0: 6 learned slots, prompt-tuning" in result.out
    assert "pattern 1 cannot be used: The pattern's own tokens take 93 of 12 tokens" in result.out
    # [CLS], [SEP], [MASK] and six slots leave three of twelve.
    assert "texts are longer than 3 tokens, which is what the patterns leave" in result.out
    causal = pet(*call, "--backbone", save_other(CAUSAL["gpt2"], tmp_path / "gpt2"))
    assert causal.code == 0, causal.err
    assert "pattern 0: 6 learned slots, prompt-tuning" in causal.out
    assert "pattern 2 cannot be used: its slots start as the mask token" in causal.out
    assert "start as the mask token" not in result.out
    assert "End the pattern with {mask}" in causal.out


def test_check_counts_the_slots_that_patterns_get(tmp_path: Path, tiny_bert: str) -> None:
    files, task = Files.write(tmp_path), tmp_path / "task.py"
    body = Path(files.task).read_text("utf-8")
    start = body.index("pvps=[") + len("pvps=[")
    own = 'PVP("{text} {mask}", words, soft="deep"), '
    task.write_text(body[:start] + own + body[start:], "utf-8")
    call = ["check", "--task", task, "--train", files.train, "--backbone", tiny_bert]
    result = pet(*call, "--max-length", 24, "--soft-length", 18)
    assert "pattern 0: 18 learned slots, deep; tokens left for text: 3" in result.out
    assert "longer than 3 tokens" in result.out
    assert "pattern 1: " not in result.out
    every = pet(*call, "--max-length", 24, "--soft", "prefix,words")
    assert every.code == 0, every.err
    assert "pattern 0: 20 learned slots, prefix; tokens left for text: 1" in every.out
    assert every.out.count("pattern 1 cannot be used: The pattern's own tokens take") == 1


def test_check_names_an_unknown_label_word_once(tmp_path: Path, tiny_bert: str) -> None:
    task = tmp_path / "task.py"
    files = Files.write(tmp_path)
    task.write_text(Path(files.task).read_text("utf-8").replace("terrible", "中"), "utf-8")
    result = pet("check", "--task", task, "--train", files.train, "--backbone", tiny_bert)
    assert result.out.count("label word '中' is unknown to the backbone") == 1


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
        "pattern-0", "pattern-1", "pattern-2", "pattern-3", "ensemble", "classifier", "classifier",
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
    assert [row["text"] for row in rows_of(predicted.out)] == ["bad food", "happy"]
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


def test_predict_writes_probabilities_that_sum_to_one_and_match_the_label(
    distilled: str, files: Files
) -> None:
    for row in rows_of(pet("predict", distilled, "--input", files.unlabeled).out):
        shares = row["probabilities"]
        assert isinstance(shares, dict)
        assert sum(shares.values()) == pytest.approx(1, abs=2e-6)
        assert row["label"] == max(shares, key=lambda label: shares[label])
        assert row["probability"] == shares[row["label"]]


def test_predict_gives_the_same_to_jsonl_csv_and_standard_output(
    distilled: str, files: Files, tmp_path: Path
) -> None:
    shown = rows_of(pet("predict", distilled, "--input", files.test).out)
    for name in ("out.jsonl", "out.csv"):
        result = pet("predict", distilled, "--input", files.test, "-o", tmp_path / name)
        assert (result.code, result.out) == (0, "")
    assert rows_of((tmp_path / "out.jsonl").read_text("utf-8")) == shown
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [row["text"] for row in table] == [row["text"] for row in shown]
    assert [row["label"] for row in table] == [row["label"] for row in shown]
    assert [float(row["probability"]) for row in table] == [row["probability"] for row in shown]
    assert list(table[0]) == ["text", "label", "probability", "p(negative)", "p(positive)"]


def test_predict_reads_standard_input_in_both_formats(distilled: str) -> None:
    first = pet("predict", distilled, "--input", "-", stdin='{"text": "a café"}\n'.encode())
    second = pet(
        "predict", distilled, "--input", "-", "--format", "csv", stdin="text\na café\n".encode()
    )
    assert first.code == second.code == 0
    assert rows_of(first.out) == rows_of(second.out)
    assert rows_of(first.out)[0]["text"] == "a café"


def test_predict_of_nothing_is_nothing(distilled: str) -> None:
    result = pet("predict", distilled, "--input", "-", stdin=b"")
    assert (result.code, result.out, result.err) == (0, "", "")


def test_a_pair_task_reads_its_columns(tiny_bert: str, tmp_path: Path) -> None:
    task = tmp_path / "pair.py"
    task.write_text(PAIR_TASK_FILE, "utf-8")
    rows = [
        {"question": "was it good", "text_b": "yes it was", "label": "yes"},
        {"question": "was it good", "text_b": "a red train", "label": "no"},
    ]
    data = write_jsonl(tmp_path / "pairs.jsonl", rows)
    files = Files(tmp_path, str(task), data, data, data)
    assert train(files, tiny_bert, tmp_path / "run", "--unlabeled", data).code == 0
    renamed = [{"q": row["question"], "a": row["text_b"]} for row in rows]
    other = write_csv(tmp_path / "renamed.csv", renamed)
    first = pet("predict", tmp_path / "run", "--input", data)
    second = pet(
        "predict", tmp_path / "run", "--input", other, "--column", "question=q",
        "--column", "answer=a",
    )  # fmt: skip
    assert first.code == 0, first.err
    assert first.out == second.out
    assert list(rows_of(first.out)[0])[:2] == ["question", "answer"]
    shown = pet("explain", tmp_path / "run", "--text", "was it good", "--text", "yes it was")
    assert "was it good | ____, yes it was" in shown.out


def test_evaluate_shows_a_table_and_writes_json(
    distilled: str, files: Files, tmp_path: Path
) -> None:
    result = pet("evaluate", distilled, "--test", files.test, "--json", tmp_path / "figures.json")
    figures = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    assert figures["n"] == 3
    assert figures.keys() >= {"accuracy", "macro_f1", "ece", "n", "per_class", "confusion"}
    assert f"accuracy {100 * figures['accuracy']:.1f}" in result.out
    assert f"calibration error {figures['ece']:.3f}  examples 3" in result.out
    assert "true \\ predicted" in result.out


def test_evaluate_prints_nothing_but_json_when_asked_for_it_on_standard_output(
    distilled: str, files: Files
) -> None:
    result = pet("evaluate", distilled, "--test", files.test, "--json", "-")
    assert json.loads(result.out)["n"] == 3
    assert result.err == ""


def test_explain_shows_patterns_words_and_votes_of_a_distilled_run(distilled: str) -> None:
    result = pet("explain", distilled, "--text", "the food was cold", "--words", 1)
    assert result.code == 0
    assert "pattern-1: Just ____! the food was cold" in result.out
    table = result.out.split("member ")[-1].splitlines()
    assert [line.split()[0] for line in table[2:]] == [
        *(f"pattern-{number}" for number in range(4)), "ensemble",
    ]  # fmt: skip
    assert ", " not in result.out.split("____.\n")[1].splitlines()[0]


def test_explain_works_on_an_ensemble_run_and_its_saved_classifier(ensemble: str) -> None:
    first = pet("explain", ensemble, "--text", "a sad film")
    second = pet("explain", f"{ensemble}/classifier", "--text", "a sad film")
    assert first.code == second.code == 0
    assert first.out == second.out
    # The vote of the ensemble is the prediction itself.
    shares = [float(share) for share in first.out.splitlines()[-1].split()[-2:]]
    assert f"{max(shares):.1f}%" in first.out.splitlines()[0]


def test_explain_of_a_distilled_classifier_alone_says_where_the_patterns_are(
    distilled: str,
) -> None:
    result = pet("explain", f"{distilled}/classifier", "--text", "a sad film")
    assert result.code == 0
    assert "%" in result.out
    assert "name its run folder" in result.out


def test_the_classifier_folder_is_all_that_predict_needs(
    distilled: str, files: Files, tmp_path: Path
) -> None:
    expected = pet("predict", distilled, "--input", files.test).out
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for file in Path(distilled, "classifier").iterdir():
        (moved / file.name).write_bytes(file.read_bytes())
    assert pet("predict", moved, "--input", files.test).out == expected


@pytest.mark.parametrize("method", ["pet", "head", "fine-tune"])
def test_the_same_command_gives_the_same_numbers_bit_for_bit(
    method: str, files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    more = ["--method", method, "--unlabeled", files.unlabeled, "--patterns", "0-1"]
    outputs = []
    for name in ("a", "b"):
        assert train(files, tiny_bert, tmp_path / name, *more).code == 0
        outputs.append(pet("predict", tmp_path / name, "--input", files.unlabeled).out)
        weights = tmp_path / name / "classifier"
        outputs[-1] += str([hash(f.read_bytes()) for f in sorted(weights.rglob("*.safetensors"))])
    assert outputs[0] == outputs[1]


def test_another_seed_gives_other_numbers(
    distilled: str, files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    more = ["--unlabeled", files.unlabeled, "--seed", 14]
    assert train(files, tiny_bert, tmp_path / "run", *more).code == 0
    outputs = [
        pet("predict", run, "--input", files.test).out for run in (distilled, tmp_path / "run")
    ]
    assert outputs[0] != outputs[1]


def test_quiet_says_nothing_on_standard_error(files: Files, tiny_bert: str, tmp_path: Path) -> None:
    # A process of its own: nothing that libraries write there may slip by.
    command = [
        sys.executable, "-c", "from pet.cli import main; main()", "-q", "train",
        "--task", files.task, "--train", files.train, "--unlabeled", files.train,
        "--shots", "2", "--backbone", tiny_bert, "--max-steps", "1", "--distill-epochs", "1",
        "--patterns", "0", "-o", str(tmp_path / "run"),
    ]  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert "classifier" in result.stdout


def test_a_reader_that_goes_away_is_no_error_message(distilled: str, tmp_path: Path) -> None:
    data = write_jsonl(tmp_path / "many.jsonl", ({"text": f"film {n}"} for n in range(1500)))
    script = "from pet.cli import main; main()"
    command = [sys.executable, "-c", script, "predict", distilled, "--input", data]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""


def test_progress_bars_are_drawn_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, drawn in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress_bars() as show:
            for stage in ("pattern-0", "pattern-1"):
                show(stage, 1, 2)
                show(stage, 2, 2)
        for stage in ("pattern-0", "pattern-1"):
            assert (stage in stream.getvalue()) == drawn


def test_a_finished_run_is_not_done_again(files: Files, tiny_bert: str, tmp_path: Path) -> None:
    first = train(files, tiny_bert, tmp_path / "run", "--unlabeled", files.unlabeled)
    stamps = {f: f.stat().st_mtime_ns for f in (tmp_path / "run").rglob("*.safetensors")}
    again = train(files, tiny_bert, tmp_path / "run", "--unlabeled", files.unlabeled)
    assert "was finished before" in again.err
    assert "was finished before" not in first.err
    assert first.out == again.out
    assert stamps == {f: f.stat().st_mtime_ns for f in stamps}


def test_what_a_kill_at_the_very_end_left_is_removed(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    how = ["--unlabeled", files.unlabeled, "--patterns", "0"]
    assert train(files, tiny_bert, tmp_path / "run", *how).code == 0
    left = tmp_path / "run" / "checkpoint.safetensors"
    left.write_bytes(b"of the distillation")
    assert "was finished before" in train(files, tiny_bert, tmp_path / "run", *how).err
    assert not left.exists()


def test_a_finished_run_can_still_be_tested(ensemble: str, files: Files, tiny_bert: str) -> None:
    again = train(files, tiny_bert, ensemble, "--test", files.test)
    assert "was finished before" in again.err
    assert "test accuracy" in again.out


def test_other_settings_or_data_in_the_same_folder_are_refused_with_the_difference(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert train(files, tiny_bert, run, "--method", "zero-shot").code == 0
    before = pet("predict", run, "--input", files.test).out
    result = train(files, tiny_bert, run, "--method", "zero-shot", "--seed", 5)
    assert result.code == 1
    assert "settings.seed: 13 there, 5 now" in result.err
    assert "--force" in result.err
    result = train(files, tiny_bert, run, "--method", "zero-shot", "--shots", 2)
    assert "data.train.n: 10 there, 4 now" in result.err
    assert pet("predict", run, "--input", files.test).out == before


def test_force_starts_over_and_keeps_what_is_not_the_runs(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert train(files, tiny_bert, run).code == 0
    (run / "notes.txt").write_text("mine", "utf-8")
    result = train(files, tiny_bert, run, "--method", "single", "--force")
    assert result.code == 0, result.err
    assert (run / "notes.txt").read_text("utf-8") == "mine"
    assert [path.name for path in (run / "members").iterdir()] == ["pattern-0"]


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
