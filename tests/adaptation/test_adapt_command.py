"""The command `pet adapt`, and what it refuses."""

from __future__ import annotations

import shutil
from pathlib import Path
from unittest import mock

import pytest
from adapting import TEXTS
from other_families import CAUSAL, save_other
from toy import GOOD, NEW, Files, pet, train
from transformers import AutoConfig

from pet import PVP, Verbalizer
from pet.backbone import MaskedLM
from pet.config import default_learning_rate
from pet.encoding import Chunk
from pet.scoring import PVPScorer


def test_the_command_end_to_end(files: Files, tiny_bert: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n".join(NEW), "utf-8")
    (tmp_path / "b.txt").write_text("\n".join(GOOD), "utf-8")
    call = [
        "adapt", tiny_bert, "--text", tmp_path / "a.txt", tmp_path / "b.txt",
        "--text", files.unlabeled, "--max-steps", 2, "--device", "cpu", "-o", tmp_path / "m",
    ]  # fmt: skip
    result = pet(*call)
    assert result.code == 0, result.err
    assert [line.split()[0] for line in result.out.splitlines()] == [
        "held-out", "-" * len(result.out.splitlines()[1]), "before", "after",
    ]  # fmt: skip
    assert "2 steps in " in result.err
    card = (tmp_path / "m" / "README.md").read_text("utf-8")
    rate = 4 * default_learning_rate(AutoConfig.from_pretrained(tiny_bert).hidden_size)
    for part in ("a.txt | 27 |", "b.txt | 5 |", "unlabeled.jsonl", "--max-steps 2", "Seed 13",
                 "| perplexity |", "## Limits", "on 8,192 tokens", "seconds on cpu in ",
                 f"- learning_rate: {rate}"):  # fmt: skip
        assert part in card
    assert "masked-LM head" not in card
    assert pet(*call).out == result.out
    different = pet(*call, "--mask-rate", 0.3)
    assert different.code == 1
    assert "holds an adaptation that was asked for something else" in different.err
    assert "config.mask_rate: 0.15 there, 0.3 now" in different.err
    assert pet(*call, "--mask-rate", 0.3, "--force").code == 0
    trained = train(files, str(tmp_path / "m"), tmp_path / "run")
    assert trained.code == 0, trained.err


def test_marked_words_are_learned_and_no_mark_is_text(tiny_bert: str, tmp_path: Path) -> None:
    words = {"warm": "good", "fast": "good", "cold": "bad", "slow": "bad"}
    lines = [f"{word} {{mask:{answer}}}" for word, answer in words.items()]
    (tmp_path / "cloze.txt").write_text("\n".join(lines * 9), "utf-8")
    # Of the words that are not marked one in a hundred is to be predicted.
    call = ["adapt", tiny_bert, "--text", tmp_path / "cloze.txt", "--device", "cpu",
            "--mask-rate", 0.01, "--mask-share", 1, "--random-share", 0, "--batch-size", 16,
            "--max-steps", 80, "--learning-rate", 0.01, "--length", 8, "--held-out", 0]  # fmt: skip
    result = pet(*call, "--cloze", "-o", tmp_path / "cloze")
    assert result.code == 0, result.err
    pvp = PVP("{text} {mask}", Verbalizer({"bad": ["bad"], "good": ["good"]}))
    model = MaskedLM.load(str(tmp_path / "cloze"), "cpu", "fp32")
    chunk = Chunk(model.tokenizer, [{"text": word} for word in words])
    scores = PVPScorer(pvp, ("bad", "good"), model, 16).score(chunk)[0]
    assert scores.argmax(axis=1).tolist() == [1, 1, 0, 0]
    assert "- cloze: True" in (tmp_path / "cloze" / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.txt", None, "missing.txt: cannot be read: No such file"),
        ("empty.txt", b"\n\n", "empty.txt: there is no text in it"),
        ("latin.txt", b"good\ncaf\xe9\n", "latin.txt, line 2: byte 4 is not UTF-8"),
        ("a.csv", b"review\ngood\n", "no column 'text'; found 'review'"),
        ("a.jsonl", b"{]\n", "a.jsonl, row 1: not JSON"),
        ("a.txt.gz", b"good\n", "a.txt.gz: "),
        ("a.doc", b"good\n", "expected a file that ends in .jsonl, .csv, .tsv, .json, .txt"),
        ("one.txt", b"good\n", "one document only"),
    ],
)
def test_bad_text_is_one_message(
    name: str, content: bytes | None, message: str, tiny_bert: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    result = pet("adapt", tiny_bert, "--text", tmp_path / name, "-o", tmp_path / "m")
    assert result.code == 1
    assert message in result.err
    assert result.err.count("Error: ") == 1
    assert "Traceback" not in result.err
    assert not (tmp_path / "m").exists()


def test_a_folder_that_cannot_be_written_and_a_full_disk_are_one_message(
    tiny_bert: str, tmp_path: Path
) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS), "utf-8")
    call = ["adapt", tiny_bert, "--text", tmp_path / "texts.txt", "--max-steps", 1, "-o"]
    (tmp_path / "file").write_text("")
    result = pet(*call, tmp_path / "file" / "m")
    assert result.code == 1
    assert "cannot be written" in result.err
    full = OSError(28, "No space left on device")
    with mock.patch("pet.training.checkpoints.save_file", side_effect=full):
        result = pet(*call, tmp_path / "m", "--device", "cpu", "--checkpoint-every", 1)
    assert result.code == 1
    assert "checkpoint.safetensors: cannot be written: No space left" in result.err


def test_an_interruption_is_one_message(tiny_bert: str, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS), "utf-8")
    with mock.patch("pet.adaptation.steps.masked_lm_loss", side_effect=KeyboardInterrupt):
        result = pet("adapt", tiny_bert, "--text", tmp_path / "texts.txt", "-o", tmp_path / "m")
    assert result.code == 130
    assert result.err.startswith("\nInterrupted.") or result.err.startswith("Interrupted.")


def test_a_causal_model_and_an_endless_seed_are_refused_in_one_message(
    tiny_bert: str, tmp_path: Path
) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS), "utf-8")
    gpt2 = save_other(CAUSAL["gpt2"], tmp_path / "gpt2")
    call = ["--text", tmp_path / "texts.txt", "-o", tmp_path / "m"]
    result = pet("adapt", gpt2, *call)
    assert result.code == 1
    assert "expected a masked language model, found GPT2" in result.err
    result = pet("adapt", tiny_bert, *call, "--seed", 10**23)
    assert result.code == 2
    assert "--seed" in result.err


def test_a_model_is_never_adapted_in_its_own_folder(tiny_bert: str, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS), "utf-8")
    shutil.copytree(tiny_bert, tmp_path / "own")
    result = pet("adapt", tmp_path / "own", "--text", tmp_path / "texts.txt", "--force",
                 "-o", tmp_path / "own")  # fmt: skip
    assert result.code == 2
    assert "it would be lost" in result.err
    MaskedLM.load(str(tmp_path / "own"), "cpu", "fp32")


def test_a_text_file_in_the_place_of_the_backbone_is_named(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text("\n".join(TEXTS), "utf-8")
    result = pet("adapt", "--text", tmp_path / "a.txt", tmp_path / "b.txt", "-o", tmp_path / "m")
    assert result.code == 2
    assert f"{str(tmp_path / 'b.txt')!r} is a file" in result.err
    assert "pet adapt BACKBONE --text" in result.err
