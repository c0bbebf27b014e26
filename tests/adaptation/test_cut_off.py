"""Adaptations that were cut off go on as if they had not been."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from adapting import QUICK, TEXTS, run, same, start, weights
from killing import Killed
from toy import pet

from pet.adaptation import Source, adapt
from pet.backbone import MaskedLM
from pet.config import LMConfig
from pet.errors import RunError
from pet.progress import Event


def check_killed_run(how: dict[str, Any], stop: int, encoder: str, tmp_path: Path) -> None:
    """A run killed after so many steps ends with the weights of one that was not."""
    run(encoder, tmp_path / "whole", **how)
    texts = Source("texts", lambda: iter(TEXTS))
    config = LMConfig(**{**QUICK, **how})

    def kill(event: Event) -> None:
        if (event.stage, event.moment, event.step) == ("masked LM", "step", stop):
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


@pytest.mark.parametrize(
    "how", [{}, {"accumulation": 2, "dropout": True}, {"freeze_words": True, "whole_word": True}]
)
@pytest.mark.parametrize("stop", [1, 3, 6])
def test_a_killed_run_ends_with_the_same_weights(
    how: dict[str, Any], stop: int, encoder: str, tmp_path: Path
) -> None:
    check_killed_run(how, stop, encoder, tmp_path)


def test_a_training_is_told_with_its_held_out_figures_and_may_be_stopped(
    tiny_bert: str, tmp_path: Path
) -> None:
    told: list[Event] = []

    def stop(event: Event) -> bool:
        told.append(event)
        return (event.stage, event.moment, event.step) == ("masked LM", "step", 5)

    config = LMConfig(**{**QUICK, "checkpoint_every": 2})
    texts = [Source("texts", lambda: iter(TEXTS))]
    result = adapt(start(tiny_bert), texts, config, 0, tmp_path / "m", progress=stop)
    assert result.steps == 5
    assert result.before is not None
    assert result.after is not None
    lines = [(event.stage, event.moment, event.step) for event in told]
    training = [(moment, step) for stage, moment, step in lines if stage == "masked LM"]
    assert training == [
        ("evaluation", 0), ("start", 0), ("step", 1), ("step", 2), ("evaluation", 2), ("step", 3),
        ("step", 4), ("evaluation", 4), ("step", 5), ("evaluation", 5), ("end", 5),
        ("evaluation", 5),
    ]  # fmt: skip
    assert [stage for stage, moment, _ in lines if moment == "start"] == [
        "held-out text", "masked LM", "held-out text",
    ]  # fmt: skip
    figures = [event.figures for event in told if event.moment == "evaluation"]
    assert figures[0] == {"loss": result.before.loss, "accuracy": result.before.accuracy}
    assert figures[-1] == {"loss": result.after.loss, "accuracy": result.after.accuracy}
    assert adapt(start(tiny_bert), texts, config, 0, tmp_path / "m") == result


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

    def kill(event: Event) -> None:
        if (event.stage, event.moment, event.step) == ("masked LM", "step", 5):
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
        "import torch; torch.cpu.get_capabilities = dict  # fp32, as in this process\n"
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
    check_killed_run({"lora": 2}, 3, encoder, tmp_path)


def test_after_a_damaged_checkpoint_the_training_starts_again(
    tiny_bert: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with mock.patch("pet.adaptation.adapt.optimise", side_effect=Killed), pytest.raises(Killed):
        run(tiny_bert, tmp_path / "m")
    (tmp_path / "m" / "checkpoint.safetensors").write_bytes(b"x" * 20)
    run(tiny_bert, tmp_path / "m")
    assert re.search("checkpoint.safetensors: damaged: .* It is removed", caplog.text)
    run(tiny_bert, tmp_path / "other")
    assert same(weights(tmp_path / "m"), weights(tmp_path / "other"))


def test_how_often_checkpoints_are_written_decides_nothing(tiny_bert: str, tmp_path: Path) -> None:
    first = run(tiny_bert, tmp_path / "m", max_steps=2, checkpoint_every=1)
    assert run(tiny_bert, tmp_path / "m", max_steps=2, checkpoint_every=None) == first
