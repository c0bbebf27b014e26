"""`pet check`: what it counts and what it warns of."""

from __future__ import annotations

import json
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest
from other_families import CAUSAL, save_other
from toy import NOUNS, Files, labelled_rows, pet, train, unlabelled_rows, write_jsonl


def test_check_counts_classes_lengths_and_overlap(files: Files, tiny_bert: str) -> None:
    result = pet(
        "check", "--task", files.task, "--train", files.train, "--unlabeled", files.unlabeled,
        "--test", files.train, "--backbone", tiny_bert,
    )  # fmt: skip
    assert result.code == 0
    assert "labelled: 10 examples\n      5  negative\n      5  positive" in result.out
    assert "unlabelled: 27 examples, 0 of them also labelled" in result.out
    assert "warning: 10 test texts are labelled examples too" in result.out


def test_check_says_when_there_is_nothing_to_say_and_what_to_type(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    rows = [
        {"text": f"the {noun} was {how} {again}", "label": label}
        for noun in NOUNS
        for how, label in (("warm", "positive"), ("cold", "negative"))
        for again in ("and fast", "and slow", "and red", "and blue")
    ]
    train = write_jsonl(tmp_path / "my rows.jsonl", rows)
    call = ["--task", files.task, "--train", train, "--unlabeled", files.unlabeled,
            "--test", files.test, "--backbone", tiny_bert]  # fmt: skip
    result = pet("check", *call)
    assert (result.code, result.err) == (0, "")
    assert "\n\nNothing to worry about.\n\nNext: pet train --task " in result.out
    typed = shlex.split(result.out.rpartition("Next: ")[2])
    assert typed == ["pet", "train", *call, "-o", "runs/first"]


def test_every_option_of_check_is_one_of_train() -> None:
    options = {
        command: {name for each in import_module(f"pet.cli.{command}").command.params
                  for name in (*each.opts, *each.secondary_opts)}
        for command in ("check", "train")
    }  # fmt: skip
    assert options["check"] < options["train"]


FAULTY = [
    {"text": "a good film", "label": "positive"},
    {"text": "a bad film", "label": "negative"},
    {"text": "a fine film", "label": "Positive"},
    {"text": "one film", "label": "mixed"},
    {"text": " ", "label": "positive"},
    {"text": "so good", "label": "Positive"},
    {"text": 7, "label": "positive"},
    {"text": "two films", "label": None},
    {"text": 12, "label": "positive"},
    {"text": "so so good", "label": "Positive"},
    {"text": "so so so good", "label": "Positive"},
]


def test_check_tells_all_faults_of_all_files_at_once(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    train = tmp_path / "train.jsonl"
    train.write_text("".join(json.dumps(row) + "\n" for row in FAULTY) + "{cut off\n", "utf-8")
    (tmp_path / "pool.csv").write_text('text,note\ngood,a\n"",b\n', "utf-8")
    (tmp_path / "test.csv").write_bytes(b"text,label\ngood film,positive\n\xfcbel,negative\n")
    (tmp_path / "dev.jsonl").write_text('{"text": "bad", "label": "negativ"}\n', "utf-8")
    result = pet(
        "check", "--task", files.task, "--train", train, "--unlabeled", tmp_path / "pool.csv",
        "--test", tmp_path / "test.csv", "--dev", tmp_path / "dev.jsonl", "--backbone", tiny_bert,
    )  # fmt: skip
    assert result.code == 1
    for said in (
        f"\n\n{train}: 10 of 12 rows cannot be used:\n",
        "\n      4  unknown label 'Positive'. Did you mean 'positive'? (row 3, row 6, row 10 and 1 "
        "more)\n",
        "\n      2  column 'text': expected text, found 7. (row 7, row 9)\n",
        "\n      1  unknown label 'mixed'. Known: 'negative', 'positive'. (row 4)\n",
        "\n      1  column 'text': the text is empty. Fill it in or remove the row. (row 5)\n",
        "\n      1  the label in column 'label' is empty. Fill it in, or leave out all rows "
        "without one: --empty-labels unknown. (row 8)\n",
        "(row 12)\n",
        "pool.csv: 1 of 2 rows cannot be used:\n",
        "test.csv, line 3: byte 1 is not UTF-8.",
        "dev.jsonl: 1 of 1 rows cannot be used:\n      1  unknown label 'negativ'. Did you mean",
    ):
        assert said in result.out
    assert result.out.endswith("\n\npet train would refuse this.\n")


def test_a_file_of_another_task_is_told_so(files: Files, tiny_bert: str, tmp_path: Path) -> None:
    rows = [{"text": f"text {n}", "label": ("billing", "account")[n % 3 == 0]} for n in range(9)]
    tickets = write_jsonl(tmp_path / "tickets.jsonl", rows)
    said = (
        f"{tickets} does not fit the task 'toy': none of its 9 rows has one of the labels "
        "'negative', 'positive'; found 'account' (3), 'billing' (6)."
    )
    checked = pet("check", "--task", files.task, "--train", tickets, "--backbone", tiny_bert)
    assert checked.code == 1
    assert said in checked.out
    assert "Method 'pet' needs" not in checked.out
    trained = pet("train", "--task", files.task, "--train", tickets, "-o", tmp_path / "run")
    assert trained.code == 1
    assert trained.err.startswith(f"Error: {said}\n  Make a task of your own with these labels")


def test_train_names_the_first_faulty_row_and_how_many_more(files: Files, tmp_path: Path) -> None:
    train = write_jsonl(tmp_path / "train.jsonl", FAULTY)
    result = pet("train", "--task", files.task, "--train", train, "-o", tmp_path / "run")
    assert result.code == 1
    assert result.err == (
        f"Error: {train}, row 3: unknown label 'Positive'.\n  Did you mean 'positive'?\n"
        "  8 more rows cannot be used; pet check tells all faults.\n"
    )


FOREIGN = {
    "Chinese": ("这家餐厅的菜很好吃", "味道太差了，再也不来了"),
    "Korean": ("음식이 정말 맛있었어요", "다시는 가지 않을 거예요"),
    "emoji": ("😀😀 👍", "😡 👎👎"),
}


@pytest.mark.parametrize("texts", FOREIGN.values(), ids=FOREIGN)
def test_texts_that_the_backbone_cannot_read_are_told_by_check_and_train(
    texts: tuple[str, str], files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    good, bad = texts
    rows = [
        {"text": text + " " * (n > 0) + "é" * n, "label": label}
        for n in range(3)
        for text, label in ((good, "positive"), (bad, "negative"))
    ]
    foreign = write_jsonl(tmp_path / "foreign.jsonl", rows)
    call = ["--task", files.task, "--unlabeled", files.unlabeled, "--backbone", tiny_bert]
    checked = pet("check", *call, "--train", foreign)
    assert checked.code == 0
    (share,) = re.findall(r"warning: (\d+) % of the tokens of the labelled texts are", checked.out)
    assert int(share) > 50
    assert re.search(r"them\. Most are in \d of 6 texts, the first is text \d\.", checked.out)
    assert f"unknown to the backbone '{tiny_bert}': it cannot read them." in checked.out
    assert "of the unlabelled texts are unknown" not in checked.out
    swapped = pet("check", "--task", files.task, "--train", files.train, "--unlabeled", foreign,
                  "--test", foreign, "--backbone", tiny_bert)  # fmt: skip
    assert "% of the tokens of the unlabelled texts are unknown" in swapped.out
    assert "% of the tokens of the test texts are unknown" in swapped.out
    assert "% of the tokens of the labelled texts" not in swapped.out
    if good == FOREIGN["Chinese"][0]:
        own = train(files, tiny_bert, tmp_path / "a", "--train", foreign, "--patterns", 0)
        assert own.err.count("% of the tokens of the labelled texts are unknown") == 1
        pool = train(files, tiny_bert, tmp_path / "b", "--unlabeled", foreign, "--patterns", 0)
        assert pool.err.count("% of the tokens of the unlabelled texts are unknown") == 1
        assert "% of the tokens of the labelled texts" not in pool.err


def test_contradicting_labels_are_told_by_check_and_once_by_train(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    extra = [
        {"text": "bad food", "label": "positive"},
        {"text": "a warm room", "label": "negative"},
        {"text": "a warm room", "label": "positive"},
    ]
    rows = write_jsonl(tmp_path / "rows.jsonl", [*labelled_rows(), *extra])
    said = "2 texts are labelled in more than one way, such as 'bad food' ('negative', 'positive')"
    checked = pet("check", "--task", files.task, "--train", rows, "--backbone", tiny_bert)
    assert f"warning: {said}" in checked.out
    assert "warning: 3 labelled examples with the text of another one\n" in checked.out
    trained = train(files, tiny_bert, tmp_path / "run", "--train", rows)
    assert trained.err.count(said) == 1
    again = train(files, tiny_bert, tmp_path / "run", "--train", rows)
    assert said not in again.err


def test_texts_in_two_files_are_counted_with_what_they_do(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    rows = labelled_rows()
    names = {
        name: write_jsonl(tmp_path / f"{name}.jsonl", chosen)
        for name, chosen in (("train", rows), ("dev", rows[:1]), ("test", [*rows[:4], *FAULTY[:2]]))
    }
    pool = [*unlabelled_rows(), *({"text": row["text"]} for row in [*rows[2:5], FAULTY[0]])]
    result = pet(
        "check", "--task", files.task, "--train", names["train"], "--dev", names["dev"],
        "--test", names["test"], "--unlabeled", write_jsonl(tmp_path / "pool.jsonl", pool),
        "--backbone", tiny_bert,
    )  # fmt: skip
    assert result.code == 0
    for said in (
        "development: 1 examples, 1 of them also labelled examples\n",
        "test: 6 examples, 4 of them also labelled examples, 1 of them also development examples\n",
        "unlabelled: 31 examples, 3 of them also labelled examples, 0 of them also development "
        "examples, 3 of them also test examples\n",
        "warning: 1 development texts are labelled examples too; training would not stop early\n",
        "warning: 4 test texts are labelled examples too; the test figures will be too good\n",
        "warning: 1 test texts are development examples too; the test figures may be too good\n",
        "warning: 3 unlabelled texts are test examples too; the test figures may be too good\n",
    ):
        assert said in result.out
    assert "unlabelled texts are labelled" not in result.out  # these are left out of the pool
    run = train(files, tiny_bert, tmp_path / "run", "--dev", names["dev"], "--patterns", 0)
    assert run.err.count("1 development texts are labelled examples too\n") == 1


@pytest.mark.parametrize("option", ["--test", "--dev", "--train"])
@pytest.mark.parametrize("content", ["", "{}\n"], ids=["empty", "faulty"])
def test_a_file_that_cannot_be_used_costs_no_training(
    option: str, content: str, files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text(content, "utf-8")
    own = [] if option == "--train" else ["--train", files.train]
    call = ["--task", files.task, *own, option, other, "--backbone", tiny_bert]
    checked = pet("check", *call)
    trained = pet("train", *call, "-o", tmp_path / "run")
    assert (checked.code, trained.code) == (1, 1)
    said = "expected labelled examples, found no row" if content == "" else "no column"
    assert said in checked.out
    assert said in trained.err
    assert not (tmp_path / "run").exists()


def test_labels_that_people_rejected_are_told(files: Files, tiny_bert: str, tmp_path: Path) -> None:
    rows = [
        {**row, "answer": "accept" if n % 5 else ("reject", "ignore")[n // 5]}
        for n, row in enumerate(labelled_rows())
    ]
    exported = write_jsonl(tmp_path / "prodigy.jsonl", rows)
    call = ["--task", files.task, "--train", exported, "--backbone", tiny_bert]
    checked = pet("check", *call)
    said = f"{exported}: 2 labels are left out, which were rejected or ignored when they were given"
    assert (checked.code, checked.err) == (0, "")
    assert "labelled: 8 examples" in checked.out
    assert f"warning: {said} (column 'answer').\n" in checked.out
    trained = train(files, tiny_bert, tmp_path / "run", "--train", exported, "--patterns", 0)
    assert trained.err.count(said) == 1


def test_check_says_what_missing_data_means(files: Files, tiny_bert: str) -> None:
    call = ["check", "--task", files.task, "--backbone", tiny_bert]
    result = pet(*call, "--train", files.train)
    assert result.code == 0
    assert "note: only 5 labelled examples of 'negative', 'positive': " in result.out
    assert "note: no unlabelled text: " in result.out
    assert "note: no test examples: " in result.out
    assert "Nothing to worry about" not in result.out
    nothing = pet(*call)
    assert nothing.code == 1
    assert "error: Method 'pet' needs labelled examples.\n  Give --train FILE." in nothing.out
    zero_shot = pet(*call, "--method", "zero-shot", "--test", files.test)
    assert zero_shot.code == 0
    assert "note: " not in zero_shot.out


KEEP = 'PVP("{text:keep} It was {mask}.", words), '
TIGHT = ("--max-length", 9)
# What is wrong, by name: rows to train on, lines to add to the task, options.
WISHES: dict[str, tuple[list[dict[str, str]], str, tuple[object, ...]]] = {
    "nothing": (labelled_rows(), "", ()),
    "one label": (labelled_rows()[:5], "", ()),
    "no rows": ([], "", ()),
    "a label word": (labelled_rows(), 'PVP("{text} {mask}", Verbalizer({"negative": ["中"], '
                     '"positive": ["good"]})), ', ()),
    "a word for two": (labelled_rows(), 'PVP("{text} {mask}", Verbalizer({"negative": ["good"], '
                       '"positive": ["Good"]})), ', ()),
    "no room": (labelled_rows(), 'PVP("{text} all in all it was very {mask}.", words), ', TIGHT),
    "kept": (labelled_rows(), KEEP, ()),
    "kept without room": (labelled_rows(), KEEP, TIGHT),
    "too many shots": (labelled_rows(), "", ("--shots", 6)),
    "no pool": (labelled_rows(), "", ("--method", "ipet")),
}  # fmt: skip


@pytest.mark.parametrize("wish", WISHES)
def test_check_refuses_what_train_refuses(wish: str, tiny_bert: str, tmp_path: Path) -> None:
    rows, pvps, options = WISHES[wish]
    files = Files.write(tmp_path)
    task = Path(files.task)
    task.write_text(task.read_text("utf-8").replace("pvps=[", f"pvps=[{pvps}"), "utf-8")
    rows_file = write_jsonl(tmp_path / "rows.jsonl", rows)
    checked = pet("check", "--task", task, "--train", rows_file, "--backbone", tiny_bert,
                  *options, "--patterns", "0")  # fmt: skip
    trained = train(files, tiny_bert, tmp_path / "run", "--train", rows_file, *options,
                    "--patterns", "0")  # fmt: skip
    assert (checked.code, checked.err) == (trained.code, "")
    assert checked.code == (wish not in ("nothing", "kept"))
    if checked.code:
        told = trained.err.removeprefix("Error: ").split("\n")[0]
        assert told in checked.out or wish == "kept without room"


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
    assert result.code == 1, result.err
    assert "pattern 0: 6 learned slots, prompt-tuning" in result.out
    assert "pattern 1 cannot be used: The pattern's own tokens take 93 of 12 tokens" in result.out
    # [CLS], [SEP], [MASK] and six slots leave three of twelve.
    assert "texts are longer than 3 tokens, which is what the patterns leave" in result.out
    causal = pet(*call, "--backbone", save_other(CAUSAL["gpt2"], tmp_path / "gpt2"))
    assert causal.code == 1, causal.err
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
    result = pet(*call, "--max-length", 24, "--soft-slots", 18)
    assert "pattern 0: 18 learned slots, deep; tokens left for text: 3" in result.out
    assert "longer than 3 tokens" in result.out
    assert "pattern 1: " not in result.out
    every = pet(*call, "--max-length", 24, "--soft", "prefix,words")
    assert every.code == 1, every.err
    assert "pattern 0: 20 learned slots, prefix; tokens left for text: 1" in every.out
    assert every.out.count("pattern 1 cannot be used: The pattern's own tokens take") == 1


def test_check_names_an_unknown_label_word_once(tmp_path: Path, tiny_bert: str) -> None:
    task = tmp_path / "task.py"
    files = Files.write(tmp_path)
    task.write_text(Path(files.task).read_text("utf-8").replace("terrible", "中"), "utf-8")
    result = pet("check", "--task", task, "--train", files.train, "--backbone", tiny_bert)
    assert result.code == 1
    assert result.out.count("error: Label word '中' of 'negative' cannot be represented") == 1
