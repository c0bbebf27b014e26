"""Texts that are odd but fine, and rows that are passed over and told."""

from __future__ import annotations

import json

import numpy as np
from toy import Files, labelled_rows, train, write_jsonl
from toy import pet as command


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
    assert json.loads(predicted.out.splitlines()[-1])["text"] == long


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
