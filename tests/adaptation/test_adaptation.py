"""pet adapt: the loss, learning, exact resume, heads for plain encoders, what is written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from families import FAMILIES, save_family
from other_families import CAUSAL, save_other
from tiny import bert_tokenizer
from torch.nn import functional
from toy import GOOD, NEW, Files, pet, train
from transformers import AutoConfig, AutoModelForMaskedLM, AutoTokenizer

from pet import PVP, PETClassifier, Verbalizer
from pet.adaptation import Adaptation, Source, adapt
from pet.adaptation.heldout import HeldOut, masked_lm_loss
from pet.adaptation.packing import Packer
from pet.backbone import MaskedLM
from pet.config import BackboneConfig, LMConfig, default_learning_rate
from pet.encoding import Batch, Chunk
from pet.encoding.masking import Masking
from pet.errors import BackboneError, RunError, UsageError
from pet.scoring import PVPScorer, score

TEXTS = [f"{text} , {other}" for text in NEW for other in GOOD]
QUICK: dict[str, Any] = {
    "max_steps": 7, "batch_size": 4, "length": 16, "shuffle_buffer": 8, "held_out": 10,
    "checkpoint_every": 2, "learning_rate": 1e-3,
}  # fmt: skip


def start(folder: str) -> BackboneConfig:
    return BackboneConfig(folder, "cpu", "fp32")


def run(
    backbone: str, output: Path, texts: Sequence[str] = TEXTS, seed: int = 0, **how: Any
) -> Adaptation:
    source = Source("texts", lambda: iter(texts))
    return adapt(start(backbone), [source], LMConfig(**{**QUICK, **how}), seed, output)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(AutoModelForMaskedLM.from_pretrained(folder).state_dict())


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def backbone(tiny_bert: str) -> MaskedLM:
    return MaskedLM.load(tiny_bert, "cpu", "fp32")


@pytest.fixture(scope="module")
def encoder(tiny_bert: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tiny BERT without its head."""
    folder = tmp_path_factory.mktemp("encoder")
    AutoModelForMaskedLM.from_pretrained(tiny_bert).base_model.save_pretrained(folder)
    bert_tokenizer().save_pretrained(folder)
    return str(folder)


# The loss


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "albert", "modernbert"])
def test_the_loss_equals_that_of_all_logits(family: str, tmp_path: Path) -> None:
    save_family(FAMILIES[family], tmp_path)
    model = MaskedLM.load(str(tmp_path), "cpu", "fp32")
    packed = Packer(model.tokenizer, 12).sample(iter(TEXTS), 5, 0)
    ids = packed.flat.reshape(5, 12)
    rows = np.stack([ids, np.ones_like(ids)], axis=1).astype(np.int32)
    masking = Masking.of(model.tokenizer, 0.3, 0.8, 0.1)
    seen, chosen = masking(rows, np.random.default_rng(0))
    with torch.no_grad():
        logits = model.model(input_ids=torch.from_numpy(seen)).logits
        labels = torch.from_numpy(np.where(chosen, ids, -100))
        expected = functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
        found = masked_lm_loss(model, ids, seen, chosen)
    torch.testing.assert_close(found, expected)


def test_held_out_figures_equal_a_naive_count(backbone: MaskedLM) -> None:
    texts = ["the film was good , very good", "a", "cold food in a warm room"] * 4
    rows = Packer(backbone.tokenizer, 10).sample(iter(texts), 100, 0)
    held_out = HeldOut(backbone, rows)
    found = held_out.measure(backbone)
    assert found is not None
    losses, right, share = [], 0, 0
    for number, (begin, end) in enumerate(zip(rows.starts, rows.starts[1:], strict=False)):
        seen = held_out.rows.ids.flat[begin:end]
        truth = rows.flat[begin:end]
        assert set(seen[seen != truth]) <= {backbone.tokenizer.mask_id}
        share += int((~np.isin(truth, backbone.tokenizer.special_ids)).sum())
        with torch.no_grad():
            logits = backbone.model(input_ids=torch.from_numpy(seen)[None]).logits[0]
        for at in (seen != truth).nonzero()[0]:
            losses.append(float(functional.cross_entropy(logits[at], torch.tensor(truth[at]))))
            right += int(logits[at].argmax()) == truth[at]
        assert number < 100
    assert found.tokens == len(losses)
    assert found.loss == pytest.approx(np.mean(losses), rel=1e-4)
    assert found.accuracy == pytest.approx(right / len(losses))
    assert found.perplexity == pytest.approx(np.exp(found.loss))
    assert held_out.measure(backbone) == found
    assert 0.05 < found.tokens / share < 0.4


