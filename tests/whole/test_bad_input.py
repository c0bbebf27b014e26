"""Whatever is wrong is told in one message with its place and remedy; nothing finished is lost."""

from __future__ import annotations

import errno
import gzip
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toy import TASK_FILE, Files, Result, labelled_rows, train, write_jsonl
from toy import pet as command

from pet.members import folds
from pet.members import store as member_store
from pet.pipeline import run as pipeline

ROW = '{"text": "good", "label": "positive"}\n'


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files.write(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_bert: str) -> Files:
    """The toy files, with a finished run beside them."""
    files = Files.write(tmp_path_factory.mktemp("trained"))
    more = ["--unlabeled", files.unlabeled, "--patterns", "0"]
    assert train(files, tiny_bert, files.folder / "run", *more).code == 0
    return files


def refused(result: Result, *parts: str, code: int = 1) -> None:
    """One message with these parts in it, and the right exit code."""
    assert result.code == code, result.err
    assert result.out == ""
    assert "Traceback" not in result.err
    assert len(re.findall(r"^Error: ", result.err, re.MULTILINE)) == 1
    for part in parts:
        assert part in result.err


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        (
            "a.jsonl",
            ROW + '{"text": "x", "label": "positiv"}\n',
            ["a.jsonl, row 2: unknown label 'positiv'", "Did you mean 'positive'?"],
        ),
        (
            "a.jsonl",
            ROW + '{"review": "x", "label": "positive"}\n',
            ["a.jsonl, row 2", "no column 'text'", "found 'review', 'label'", "--column text="],
        ),
        (
            "a.csv",
            "review,label\nx,positive\n",
            ["a.csv, row 1", "no column 'text'", "--column text=COLUMN"],
        ),
        ("a.csv", "text,stars\nx,positive\n", ["a.csv, row 1", "--column label=COLUMN"]),
        (
            "a.jsonl",
            ROW + '{"text": " \\n", "label": "positive"}\n',
            ["a.jsonl, row 2, column 'text': the text is empty", "remove the row"],
        ),
        ("a.jsonl", ROW + '{"text": "x", "label": ""}\n', ["a.jsonl, row 2", "'label'"]),
        ("a.jsonl", '{"text": 7, "label": "positive"}\n', ["a.jsonl, row 1", "found 7"]),
        (
            "a.jsonl",
            ROW.encode() + b'{"text": "caf\xe9", "label": "positive"}\n',
            ["a.jsonl, line 2: byte 14 is not UTF-8", "iconv"],
        ),
        ("a.jsonl", ROW + '{"text": \n', ["a.jsonl, row 2: not JSON"]),
        ("a.jsonl", "[1, 2]\n", ["a.jsonl, row 1: expected a JSON object"]),
        ("a.xlsx", "whatever", ["a.xlsx", ".jsonl, .csv, .tsv", "convert"]),
        ("a.jsonl.gz", "not compressed", ["a.jsonl.gz", "gzip"]),
        ("a.jsonl.gz", gzip.compress(ROW.encode() * 999)[:-9], ["a.jsonl.gz", "damaged"]),
        (
            "a.jsonl",
            "",
            [
                "a.jsonl: expected labelled examples, found no row.",
                'such as {"text": "...", "label": "negative"}',
            ],
        ),
        ("a.csv", "text,label\n", ["a.csv: expected labelled examples, found no row."]),
        ("a.jsonl", ROW * 3, ["the label 'positive'", "at least two", "'negative'"]),
    ],
)
def test_a_faulty_file_is_named_with_its_row_and_the_remedy(
    name: str, content: str | bytes, parts: list[str], files: Files, tiny_bert: str
) -> None:
    path = files.folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    own = Files(files.folder, files.task, str(path), "", "")
    refused(train(own, tiny_bert, files.folder / "run"), *parts)


