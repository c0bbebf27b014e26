"""A training whose memory is short: the same numbers in parts, or one message."""

from __future__ import annotations

import math
import weakref
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mishaps import refused
from optimising import optimise_one
from short_memory import CPU, GPU, forget_beyond
from torch import nn
from toy import NEW, Files, labelled_rows, pet, rows_of, toy_task, train
from transformers import BertModel

from pet import Example, Settings
from pet.backbone.direct.bert import BertBody
from pet.data import Data, Pool
from pet.device import Compute
from pet.pipeline import asked, run
from pet.runs import RunFolder
from pet.training import Group, Schedule

DATA = Data(
    [Example({"text": row["text"]}, row["label"]) for row in labelled_rows()],
    pool=Pool(lambda: (Example({"text": text}) for text in NEW)),
)


def trained(backbone: str, folder: Path, **settings: Any) -> Any:
    """Scores of new texts by the model of a run, and its members' losses."""
    wanted = Settings.from_flat(
        {"backbone": backbone, "device": "cpu", "precision": "fp32", "patterns": "0", **settings}
    )
    task = toy_task()
    run_folder = RunFolder.start(folder, asked(task, wanted, DATA))
    model = run(task, wanted, DATA, run_folder)
    losses = [event["loss"] for event in run_folder.logged() if "loss" in event]
    return model.scores([{"text": text} for text in NEW]), losses


@pytest.mark.parametrize(
    "settings",
    [
        {"max_steps": 3, "distill_max_steps": 3, "distill_batch_size": 8},
        {"max_steps": 3, "method": "fine-tune", "class_weight": "balanced"},
        {"max_steps": 2, "method": "single", "accumulation": 2, "lm_weight": 0.3},
        {"max_steps": 2, "method": "single", "objective": "adapet"},
    ],
    ids=["pet", "fine-tune", "masked-lm", "adapet"],
)
def test_a_run_whose_memory_is_short_ends_with_the_same_numbers(
    settings: dict[str, Any], lively_bert: str, tmp_path: Path
) -> None:
    expected, losses = trained(lively_bert, tmp_path / "whole", **settings)
    with pytest.MonkeyPatch.context() as patch:
        read = forget_beyond(patch, BertModel, 3)
        found, own_losses = trained(lively_bert, tmp_path / "short", **settings)
    assert max(read) <= 3
    assert losses
    np.testing.assert_allclose(own_losses, losses, atol=1e-6, rtol=1e-6)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_gradients_that_were_begun_are_begun_again() -> None:
    weight, bias = nn.Parameter(torch.tensor([1.0, -2.0])), nn.Parameter(torch.tensor(0.5))
    compute = Compute(torch.device("cpu"), "fp32")
    compute.parts.of(4)
    calls = 0

    def stop(gradient: torch.Tensor) -> None:
        nonlocal calls
        calls += 1
        if calls in (1, 3):  # once in the first batch of a step, and once in the second
            raise GPU

    def loss() -> torch.Tensor:
        product = (weight * torch.tensor([3.0, 1.0])).sum()
        product.register_hook(stop)  # the bias may have its gradient by then
        return (product + bias * 2) ** 2

    schedule = Schedule(1, 0.1, accumulation=2, clip_norm=math.inf)
    kept: list[Any] = []
    weight.register_post_accumulate_grad_hook(lambda p: kept.append(p.grad.clone()))  # type: ignore[union-attr]
    fit = optimise_one([Group([weight, bias])], repeat(loss), schedule, compute)
    assert compute.parts.number == 4
    assert fit.loss == pytest.approx((3.0 - 2.0 + 1.0) ** 2)
    torch.testing.assert_close(kept[-1], 2 * 2.0 * torch.tensor([3.0, 1.0]))


def test_the_graph_of_a_step_is_gone_before_the_step_is_done_again() -> None:
    weight = nn.Parameter(torch.tensor([1.0, -2.0]))
    compute = Compute(torch.device("cpu"), "fp32")
    compute.parts.of(2)
    graphs: list[weakref.ref[Any]] = []

    class Hook:
        """Runs out of memory in the first backward pass; only the graph holds it."""

        def __call__(self, _: torch.Tensor) -> None:
            if len(graphs) == 1:
                raise torch.OutOfMemoryError("CUDA out of memory.")

    def loss() -> torch.Tensor:
        assert all(graph() is None for graph in graphs)
        product = weight * 2
        hook = Hook()
        product.register_hook(hook)
        graphs.append(weakref.ref(hook))
        return (product**2).sum()

    optimise_one([Group([weight])], repeat(loss), Schedule(1, 0.1), compute)
    assert compute.parts.number == len(graphs) == 2


@pytest.mark.parametrize("error", [GPU, CPU], ids=["GPU", "CPU"])
def test_memory_that_never_suffices_is_told_with_what_to_lower(
    error: Exception, files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    reason = f"memory ran out: {str(error)[:20]}"
    with pytest.MonkeyPatch.context() as patch:
        forget_beyond(patch, BertModel, 0, error)
        result = train(files, tiny_bert, tmp_path / "load", "--method", "single")
        refused(result, f"Backbone '{tiny_bert}' cannot be loaded: {reason}", "--device cpu")
    with pytest.MonkeyPatch.context() as patch:
        forget_beyond(patch, BertModel, 0, error, training=True)
        result = train(files, tiny_bert, tmp_path / "train", "--method", "single")
        refused(result, "read in 8 parts", reason, "--batch-size", "--max-length", "--scope lora")


def test_memory_that_runs_out_anywhere_else_is_one_message_too(
    files: Files, tiny_bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_much(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr("pet.data.run_data.fingerprint", too_much)
    refused(train(files, tiny_bert, tmp_path / "run"), "memory ran out: MemoryError", "Lower")


def test_scoring_is_done_in_parts_as_well(
    files: Files, tiny_bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train(files, tiny_bert, tmp_path / "run", "--unlabeled", files.unlabeled).code == 0
    predict = ("predict", tmp_path / "run", "--input", files.unlabeled, "--device", "cpu")
    whole = pet(*predict)
    read = forget_beyond(monkeypatch, BertBody, 4)
    short = pet(*predict)
    assert short.code == 0, short.err
    assert max(read) <= 4
    assert [row["label"] for row in rows_of(short.out)] == [
        row["label"] for row in rows_of(whole.out)
    ]