# Training


def test_held_out_perplexity_falls_and_the_model_loads(tiny_bert: str, tmp_path: Path) -> None:
    result = run(tiny_bert, tmp_path / "m", max_steps=60, learning_rate=5e-3, batch_size=16)
    assert result.before is not None
    assert result.after is not None
    assert result.before.perplexity > 100  # of 100 and some words
    assert result.after.perplexity < 0.4 * result.before.perplexity
    assert result.after.accuracy > result.before.accuracy
    MaskedLM.load(str(tmp_path / "m"), "cpu", "fp32")
    assert not same(weights(tmp_path / "m"), weights(Path(tiny_bert)))
    names = {file.name for file in (tmp_path / "m").iterdir()}
    assert names == {
        "README.md", "adaptation.json", "config.json", "log.jsonl", "metrics.json",
        "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    assert run(tiny_bert, tmp_path / "m", max_steps=60, learning_rate=5e-3, batch_size=16) == result


class Killed(BaseException):
    """Stands for a signal that cannot be handled."""


@pytest.mark.parametrize(
    "how", [{}, {"accumulation": 2, "dropout": True}, {"freeze_words": True, "whole_word": True}]
)
@pytest.mark.parametrize("stop", [1, 3, 6])
def test_a_killed_run_ends_with_the_same_weights(
    how: dict[str, Any], stop: int, encoder: str, tmp_path: Path
) -> None:
    run(encoder, tmp_path / "whole", **how)
    texts = Source("texts", lambda: iter(TEXTS))
    config = LMConfig(**{**QUICK, **how})

    def kill(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("masked LM", stop):
            raise Killed

    with pytest.raises(Killed):
        adapt(start(encoder), [texts], config, 0, tmp_path / "cut", progress=kill)
    assert (tmp_path / "cut" / "checkpoint.safetensors").exists() == (stop > 2)
    result = adapt(start(encoder), [texts], config, 0, tmp_path / "cut")
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "cut"))
    assert result.steps == 7
    whole, cut = (json.loads((tmp_path / n / "metrics.json").read_text()) for n in ("whole", "cut"))
    assert {**whole, "seconds": 0} == {**cut, "seconds": 0}
    assert not (tmp_path / "cut" / "checkpoint.safetensors").exists()


class Pull:
    """Losses that draw the biases of some words up, of others at every step."""

    def __init__(self, weight: float) -> None:
        self.asked = {"weight": weight}

    def __call__(self, backbone: MaskedLM, done: int) -> Iterator[Callable[[], torch.Tensor]]:
        bias = dict(backbone.model.named_parameters())["cls.predictions.bias"]
        for number in count(done):
            yield partial(lambda own: -self.asked["weight"] * own.sum(), bias[number % 3 :: 3])