def test_a_faulty_unlabelled_file_is_found_before_any_training(
    files: Files, tiny_bert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = counted(monkeypatch)
    pool = files.folder / "pool.jsonl"
    pool.write_text('{"text": "a"}\n' * 50 + '{"txt": "b"}\n', "utf-8")
    result = train(files, tiny_bert, files.folder / "run", "--unlabeled", pool)
    refused(result, "pool.jsonl, row 51", "--column text=COLUMN")
    assert names == []


@pytest.mark.parametrize("option", ["--train", "--unlabeled", "--dev"])
def test_a_missing_file_is_named(option: str, files: Files, tiny_bert: str) -> None:
    result = train(files, tiny_bert, files.folder / "run", option, files.folder / "nowhere.jsonl")
    refused(result, "nowhere.jsonl", "No such file")


def test_a_folder_is_not_a_file(files: Files, tiny_bert: str) -> None:
    (files.folder / "data.jsonl").mkdir()
    own = Files(files.folder, files.task, str(files.folder / "data.jsonl"), "", "")
    refused(train(own, tiny_bert, files.folder / "run"), "data.jsonl", "Is a directory")


def test_fewer_examples_than_labels_names_the_labels_without_any(
    tmp_path: Path, tiny_bert: str
) -> None:
    rows = [{"text": "one", "label": "entity"}, {"text": "two", "label": "human"}]
    data = write_jsonl(tmp_path / "few.jsonl", rows)
    files = Files(tmp_path, "trec", data, "", "")
    result = train(files, tiny_bert, tmp_path / "run")
    refused(result, "2 labelled examples are fewer", "6 labels", "'abbreviation', 'description'")


def test_a_label_without_examples_is_told_but_not_refused(files: Files, tiny_bert: str) -> None:
    task = TASK_FILE.replace(
        '"positive": ["good", "great"]', '"positive": ["good"], "so-so": ["maybe"]'
    )
    task = task.replace('labels=["negative", ', 'labels=["so-so", "negative", ')
    Path(files.task).write_text(task, "utf-8")
    result = train(files, tiny_bert, files.folder / "run", "--patterns", "0")
    assert result.code == 0
    assert result.err.count("no labelled example of 'so-so'") == 1


def test_more_shots_than_there_are_name_the_count(files: Files, tiny_bert: str) -> None:
    result = train(files, tiny_bert, files.folder / "run", "--shots", 6)
    refused(result, "Label 'negative' has 5 different examples", "--shots 5")


GOOD_WORDS = '{"negative": ["bad", "terrible"], "positive": ["good", "great"]}'


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        (
            "{text} It was {mask}.",
            "{text} It was.",
            ["no {mask}", "\n    {text} It was.\n" + " " * 18 + "^"],
        ),
        (
            "{text} It was {mask}.",
            "{mask} {text} {mask}",
            ["a second {mask}", "\n    {mask} {text} {mask}\n" + " " * 18 + "^"],
        ),
        ("{text} It was {mask}.", "{text It was {mask}.", ["never closed", "\n    ^"]),
        ("{text} It was {mask}.", "{txt} {mask}", ["unknown field 'txt'", "Did you mean 'text'?"]),
        ("{text} It was {mask}.", "{text:kep} {mask}", ["unknown option 'kep'", "keep"]),
        (
            GOOD_WORDS,
            '{"negative": ["bad", "good"], "positive": ["good"]}',
            ["'good' stands for both 'negative' and 'positive'", "remove it"],
        ),
        (GOOD_WORDS, '{"negative": ["bad"], "positiv": ["good"]}', ["'positive'", "'positiv'"]),
        (GOOD_WORDS, '{"negative": ["bad"], "positive": "good"}', ["list of words", "['good']"]),
        (GOOD_WORDS, '{"negative": ["bad"], "positive": []}', ["Label 'positive' has no words"]),
        (GOOD_WORDS, '{"negative": ["bad"], "positive": {"good": 0}}', ["positive weight"]),
        ('labels=["negative", "positive"]', 'labels=["positive"]', ["two or more"]),
        ("task = Task(", "task = Task((", ["SyntaxError", "never closed"]),
        ("task = Task(", "task = Tusk(", ["NameError", "Tusk"]),
        ("task = Task(", "import sys; sys.exit(3)\ntask = Task(", ["SystemExit"]),
        ("task = Task(", "task = dict(", ["expected one Task object", "found 0"]),
    ],
)  # fmt: skip
def test_a_faulty_task_file_is_named_with_the_place(
    old: str, new: str, parts: list[str], tmp_path: Path
) -> None:
    assert old in TASK_FILE
    (tmp_path / "mine.py").write_text(TASK_FILE.replace(old, new), "utf-8")
    refused(command("tasks", tmp_path / "mine.py"), "mine.py: ", *parts)


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (
            '{"negative": ["中"], "positive": ["good"]}',
            ["'中' of 'negative'", "cannot be represented"],
        ),
        (
            '{"negative": ["bad", "GOOD"], "positive": ["good"]}',
            ["'GOOD' of 'negative'", "'good' of 'positive'", "same tokens", "Remove one"],
        ),
    ],
)  # fmt: skip
def test_label_words_the_tokenizer_cannot_tell_are_refused_before_training(
    words: str, parts: list[str], files: Files, tiny_bert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = counted(monkeypatch)
    Path(files.task).write_text(TASK_FILE.replace(GOOD_WORDS, words), "utf-8")
    refused(train(files, tiny_bert, files.folder / "run"), *parts)
    assert names == []


def test_unknown_tasks_name_the_nearest(tmp_path: Path) -> None:
    refused(
        command("tasks", "reviws"), "No built-in task 'reviws'", "Did you mean 'reviews'?", ".py"
    )
    refused(command("tasks", tmp_path / "no.py"), "no.py")


@pytest.mark.parametrize(
    ("option", "value", "parts"),
    [
        ("--method", "petz", ["'--method'", "'zero-shot'"]),
        ("--scope", "ful", ["'--scope'", "'full', 'head', 'bias'"]),
        ("--batch-size", "0", ["batch_size must be a number from 1, not 0"]),
        ("--batch-size", "many", ["'--batch-size'", "many"]),
        ("--learning-rate", "-1", ["learning_rate", "-1"]),
        ("--lm-weight", "1", ["lm_weight", "below 1"]),
        ("--shots", "0", ["'--shots'", "x>=1"]),
        ("--unlabeled-limit", "-1", ["'--unlabeled-limit'", "x>=0"]),
        ("--column", "text", ["--column 'text'", "FIELD=COLUMN"]),
        ("--batchsize", "1", ["--batchsize", "--batch-size"]),
        ("--device", "banana", ["Device 'banana'", "--device cpu"]),
        ("--device", "cuda:99", ["Device 'cuda:99'", "--device cpu"]),
    ],
)
def test_an_unknown_option_or_value_is_wrong_usage(
    option: str, value: str, parts: list[str], files: Files, tiny_bert: str
) -> None:
    result = train(files, tiny_bert, files.folder / "run", option, value)
    refused(result, *parts, code=2)


def test_a_column_mapping_of_an_unknown_field_is_refused(files: Files, tiny_bert: str) -> None:
    result = train(files, tiny_bert, files.folder / "run", "--column", "txt=review")
    refused(result, "no field 'txt'", "Did you mean 'text'?", code=result.code)


def test_commands_and_options_that_are_missing_are_wrong_usage() -> None:
    refused(command("trian"), "No such command 'trian'", code=2)
    refused(command("train", "--task", "reviews"), "Missing option", "--output", code=2)
    refused(command("predict", "x"), "Missing option '--input'", code=2)


def test_a_backbone_that_is_not_there_is_named(files: Files) -> None:
    result = train(files, str(files.folder / "nomodel"), files.folder / "run")
    refused(result, "nomodel", "cannot be loaded", "config.json", "pet-mini")


def test_a_diverged_training_says_what_to_try(files: Files, tiny_bert: str) -> None:
    result = train(files, tiny_bert, files.folder / "run", "--learning-rate", "1e30")
    refused(result, "the loss is not a number", "--learning-rate")


# --- texts that are odd but fine -----------------------------------------------------------------


def test_a_text_of_100_000_characters_is_shortened_and_check_says_so(
    files: Files, tiny_bert: str
) -> None:
    long = "good film " * 10_000
    rows = [*labelled_rows(), {"text": long, "label": "positive"}]
    data = write_jsonl(files.folder / "long.jsonl", rows)
    own = Files(files.folder, files.task, data, data, data)
    checked = command("check", "--task", files.task, "--train", data, "--backbone", tiny_bert)
    # The backbone's 128 less [CLS], [SEP] and the five tokens of "All in all [MASK]."
    assert "1 labelled texts are longer than 121 tokens, which is what the" in checked.out
    run = files.folder / "run"
    assert train(own, tiny_bert, run, "--unlabeled", data, "--test", data).code == 0
    predicted = command("predict", run, "--input", data)
    assert json.loads(predicted.out.splitlines()[-1])["text"] == long.strip()


def test_odd_characters_survive_the_whole_way(trained: Files) -> None:
    odd = ["[MASK] [SEP] {mask}", "naïve 中文 🎬", 'a "quoted", text', "line\nbreak", "\u200b."]
    data = write_jsonl(trained.folder / "odd.jsonl", [{"text": text} for text in odd])
    result = command("predict", trained.folder / "run", "--input", data)
    assert result.code == 0, result.err
    assert [json.loads(line)["text"] for line in result.out.splitlines()] == odd


def test_labels_in_an_unlabelled_file_are_ignored_and_told_once(
    files: Files, tiny_bert: str
) -> None:
    rows = [{"text": f"film {number}", "label": "nonsense"} for number in "abc"]
    pool = write_jsonl(files.folder / "pool.jsonl", rows)
    result = train(files, tiny_bert, files.folder / "run", "--unlabeled", pool)
    assert result.code == 0, result.err
    assert result.err.count(f"The labels in {pool} are ignored.") == 1
    assert (files.folder / "run" / "classifier").is_dir()


def test_shots_are_left_out_of_the_unlabelled_texts_and_told_once(
    files: Files, tiny_bert: str
) -> None:
    more = ["--shots", 2, "--unlabeled", files.train, "--patterns", "0"]
    result = train(files, tiny_bert, files.folder / "run", *more)
    assert result.code == 0, result.err
    assert result.err.count("Left out of the unlabelled texts: 4 that are labelled too.") == 1
    (shard,) = (files.folder / "run/members/pattern-0/scores").glob("*.npy")
    assert np.load(shard).shape[1] == 6


# --- models and outputs ---------------------------------------------------------------------------


def edit_card(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        card = json.loads((folder / "pet.json").read_text("utf-8"))
        change(card)
        (folder / "pet.json").write_text(json.dumps(card), "utf-8")

    return damage


def cut(name: str, size: int) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size]) and None


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "pet.json").write_text("[]", "utf-8"),
        lambda folder: (folder / "pet.json").write_text("{}", "utf-8"),
        cut("pet.json", 20),
        without("pet.json"),
        edit_card(lambda card: card.update(task=None)),
        edit_card(lambda card: card["task"].update(unheard_of=1)),
        edit_card(lambda card: card["task"].pop("labels")),
        edit_card(lambda card: card.pop("max_length")),
        cut("model.safetensors", 5000),
        cut("model.safetensors", 3),
        without("model.safetensors"),
        without("config.json"),
        cut("config.json", 30),
        without("tokenizer.json"),
        cut("tokenizer.json", 100),
    ],
)
def test_a_damaged_classifier_folder_is_named(
    damage: Callable[[Path], None], trained: Files, tmp_path: Path
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(trained.folder / "run" / "classifier", folder)
    damage(folder)
    refused(command("predict", folder, "--input", trained.test), str(folder))


def test_what_is_no_model_is_named(trained: Files, tmp_path: Path) -> None:
    for name in (tmp_path / "nothing", tmp_path):
        refused(command("predict", name, "--input", trained.test), str(name), "pet train -o RUN")


def test_an_unfinished_run_cannot_predict_yet(trained: Files, tmp_path: Path) -> None:
    shutil.copytree(trained.folder / "run", tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "classifier")
    result = command("predict", tmp_path / "run", "--input", trained.test)
    refused(result, "not finished", "Run the same pet train command again")


def test_explain_wants_one_text_a_field(trained: Files) -> None:
    result = command("explain", trained.folder / "run", "--text", "a", "--text", "b")
    refused(result, "a text for each of text; found 2", "--text <text>", code=2)
    empty = command("explain", trained.folder / "run", "--text", " ")
    refused(empty, "found 1, some of them empty", code=2)


def test_a_bank_is_no_single_model(trained: Files) -> None:
    bank = trained.folder / "bank"
    (bank / "reviews").mkdir(parents=True)
    (bank / "reviews" / "prompt.json").write_text("{}", "utf-8")
    for name in ("explain", "evaluate", "predict"):
        more = {"explain": "--text", "evaluate": "--test", "predict": "--input"}[name]
        result = command(name, bank, more, trained.test)
        refused(result, "this is a prompt bank", f"--bank {bank}")


def test_a_file_where_the_run_folder_should_be_is_named(files: Files, tiny_bert: str) -> None:
    (files.folder / "taken").write_text("mine", "utf-8")
    for output in (files.folder / "taken", files.folder / "taken" / "run"):
        refused(train(files, tiny_bert, output, "--force"), f"{output}: cannot be written", "-o")
    assert (files.folder / "taken").read_text("utf-8") == "mine"


def test_a_folder_with_other_things_in_it_is_left_alone(files: Files, tiny_bert: str) -> None:
    other = files.folder / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine", "utf-8")
    refused(train(files, tiny_bert, other, "--force"), "not empty and not a run folder", "-o")
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]


