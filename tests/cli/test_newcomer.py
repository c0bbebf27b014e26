"""What the command line says to somebody who does not know it yet."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest
from click.shell_completion import ShellComplete
from toy import Files, pet, train

from pet.cli import COMMANDS, cli
from pet.cli.words import WORDS
from pet.task import load_task


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        (("tain",), 2, "No such command 'tain'.\n  Did you mean 'train'?"),
        (("zzz",), 2, "No such command 'zzz'.\n  Known: 'tasks', 'init', "),
        (("train", "-o", "x"), 2, "A task says what the labels, patterns and label words are."),
        (("check",), 2, "expected --train FILE with labelled rows, or --labels A,B,..."),
        (("verbalize",), 2, "built-in one, which pet tasks lists, or a file with your own"),
        (("train", "--task", "tickets", "-o", "x"), 1, "pet init makes one from rows."),
        (("train", "--task", "rows.csv", "-o", "x"), 1, "'rows.csv' is no task: a task is a "),
        (("tasks", "words.json"), 1, "Label words alone are given as --verbalizer FILE."),
        (
            ("check", "--task", "reviews", "--train", "https://example.com/a.csv"),
            1,
            "https://example.com/a.csv: addresses are not read.\n  Download the file",
        ),
        (
            ("train", "--task", "reviews", "-o", "x", "--method", "setfit"),
            2,
            "It is a method to compare with: pet fewshot --methods pet,setfit.",
        ),
        (("train", "--task", "reviews", "-o", "x", "--method", "prefix"), 2, "Say --soft prefix."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_start_is_told_the_right_one(typed: tuple[str, ...], code: int, said: str) -> None:
    result = pet(*typed)
    assert result.code == code
    assert said in result.err


def test_the_task_file_in_the_help_of_tasks_is_a_task(tmp_path: Path) -> None:
    shown = pet("tasks", "--help").out
    source = shown[shown.index("    from pet import") : shown.index("  A field is")]
    (tmp_path / "tickets.py").write_text(dedent(source), "utf-8")
    task = load_task(tmp_path / "tickets.py")
    assert (task.name, task.labels, task.fields) == ("tickets", ("billing", "technical"), ("text",))
    assert pet("tasks", tmp_path / "tickets.py").out.startswith("tickets\nfields: text\n")


def test_tab_completes_commands_and_options() -> None:
    assert 'eval "$(_PET_COMPLETE=bash_source pet)"' in pet("--help").out
    completion = ShellComplete(cli, {}, "pet", "_PET_COMPLETE")
    for before, begun, expected in (([], "tr", "train"), (["train"], "--max-s", "--max-steps")):
        assert [item.value for item in completion.get_completions(before, begun)] == [expected]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_explains_the_words_that_it_uses(command: str) -> None:
    text, _, words = pet(command, "--help").out.partition("\n  Words:\n")
    explained = re.findall(r"^    (\w+): ", words, re.MULTILINE)
    assert not words or "docs/glossary.md" in words
    used = set(re.sub(r"\w+\.jsonl", "", text.lower()).split())
    assert set(explained) <= set(WORDS)
    for word in ("member", "readout", "halving", "cell", "draw", "pool", "slot"):
        if {word, f"{word}s"} & {part.strip(".,;:()") for part in used}:
            assert word in explained


def test_words_of_the_help_are_in_the_glossary() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/glossary.md").read_text("utf-8")
    assert all(re.search(rf"\b{word}", page) for word in WORDS)


def test_the_first_run_says_what_its_figures_are_and_keeps_costs_for_the_curious(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    result = train(files, tiny_bert, tmp_path / "run", "--patterns", 0)
    assert "These are figures of the labelled examples" in result.err
    assert "parameters trained" not in result.err
    again = pet("-v", *_train(files, tiny_bert, tmp_path / "run"), "--test", files.test)
    assert "parameters trained; " in again.err
    assert "These are figures of the labelled examples" not in again.err
    untrained = train(files, tiny_bert, tmp_path / "z", "--patterns", 0, "--method", "zero-shot")
    assert "figures of the labelled examples; no weights were trained." in untrained.err
    assert "from which it learned" in result.err


def _train(files: Files, backbone: str, output: Path) -> tuple[object, ...]:
    return (
        "train", "--task", files.task, "--train", files.train, "--backbone", backbone,
        "--max-steps", 2, "--distill-epochs", 1, "--device", "cpu", "--patterns", 0, "-o", output,
    )  # fmt: skip


def test_the_page_of_a_run_is_in_its_folder(
    ensemble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = pet("report", ensemble)
    page = Path(ensemble) / "report.html"
    assert result.err == f"The page is {page}; open it in a browser.\n"
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert list(tmp_path.iterdir()) == []


def test_explain_says_what_calibrated_means(ensemble: str) -> None:
    result = pet("explain", ensemble, "--text", "the food was good")
    assert "    calibrated: negative " in result.out
    assert result.err.startswith("Behind 'calibrated' stands what is added to each label's score")
