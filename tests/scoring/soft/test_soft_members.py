"""Members with learned slots: what is trained, what is kept, and what it scores."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from softened import HARD, LABELS, SOFT, WORDS, scores
from tiny import TEXTS

from pet import PVP, Example, Task
from pet.backbone import MaskedLM
from pet.config import TrainingConfig
from pet.data import Data, Pool
from pet.members import MemberSet, PatternSpec, cost, train_member
from pet.members.work import Work
from pet.scoring.base import LEARNED
from pet.scoring.soft import KINDS
from pet.scoring.soft.template import SoftSpec

EXAMPLES = [
    Example({"a": f"the {noun} was {how} and {how}", "b": ""}, label)
    for noun in ("film", "food", "room", "train", "phone")
    for how, label in (("warm", "good"), ("cold", "bad"))
]
FAST = TrainingConfig(max_steps=6, batch_size=4, scope="prompt", offsets="none")


def spec(kind: str = "prompt-tuning", pattern: str = SOFT, **changes: Any) -> PatternSpec:
    training = replace(FAST, **changes)
    pvp = PVP(pattern, WORDS, soft=kind)
    return PatternSpec("m", 0, pvp, 1, training, 64, soft=SoftSpec(kind, "vocabulary", seed=1))


TASK = Task("toy", LABELS, ["a", "b"], [PVP(SOFT, WORDS)])


@pytest.mark.parametrize("kind", KINDS)
def test_a_prompt_learns_alone_and_is_all_that_is_kept(bert: MaskedLM, kind: str) -> None:
    before = {n: p.detach().clone() for n, p in bert.model.named_parameters()}
    own = spec(kind, max_steps=60, prompt_rate=0.05)
    result = train_member(bert, own, Work(TASK, Data(EXAMPLES)))
    assert result.accuracy_after is not None
    assert result.accuracy_after >= 0.9
    assert result.weights
    assert all(name.startswith(LEARNED) for name in result.weights)
    assert all(torch.equal(p, before[n]) for n, p in bert.model.named_parameters())
    assert result.frozen == sum(p.numel() for p in bert.model.parameters())
    kept = sum(tensor.numel() for tensor in result.weights.values())
    assert kept <= result.trained
    assert 4 * kept < 32_768  # bytes, for 5 slots


def test_warp_learns_slots_and_class_vectors_on_a_frozen_model(bert: MaskedLM) -> None:
    own = replace(
        spec(max_steps=60, prompt_rate=0.05, readout_rate=0.01),
        soft=SoftSpec("prompt-tuning", "mask"),
        readout="class-vectors",
    )
    result = train_member(bert, own, Work(TASK, Data(EXAMPLES)))
    assert result.accuracy_after is not None
    assert result.accuracy_after >= 0.9
    assert {name.removeprefix(LEARNED) for name in result.weights} == {
        "soft.vectors", "readouts.0.vectors", "readouts.0.biases"
    }  # fmt: skip


def test_saved_and_reloaded_members_score_identically(
    case: tuple[MaskedLM, str], tmp_path: Path
) -> None:
    backbone, kind = case
    own = spec(kind, max_steps=2)
    weights = dict(train_member(backbone, own, Work(TASK, Data(EXAMPLES))).weights)
    scorer_after = own.scorer(LABELS, backbone)
    scorer_after.put(weights)
    expected = scores(scorer_after)
    save_file(weights, tmp_path / "m.safetensors")
    plain = json.loads(json.dumps(own.to_dict()))
    again = PatternSpec.from_dict(TASK, "m", plain, 64)
    stored = load_file(tmp_path / "m.safetensors")
    other = MaskedLM.load(backbone.name, "cpu", "fp32")
    members = MemberSet(other, TASK, [again], {"m": stored})
    np.testing.assert_array_equal(members.scores(TEXTS)[0][0], expected)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_right_after_training_are_those_of_what_is_kept(bert: MaskedLM, kind: str) -> None:
    own = spec(kind, scope="head")
    result = train_member(bert, own, Work(TASK, Data(EXAMPLES)))
    after = own.scorer(LABELS, bert)
    after.put(result.weights)
    texts = [example.texts for example in EXAMPLES]
    own_scores = scores(after, texts)
    right = own_scores.argmax(1) == [LABELS.index(str(e.label)) for e in EXAMPLES]
    assert float(right.mean()) == result.accuracy_after
    spread = (own_scores - own_scores.mean(axis=1, keepdims=True)).std()
    assert result.spread == pytest.approx(float(spread), rel=1e-6)
    again = train_member(bert, own, Work(TASK, Data(EXAMPLES)))
    assert all(torch.equal(again.weights[name], result.weights[name]) for name in again.weights)


@pytest.mark.parametrize(
    ("scope", "of"),
    [("prompt", None), ("head", "head"), ("bias", "bias"), ("full", "full")],
)
def test_a_scope_says_what_is_trained_beside_the_slots(
    bert: MaskedLM, scope: Any, of: str | None
) -> None:
    result = train_member(bert, spec(scope=scope, max_steps=1), Work(TASK, Data(EXAMPLES)))
    names = {name for name in result.weights if not name.startswith(LEARNED)}
    assert names == (set(bert.scope_names(of)) if of else set())
    assert len(result.weights) > len(names)


def test_a_member_without_slots_cannot_train_the_prompt_alone(bert: MaskedLM) -> None:
    hard = PatternSpec("m", 0, PVP(HARD, WORDS), 1, replace(FAST, max_steps=1), 64)
    assert set(train_member(bert, hard, Work(TASK, Data(EXAMPLES))).weights) == set(
        bert.scope_names("full")
    )
    assert replace(FAST, scope="head").weights_scope(soft=False) == "head"


def test_prompt_and_backbone_have_rates_of_their_own(
    bert: MaskedLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pet.members import training

    seen = []
    plain = training.optimise

    def record(jobs: Any, schedule: Any, *rest: Any, **more: Any) -> Any:
        seen.append([schedule.learning_rate * group.rate_factor for group in jobs[0].groups])
        return plain(jobs, schedule, *rest, **more)

    monkeypatch.setattr(training, "optimise", record)
    for changes in (
        {"scope": "head", "learning_rate": 1e-3, "prompt_rate": 2e-2},
        {"scope": "head", "learning_rate": 1e-1, "prompt_rate": 2e-2},
        {"scope": "prompt", "learning_rate": 1e-3},
    ):
        train_member(bert, spec(max_steps=1, **changes), Work(TASK, Data(EXAMPLES)))
    rate = KINDS["prompt-tuning"].rate
    assert seen == [pytest.approx(rates) for rates in ([1e-3, 2e-2], [1e-1, 2e-2], [rate])]


def test_an_untrained_soft_member_keeps_its_start(bert: MaskedLM) -> None:
    own = spec(max_steps=0)
    result = train_member(bert, own, Work(TASK, Data(EXAMPLES)))
    assert result.steps == 0
    after = own.scorer(LABELS, bert)
    after.put(result.weights)
    np.testing.assert_array_equal(scores(after), scores(own.scorer(LABELS, bert)))


def test_the_masked_lm_loss_sees_the_prompt_and_never_predicts_a_slot(
    bert: MaskedLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    plain = MaskedLM.states_at
    monkeypatch.setattr(MaskedLM, "states_at", lambda *args: asked.append(args[1:]) or plain(*args))
    pool = Pool(lambda: iter([Example(text) for text in TEXTS] * 20))
    own = spec("words", lm_weight=0.5, max_steps=20)
    train_member(bert, own, Work(TASK, Data(EXAMPLES, pool=pool)))
    chosen = 0
    for batch, rows, columns in asked:
        if rows.ndim != 1:
            continue  # the label's slot
        (filling,) = batch.fillings
        assert filling.prompt is not None
        own_slots = filling.slots
        slots = set(zip(own_slots.rows.tolist(), own_slots.columns.tolist(), strict=True))
        places = set(zip(rows.tolist(), columns.tolist(), strict=True))
        assert not slots & places
        chosen += len(places)
    assert chosen > 20


def test_the_cost_is_told_in_words() -> None:
    assert cost(7_680, 22_000_000) == (
        "7,680 of 22,007,680 parameters trained; 90 KiB for gradients and AdamW"
    )
    assert cost(22_000_000, 0).endswith(" trained; 251.8 MiB for gradients and AdamW")