def test_a_full_disk_while_predicting_is_told_with_the_file(trained: Files, tmp_path: Path) -> None:
    for name in ("full.csv", "full.jsonl"):
        (tmp_path / name).symlink_to("/dev/full")
        result = command(
            "predict", trained.folder / "run", "--input", trained.test, "-o", tmp_path / name
        )
        refused(result, f"{name}: cannot be written: No space left on device")  # fmt: skip
    result = command(
        "evaluate", trained.folder / "run", "--test", trained.test, "--json", tmp_path / "full.csv"
    )
    refused(result, "full.csv: cannot be written: No space left on device")


def test_predictions_need_a_known_ending_and_a_folder(trained: Files, tmp_path: Path) -> None:
    common = ["predict", trained.folder / "run", "--input", trained.test, "-o"]
    refused(command(*common, tmp_path / "out.txt"), "out.txt", ".jsonl or .csv", code=2)
    refused(command(*common, tmp_path / "no" / "out.csv"), "out.csv", "No such file")


def test_predict_never_overwrites_its_own_input(trained: Files, tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    shutil.copy(trained.test, data)
    (tmp_path / "link.csv").symlink_to(data)
    for output in (data, tmp_path / "link.csv"):
        result = command("predict", trained.folder / "run", "--input", data, "-o", output)
        refused(result, "is the input file", code=2)
    assert data.read_bytes() == Path(trained.test).read_bytes()


def test_an_input_that_cannot_be_read_leaves_an_older_output_as_it_is(
    trained: Files, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    output.write_text("precious", "utf-8")
    result = command(
        "predict", trained.folder / "run", "--input", tmp_path / "no.csv", "-o", output
    )
    refused(result, "no.csv", "No such file")
    assert output.read_text("utf-8") == "precious"


# --- interruptions --------------------------------------------------------------------------------


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the members that are trained from now on."""
    names: list[str] = []
    original = member_store.train_member

    def train_member(backbone: Any, spec: Any, *more: Any, **named: Any) -> Any:
        names.append(spec.name)
        return original(backbone, spec, *more, **named)

    for module in (folds, member_store):
        monkeypatch.setattr(module, "train_member", train_member)
    return names


def no_space(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def finished_members(run: Path) -> list[str]:
    return sorted(path.parent.name for path in run.glob("members/*/member.json"))


def test_a_full_disk_keeps_finished_members_and_the_rerun_does_not_repeat_them(
    files: Files, tiny_bert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, more = files.folder / "run", ["--unlabeled", files.unlabeled]
    names = counted(monkeypatch)
    replace = os.replace

    def fail_late(source: Any, target: Any, **named: Any) -> None:
        if str(target).endswith("pattern-2/weights.safetensors"):
            no_space()
        replace(source, target, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail_late)
        result = train(files, tiny_bert, run, *more)
    refused(result, "pattern-2", "No space left on device", "What was finished before is kept")
    assert finished_members(run) == ["pattern-0", "pattern-1"]
    assert not (run / "members/pattern-2/weights.safetensors").exists()
    again = train(files, tiny_bert, run, *more)
    assert again.code == 0, again.err
    assert names == ["pattern-0", "pattern-1", "pattern-2", "pattern-2", "pattern-3"]
    assert_same_as_uninterrupted(files, tiny_bert, run, *more)


def test_a_full_disk_while_labelling_text_keeps_the_trained_member(
    files: Files, tiny_bert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, more = files.folder / "run", ["--unlabeled", files.unlabeled, "--patterns", "0-1"]
    names = counted(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(np, "save", no_space)
        refused(train(files, tiny_bert, run, *more), "scores", "No space left on device")
    assert finished_members(run) == ["pattern-0"]
    assert not (run / "members/pattern-0/scores").exists()
    assert train(files, tiny_bert, run, *more).code == 0
    assert names == ["pattern-0", "pattern-1"]
    assert_same_as_uninterrupted(files, tiny_bert, run, *more)


def test_a_file_that_the_system_will_not_take_is_one_message(files: Files, tiny_bert: str) -> None:
    # The real thing: weights are written in Rust, whose errors are not OSErrors.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))
    try:
        result = train(files, tiny_bert, files.folder / "run", "--patterns", "0")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    refused(result, "pattern-0/weights.safetensors: cannot be written", "File too large")
    assert finished_members(files.folder / "run") == []
    assert train(files, tiny_bert, files.folder / "run", "--patterns", "0").code == 0


def test_ctrl_c_in_the_distillation_keeps_all_members(
    files: Files, tiny_bert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, more = files.folder / "run", ["--unlabeled", files.unlabeled, "--patterns", "0-1"]

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "distil", interrupted)
        result = train(files, tiny_bert, run, *more)
    assert (result.code, result.out) == (1, "")
    assert result.err.strip().startswith("Interrupted. What was finished is kept")
    assert finished_members(run) == ["pattern-0", "pattern-1"]
    names = counted(monkeypatch)
    assert train(files, tiny_bert, run, *more).code == 0
    assert names == []
    assert_same_as_uninterrupted(files, tiny_bert, run, *more)


WAITS = """
import os, signal, time
from pathlib import Path
from pet.members import store

# A shell's background jobs, which tests may be among, are started with the signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

def train_member(backbone, spec, *more):
    if spec.name == "pattern-2":
        Path(os.environ["REACHED"]).touch()
        time.sleep(600)  # until the signal
    return original(backbone, spec, *more)

original, store.train_member = store.train_member, train_member
from pet.cli import main
main()
"""


def test_ctrl_c_is_one_message_and_the_rerun_gives_what_an_uninterrupted_run_gives(
    files: Files, tiny_bert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, reached = files.folder / "run", files.folder / "reached"
    more = ["--unlabeled", files.unlabeled]
    arguments = [
        sys.executable, "-c", WAITS, "train", "--task", files.task, "--train", files.train,
        "--backbone", tiny_bert, "--max-steps", "2", "--distill-epochs", "1", "--device", "cpu",
        "-o", str(run), *more,
    ]  # fmt: skip
    own = {"OMP_NUM_THREADS": str(torch.get_num_threads()), "REACHED": str(reached)}
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **own},
    ) as process:  # fmt: skip
        while not reached.exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
    assert (process.returncode, out) == (1, "")
    assert err.strip() == (
        "Interrupted. What was finished is kept; the same command goes on from there."
    )
    assert finished_members(run) == ["pattern-0", "pattern-1"]
    names = counted(monkeypatch)
    assert train(files, tiny_bert, run, *more).code == 0
    assert names == ["pattern-2", "pattern-3"]
    assert_same_as_uninterrupted(files, tiny_bert, run, *more)


def test_a_mistyped_backbone_can_be_corrected_in_the_same_folder(
    files: Files, tiny_bert: str
) -> None:
    run = files.folder / "run"
    refused(train(files, f"{tiny_bert}-misspelt", run, "--patterns", "0"), "cannot be loaded")
    assert train(files, tiny_bert, run, "--patterns", "0").code == 0
    refused(
        train(files, tiny_bert, run, "--patterns", "1"), "settings.patterns: [0] there, [1] now"
    )
    # Where it is computed is no part of what was asked; in which precision is.
    assert "finished before" in train(files, tiny_bert, run, "--patterns", "0").err
    again = train(files, tiny_bert, run, "--patterns", "0", "--device", "auto")
    assert "finished before" in again.err
    refused(
        train(files, tiny_bert, run, "--patterns", "0", "--precision", "bf16"),
        "settings.backbone.precision",
    )


def assert_same_as_uninterrupted(files: Files, backbone: str, run: Path, *more: object) -> None:
    assert train(files, backbone, files.folder / "uninterrupted", *more).code == 0
    outputs = [
        command("predict", folder, "--input", files.unlabeled).out
        for folder in (run, files.folder / "uninterrupted")
    ]
    assert outputs[0]
    assert outputs[0] == outputs[1]
    weights = "classifier/model.safetensors"
    assert (run / weights).read_bytes() == (files.folder / "uninterrupted" / weights).read_bytes()
