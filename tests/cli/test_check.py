"""`pet check`: what it counts and what it warns of."""

from __future__ import annotations

from pathlib import Path

from other_families import CAUSAL, save_other
from toy import Files, pet


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
    result = pet(*call, "--max-length", 24, "--soft-slots", 18)
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