def test_what_is_learned_beside_the_text_goes_on_too(tiny_bert: str, tmp_path: Path) -> None:
    texts = [Source("texts", lambda: iter(TEXTS))]
    config = LMConfig(**{**QUICK, "weight_decay": 0.0})

    def kill(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("masked LM", 5):
            raise Killed

    pull = Pull(1.0)
    adapt(start(tiny_bert), texts, config, 0, tmp_path / "plain")
    adapt(start(tiny_bert), texts, config, 0, tmp_path / "whole", beside=pull)
    with pytest.raises(Killed):
        adapt(start(tiny_bert), texts, config, 0, tmp_path / "cut", progress=kill, beside=pull)
    adapt(start(tiny_bert), texts, config, 0, tmp_path / "cut", beside=pull)
    plain, whole, cut = (weights(tmp_path / name) for name in ("plain", "whole", "cut"))
    assert same(whole, cut)
    name = "cls.predictions.bias"
    assert (whole[name] > plain[name]).float().mean() > 0.9
    with pytest.raises(RunError, match=r"beside\.weight"):
        adapt(start(tiny_bert), texts, config, 0, tmp_path / "whole", beside=Pull(2.0))


def test_dropout_is_at_work_beside_the_text_too(tiny_bert: str, tmp_path: Path) -> None:
    seen: list[bool] = []

    class Watch(Pull):
        def __call__(self, backbone: MaskedLM, done: int) -> Iterator[Callable[[], torch.Tensor]]:
            for loss in super().__call__(backbone, done):
                yield lambda loss=loss: (seen.append(backbone.model.training), loss())[1]  # type: ignore[misc]

    for wanted in (False, True):
        seen.clear()
        config = LMConfig(**{**QUICK, "dropout": wanted})
        texts = [Source("texts", lambda: iter(TEXTS))]
        adapt(start(tiny_bert), texts, config, 0, tmp_path / str(wanted), beside=Watch(1.0))
        assert set(seen) == {wanted}


def test_a_process_that_is_killed_goes_on(tiny_bert: str, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS), "utf-8")
    script = (
        "import os; from pet.training.checkpoints import Checkpoint; from pet.cli import main\n"
        "write = Checkpoint.write\n"
        "def killed(*how, **more): write(*how, **more); os.kill(os.getpid(), 9)\n"
        "if os.environ.get('DIE'): Checkpoint.write = killed\n"
        "main()"
    )
    options = ["--max-steps", "4", "--checkpoint-every", "2", "--device", "cpu", "--length", "16"]
    call = ["adapt", tiny_bert, "--text", str(tmp_path / "texts.txt"), *options, "-o"]

    def process(output: str, **environment: str) -> int:
        command = [sys.executable, "-c", script, *call, str(tmp_path / output)]
        known = {**os.environ, **environment}
        return subprocess.run(command, env=known, capture_output=True).returncode

    assert process("cut", DIE="1") == -9
    assert pet(*call, tmp_path / "cut").code == 0
    assert pet(*call, tmp_path / "whole").code == 0
    assert same(weights(tmp_path / "cut"), weights(tmp_path / "whole"))


def test_the_clock_ends_training(tiny_bert: str, tmp_path: Path) -> None:
    result = run(tiny_bert, tmp_path / "m", max_steps=None, minutes=0.01)
    assert 0 < result.steps < 10_000
    assert result.seconds >= 0.6


def test_frozen_words_stay(tiny_bert: str, tmp_path: Path) -> None:
    run(tiny_bert, tmp_path / "m", freeze_words=True)
    name = "bert.embeddings.word_embeddings.weight"
    old, new = weights(Path(tiny_bert)), weights(tmp_path / "m")
    assert torch.equal(old[name], new[name])
    changed = [name for name in old if not torch.equal(old[name], new[name])]
    assert len(changed) > 20


def test_weights_can_be_saved_in_half_precision(tiny_bert: str, tmp_path: Path) -> None:
    result = run(tiny_bert, tmp_path / "half", save_precision="fp16")
    run(tiny_bert, tmp_path / "full")
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("half", "full")]
    assert sizes[0] < 0.6 * sizes[1]
    assert json.loads((tmp_path / "half" / "config.json").read_text())["dtype"] == "float16"
    again = run(str(tmp_path / "half"), tmp_path / "again", learning_rate=1e-9)
    assert again.before == result.after  # what was measured is what was saved


# Plain encoders


def test_an_encoder_gets_a_head_that_starts_at_the_unigram(encoder: str, tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match=r"no trained masked-LM head(?s:.*)pet adapt"):
        MaskedLM.load(encoder, "cpu", "fp32")
    model = MaskedLM.load(encoder, "cpu", "fp32", new_head=True)
    frequencies = torch.randn(model.model.config.vocab_size)
    model.start_head(frequencies)
    head = model.model.cls.predictions
    assert torch.equal(head.decoder.bias, frequencies)
    assert torch.equal(head.transform.dense.weight, torch.eye(32))
    assert head.decoder.weight is model.model.get_input_embeddings().weight
    batch = Batch(torch.tensor([[2, 6, 4, 3]]), None, None, torch.tensor([[2]]))
    states = model.encoder_states(batch, torch.tensor([0]), torch.tensor([2]))
    expected = functional.layer_norm(functional.gelu(states), (32,), eps=1e-12)
    torch.testing.assert_close(model.head_states(states), expected)
    result = run(encoder, tmp_path / "m")
    assert result.before is not None
    assert result.before.perplexity < 60  # a random head: above 100
    MaskedLM.load(str(tmp_path / "m"), "cpu", "fp32")


def test_a_checkpoint_that_lacks_encoder_weights_is_refused(encoder: str, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    for file in Path(encoder).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["encoder.layer.1.output.dense.weight"]
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(BackboneError, match="lacks"):
        MaskedLM.load(str(tmp_path), "cpu", "fp32", new_head=True)


# LoRA


def test_lora_without_its_package_names_the_pip_line(tiny_bert: str, tmp_path: Path) -> None:
    with (
        mock.patch.dict(sys.modules, {"peft": None}),
        pytest.raises(BackboneError, match=r"'peft'(?s:.*)pip install 'pet-fewshot\[lora\]'"),
    ):
        run(tiny_bert, tmp_path / "m", lora=2)


@pytest.mark.filterwarnings("ignore")
def test_lora_changes_the_encoder_only_and_is_merged(
    tiny_bert: str, encoder: str, tmp_path: Path
) -> None:
    pytest.importorskip("peft")
    run(tiny_bert, tmp_path / "m", lora=2, learning_rate=0.01)
    old, new = weights(Path(tiny_bert)), weights(tmp_path / "m")
    assert old.keys() == new.keys()
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert changed == {name for name in old if "encoder.layer" in name and old[name].ndim == 2}
    test_a_killed_run_ends_with_the_same_weights({"lora": 2}, 3, encoder, tmp_path)


# The command


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
    scores = score(PVPScorer(pvp, ("bad", "good"), model, 16), chunk)[0]
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
        ("a.doc", b"good\n", "expected a file that ends in .txt, .jsonl, .csv, .tsv"),
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
    assert result.code == 1
    assert result.err.startswith("\nInterrupted.") or result.err.startswith("Interrupted.")


def test_a_damaged_checkpoint_is_named(tiny_bert: str, tmp_path: Path) -> None:
    with mock.patch("pet.adaptation.adapt.optimise", side_effect=Killed), pytest.raises(Killed):
        run(tiny_bert, tmp_path / "m")
    (tmp_path / "m" / "checkpoint.safetensors").write_bytes(b"x" * 20)
    with pytest.raises(RunError, match=r"checkpoint.safetensors: this checkpoint is damaged"):
        run(tiny_bert, tmp_path / "m")


@pytest.mark.parametrize("how", [{"mask_rate": 1.0}, {"mask_share": 0.8, "random_share": 0.3}])
def test_impossible_shares_are_refused(how: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="share|and below 1"):
        LMConfig(**how)  # type: ignore[arg-type]


# As the first step of a run


def test_a_run_can_start_by_adapting(files: Files, encoder: str, tmp_path: Path) -> None:
    more = ["--unlabeled", files.unlabeled, "--adapt", "--adapt-steps", 3, "--test", files.test]
    result = train(files, encoder, tmp_path / "run", *more)
    assert result.code == 0, result.err
    assert "The backbone was adapted in 1 step: loss on held-out text" in result.err
    adapted = tmp_path / "run" / "backbone"
    MaskedLM.load(str(adapted), "cpu", "fp32")
    before = (adapted / "model.safetensors").stat().st_mtime_ns
    for part in ("classifier", "members"):
        (tmp_path / "run" / part).rename(tmp_path / part)
    assert train(files, encoder, tmp_path / "run", *more).code == 0
    assert (adapted / "model.safetensors").stat().st_mtime_ns == before
    assert pet("explain", tmp_path / "run", "--text", "good food").code == 0
    plain = train(files, encoder, tmp_path / "plain", "--unlabeled", files.unlabeled)
    assert "no trained masked-LM head" in plain.err
    alone = train(files, encoder, tmp_path / "alone", "--adapt")
    assert alone.code == 1
    assert "Give --unlabeled FILE" in alone.err


def test_a_study_can_adapt_in_every_cell(files: Files, tiny_bert: str, tmp_path: Path) -> None:
    result = pet(
        "fewshot", "--task", files.task, "--train", files.train, "--test", files.test,
        "--methods", "zero-shot,fine-tune", "--shots", 1, "--seeds", 13, "--backbone", tiny_bert,
        "--max-steps", 2, "--adapt", "--adapt-steps", 2, "-o", tmp_path / "study",
    )  # fmt: skip
    assert result.code == 0, result.err
    settings = json.loads((tmp_path / "study" / "run.json").read_text("utf-8"))["asked"]
    assert settings["settings"]["adaptation"] == {"adapt": True, "adapt_steps": 2}


def test_the_classifier_adapts_too(tiny_bert: str, files: Files) -> None:
    model = PETClassifier(
        files.task, backbone=tiny_bert, device="cpu", method="zero-shot", adapt=True, adapt_steps=2
    )
    model.fit(NEW, unlabeled=NEW)
    assert len(model.predict(GOOD)) == len(GOOD)
    assert model.adaptation_ is not None
    assert model.adaptation_.steps == 1  # so short a text is read no more often
    assert model.set_params(adapt=False).fit(NEW).adaptation_ is None


@pytest.mark.parametrize("family", ["electra", "albert", "roberta"])
def test_a_new_head_is_the_same_again(family: str, tmp_path: Path) -> None:
    whole = save_family(FAMILIES[family], tmp_path / "whole")
    model = AutoModelForMaskedLM.from_pretrained(whole)
    model.base_model.save_pretrained(tmp_path / "encoder")
    AutoTokenizer.from_pretrained(whole).save_pretrained(tmp_path / "encoder")
    first, second = (
        run(str(tmp_path / "encoder"), tmp_path / name, max_steps=1, length=16)
        for name in ("one", "two")
    )
    assert first.before == second.before
    assert first.after == second.after


def test_rows_are_no_longer_than_the_model_reads(
    tiny_bert: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(tiny_bert, tmp_path / "m", max_steps=1, length=100_000)
    assert "reads at most" in caplog.text
    limit = AutoConfig.from_pretrained(tiny_bert).max_position_embeddings
    assert f"- length: {limit}" in (tmp_path / "m" / "README.md").read_text("utf-8")


def test_how_often_checkpoints_are_written_decides_nothing(tiny_bert: str, tmp_path: Path) -> None:
    first = run(tiny_bert, tmp_path / "m", max_steps=2, checkpoint_every=1)
    assert run(tiny_bert, tmp_path / "m", max_steps=2, checkpoint_every=None) == first


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


def test_a_short_text_is_read_so_often_at_most(tiny_bert: str, tmp_path: Path) -> None:
    model = MaskedLM.load(tiny_bert, "cpu", "fp32")
    tokens = Packer(model.tokenizer, 16).tokens(TEXTS).shape[1]
    steps = run(tiny_bert, tmp_path / "m", max_steps=500, passes=3, held_out=0).steps
    assert steps == -(-3 * tokens // (4 * 14))  # four rows of 16 less [CLS] and [SEP]
    assert run(tiny_bert, tmp_path / "n", max_steps=2, passes=3).steps == 2


def test_text_that_is_predicted_no_better_is_told(
    tiny_bert: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(tiny_bert, tmp_path / "m", max_steps=1, learning_rate=3.0)
    assert "predicted no better than before" in caplog.text


def test_a_few_unlabelled_texts_are_enough_to_adapt(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    one = tmp_path / "one.jsonl"
    one.write_text(json.dumps({"text": "the only text"}) + "\n", "utf-8")
    result = train(files, tiny_bert, tmp_path / "run", "--adapt", "--adapt-steps", 3,
                   "--unlabeled", one)  # fmt: skip
    assert result.code == 0, result.err


def test_a_text_file_in_the_place_of_the_backbone_is_named(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text("\n".join(TEXTS), "utf-8")
    result = pet("adapt", "--text", tmp_path / "a.txt", tmp_path / "b.txt", "-o", tmp_path / "m")
    assert result.code == 2
    assert f"{str(tmp_path / 'b.txt')!r} is a file" in result.err
    assert "pet adapt BACKBONE --text" in result.err
