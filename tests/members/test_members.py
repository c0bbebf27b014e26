"""Members learn, repeat bit by bit, leave nothing behind, and use each loss as its formula says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from toy import warm_or_cold

from pet import PVP, Example, Task, Verbalizer
from pet.backbone import MaskedLM
from pet.config import TrainingConfig
from pet.data import Data, Pool
from pet.encoding import Chunk
from pet.errors import DataError
from pet.members import MemberResult, MemberSet, PatternSpec, parameters, train_member
from pet.members import losses as losses_module
from pet.members import training as members_module
from pet.members.work import Work
from pet.progress import Event, Progress, silent
from pet.scoring import PVPScorer
from pet.scoring.labelled import Labelled
from pet.scoring.readouts.words import margin_loss

WORDS = Verbalizer({"no": ["bad", "sad"], "yes": ["good"]})
LONG = Verbalizer({"no": ["bad", "zoo"], "yes": ["good", "ox"]})
PVPS = [PVP("{text} it was {mask} .", WORDS), PVP("{mask} : {text}", WORDS)]
TASK = Task("toy", ["no", "yes"], ["text"], PVPS)
EXAMPLES = warm_or_cold()
POOL = Pool(lambda: iter([Example(e.texts) for e in EXAMPLES] * 3))
FAST = TrainingConfig(max_steps=60, batch_size=4, learning_rate=5e-3)


pytestmark = pytest.mark.usefixtures("fresh")


def spec(name: str = "m", pattern: int = 0, seed: int = 1, **changes: Any) -> PatternSpec:
    return PatternSpec(name, pattern, TASK.pvps[pattern], seed, replace(FAST, **changes), 64)


def train(
    backbone: MaskedLM, own: PatternSpec, progress: Progress = silent, **more: Any
) -> MemberResult:
    return train_member(backbone, own, Work(TASK, Data(EXAMPLES, **more), progress))


def scores(backbone: MaskedLM, own: PatternSpec) -> Any:
    scorer = PVPScorer(own.pvp, TASK.labels, backbone, own.max_length)
    return scorer.score(Chunk(backbone.tokenizer, [example.texts for example in EXAMPLES]))


def targets() -> torch.Tensor:
    return torch.tensor([TASK.labels.index(str(example.label)) for example in EXAMPLES])


def loss(backbone: MaskedLM, own: PatternSpec) -> float:
    return float(functional.cross_entropy(torch.tensor(scores(backbone, own)[0]), targets()))


def same(one: Any, other: Any) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


@pytest.mark.parametrize(("scope", "rate"), [("full", 5e-3), ("head", 1e-2), ("bias", 2e-2)])
def test_training_lowers_the_loss(backbone: MaskedLM, scope: Any, rate: float) -> None:
    own = spec(scope=scope, learning_rate=rate)
    before = loss(backbone, own)
    result = train(backbone, own)
    assert loss(backbone, own) < 0.5 * before
    assert result.steps == 60
    assert set(result.weights) == set(backbone.scope_names(scope))
    assert all(weight.device.type == "cpu" for weight in result.weights.values())


@pytest.mark.parametrize("verbalizer", [WORDS, LONG], ids=["one-token", "multi-token"])
def test_a_member_fits_a_toy_problem_and_generalises(
    backbone: MaskedLM, verbalizer: Verbalizer
) -> None:
    own = replace(spec(offsets="none"), pvp=PVP("{text} it was {mask} .", verbalizer))
    result = train(backbone, own)
    assert result.accuracy_after == 1.0
    assert result.accuracy_before is not None
    assert result.accuracy_before < 1.0
    scorer = PVPScorer(own.pvp, TASK.labels, backbone, 64)
    new = [{"text": "the news was cold and cold"}, {"text": "the news was warm and warm"}]
    assert scorer.score(Chunk(backbone.tokenizer, new))[0].argmax(1).tolist() == [0, 1]


def test_the_default_rate_is_used_when_none_is_given(
    backbone: MaskedLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def record(jobs: Any, schedule: Any, *rest: Any, **more: Any) -> Any:
        seen.append(schedule)
        return plain(jobs, schedule, *rest, **more)

    plain = members_module.optimise
    monkeypatch.setattr(members_module, "optimise", record)
    monkeypatch.setattr(parameters, "default_learning_rate", lambda width: width * 1e-6)
    for scope in ("full", "head", "bias"):
        train(backbone, spec(scope=scope, learning_rate=None, max_steps=1))
    assert [s.learning_rate for s in seen] == pytest.approx([64e-6, 320e-6, 3200e-6])


@pytest.mark.parametrize("changes", [{}, {"dropout": True}, {"lm_weight": 0.3}, {"scope": "head"}])
def test_a_seed_repeats_a_member_bit_by_bit(backbone: MaskedLM, changes: Any) -> None:
    short = {"max_steps": 8, **changes}
    one = train(backbone, spec(**short), pool=POOL)
    two = train(backbone, spec(**short), pool=POOL)
    other = train(backbone, spec(seed=2, **short), pool=POOL)
    assert same(one.weights, two.weights)
    assert one.loss == two.loss
    assert not same(one.weights, other.weights)


def test_dropout_is_at_work_only_while_training(backbone: MaskedLM) -> None:
    dry = train(backbone, spec(max_steps=4))
    wet = train(backbone, spec(max_steps=4, dropout=True))
    assert not same(dry.weights, wet.weights)
    assert not backbone.model.training


def test_no_steps_leave_the_backbone(backbone: MaskedLM) -> None:
    before = scores(backbone, spec())
    result = train(backbone, spec(max_steps=0, offsets="none"))
    assert (result.steps, dict(result.weights)) == (0, {})
    assert result.accuracy_before == result.accuracy_after
    right = torch.tensor(before[0]).argmax(1) == targets()
    assert result.accuracy_before == pytest.approx(float(right.float().mean()))
    np.testing.assert_array_equal(scores(backbone, spec()), before)


def test_a_member_without_examples_is_untrained(backbone: MaskedLM) -> None:
    result = train_member(backbone, spec(max_steps=0), Work(TASK, Data([])))
    assert (result.steps, result.accuracy_before, dict(result.weights)) == (0, None, {})


@pytest.mark.parametrize("verbalizer", [WORDS, LONG], ids=["one-token", "multi-token"])
def test_the_head_alone_trains_alike_with_and_without_cached_encoder_states(
    backbone: MaskedLM, monkeypatch: pytest.MonkeyPatch, verbalizer: Verbalizer
) -> None:
    own = replace(spec(scope="head", max_steps=10), pvp=PVP("{text} it was {mask} .", verbalizer))
    passes = []
    plain = MaskedLM.encoder_states
    monkeypatch.setattr(MaskedLM, "encoder_states", lambda *args: passes.append(1) or plain(*args))
    cached = train(backbone, own)
    few = len(passes)
    monkeypatch.setattr(MaskedLM, "has_separate_head", property(lambda self: False))
    passes.clear()
    whole = train(backbone, own)
    assert few < len(passes)  # the cache saves encoder passes
    monkeypatch.undo()
    assert cached.weights.keys() == whole.weights.keys()
    for name, weight in cached.weights.items():
        torch.testing.assert_close(weight, whole.weights[name], atol=1e-4, rtol=1e-3)
    assert cached.loss == pytest.approx(whole.loss, rel=1e-3)


def test_members_are_independent_of_what_was_trained_before(backbone: MaskedLM) -> None:
    specs = [
        spec("a", 0, 1, max_steps=6, scope="full"),
        spec("b", 1, 2, max_steps=6, scope="bias"),
        spec("c", 0, 3, max_steps=6, scope="head"),
    ]
    forwards = {s.name: train(backbone, s).weights for s in specs}
    backwards = {s.name: train(backbone, s).weights for s in reversed(specs)}
    for name, weights in forwards.items():
        assert same(weights, backwards[name]), name


def test_a_set_of_members_scores_as_each_did_right_after_training(backbone: MaskedLM) -> None:
    specs = [
        spec("a", 0, 1, max_steps=6, scope="full"),
        spec("b", 1, 2, max_steps=6, scope="bias"),
        spec("c", 0, 3, max_steps=6, scope="head"),
        spec("d", 1, 4, max_steps=0),
    ]
    weights, expected = {}, []
    for own in specs:
        weights[own.name] = train(backbone, own).weights
        expected.append(scores(backbone, own))
    texts = [example.texts for example in EXAMPLES]
    for _ in range(2):
        found = MemberSet(backbone, TASK, specs, weights).scores(texts)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
    assert not np.allclose(expected[0], expected[2])


def test_training_stops_on_development_examples_and_keeps_its_best_weights(
    backbone: MaskedLM,
) -> None:
    # The development labels are wrong, so accuracy on them falls as the member learns.
    wrong = [Example(e.texts, "no" if e.label == "yes" else "yes") for e in EXAMPLES]
    told: list[Event] = []
    own = spec(eval_every=15, patience=2)
    result = train(backbone, own, dev=wrong, progress=told.append)
    assert result.steps == 45
    steps = [(event.stage, event.step, event.total) for event in told if event.moment == "step"]
    assert steps == [("m", step, 60) for step in range(1, 46)]
    # The weights are those of the first look: the ones a run of the same schedule has at step 15.
    accuracies: list[Any] = []
    plain = members_module._dev_score

    def watched(scorer: Any, labelled: Any, dev: Any, task: Any) -> Any:
        look = plain(scorer, labelled, dev, task)
        assert look is not None

        def and_keep() -> float:
            accuracies.append((look(), backbone.weights.take(result.weights)))
            return float(accuracies[-1][0])

        return and_keep

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(members_module, "_dev_score", watched)
        again = train(backbone, own, dev=wrong)
    values = [value for value, _ in accuracies]
    assert same(again.weights, accuracies[int(np.argmax(values))][1])
    assert same(again.weights, result.weights)


@pytest.mark.parametrize(
    ("changes", "passes"),
    [
        ({}, 2),  # before training, which also calibrates, and after it
        ({"max_steps": 0, "offsets": "labelled"}, 1),
        ({"offsets": "none"}, 2),
        ({"max_steps": 0, "offsets": "none"}, 1),
    ],
)
def test_labelled_examples_are_scored_once_before_and_once_after_training(
    changes: dict[str, Any], passes: int, backbone: MaskedLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[int] = []

    score = PVPScorer.score

    def counted(scorer: PVPScorer, chunk: Chunk) -> Any:
        scored.append(len(chunk))
        return score(scorer, chunk)

    own = spec(**{"max_steps": 2, **changes})
    with monkeypatch.context() as patched:
        patched.setattr(PVPScorer, "score", counted)
        result = train_member(backbone, own, Work(TASK, Data(EXAMPLES[:4])), drawn=EXAMPLES[4:])
    assert len(scored) == passes
    # The figures are those of a scorer that is calibrated and looks at the labelled ones alone.
    backbone.weights.put({})
    scorer = own.scorer(TASK.labels, backbone, result.offsets)
    chunk = Chunk(backbone.tokenizer, [example.texts for example in EXAMPLES[:4]])
    scores = scorer.score(chunk).mean(axis=0)
    right = [TASK.labels[n] == e.label for n, e in zip(scores.argmax(1), EXAMPLES, strict=False)]
    assert result.accuracy_before == np.mean(right)
    if result.steps == 0:
        spread = (scores - scores.mean(axis=1, keepdims=True)).std()
        assert result.spread == pytest.approx(spread, rel=1e-5)


# The losses


def first_losses(backbone: MaskedLM, verbalizers: Sequence[Verbalizer], **changes: Any) -> Any:
    """The generator of losses, with the whole training set in one batch, and its scorer."""
    pvp = PVP("{text} it was {mask} .", *verbalizers)
    scorer = PVPScorer(pvp, TASK.labels, backbone, 64)
    chunk = Chunk(backbone.tokenizer, [example.texts for example in UNEVEN])
    own = replace(FAST, batch_size=len(UNEVEN), **changes)
    numbers = np.array([TASK.labels.index(str(example.label)) for example in UNEVEN])
    generator = np.random.default_rng(0)
    return (
        losses_module.label_losses(scorer, Labelled(chunk, numbers), own, POOL, generator),
        scorer,
        chunk,
        numbers,
    )


UNEVEN = [*EXAMPLES[:5], EXAMPLES[6]]  # 3 or 4 of one label, fewer of the other


@pytest.mark.parametrize("class_weight", ["none", "balanced"])
def test_the_loss_is_cross_entropy_averaged_over_verbalizers(
    backbone: MaskedLM, class_weight: Any
) -> None:
    other = Verbalizer({"yes": ["happy"], "no": ["slow"]}, combine="max")
    losses, scorer, chunk, numbers = first_losses(
        backbone, [WORDS, other], class_weight=class_weight
    )
    table = scorer.score(chunk)
    counts = np.bincount(numbers)
    expected = []
    for part in table:
        total = weight_sum = 0.0
        for row, target in zip(part, numbers, strict=True):
            weight = 1.0 if class_weight == "none" else len(numbers) / (2 * counts[target])
            total += weight * (np.log(np.exp(row).sum()) - row[target])
            weight_sum += weight
        expected.append(total / weight_sum)
    assert len(set(counts.tolist())) == 2
    assert next(losses)().item() == pytest.approx(np.mean(expected), rel=1e-4)


def test_words_of_several_tokens_use_the_margin_loss(backbone: MaskedLM) -> None:
    parallel = Verbalizer(dict(LONG.words), decoding="parallel")
    losses, scorer, chunk, numbers = first_losses(backbone, [parallel])
    (table,) = scorer.score(chunk)
    expected = np.mean(
        [max(0.0, 1 - row[y] + row[1 - y]) for row, y in zip(table, numbers, strict=True)]
    )
    assert next(losses)().item() == pytest.approx(float(expected), rel=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_margin_loss_equals_its_sum_over_wrong_labels(data: st.DataObject) -> None:
    rows, labels = data.draw(st.integers(1, 4)), data.draw(st.integers(2, 4))
    value = st.floats(-9, 9, width=32)
    table = data.draw(
        st.lists(st.lists(value, min_size=labels, max_size=labels), min_size=rows, max_size=rows)
    )
    right = data.draw(st.lists(st.integers(0, labels - 1), min_size=rows, max_size=rows))
    weights = data.draw(st.lists(st.floats(0.5, 4), min_size=labels, max_size=labels))
    per_row = [
        sum(max(0.0, 1 - row[y] + score) for c, score in enumerate(row) if c != y)
        for row, y in zip(table, right, strict=True)
    ]
    own = [weights[y] for y in right]
    plain = margin_loss(torch.tensor(table), torch.tensor(right))
    weighted = margin_loss(torch.tensor(table), torch.tensor(right), torch.tensor(weights))
    assert float(plain) == pytest.approx(sum(per_row) / rows, rel=1e-4, abs=1e-4)
    expected = sum(a * b for a, b in zip(own, per_row, strict=True)) / sum(own)
    assert float(weighted) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_the_lm_loss_is_a_share_of_the_whole(
    backbone: MaskedLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        losses_module, "lm_losses_on", lambda *args: iter([lambda: torch.tensor(100.0)] * 2)
    )
    without = next(first_losses(backbone, [WORDS])[0])().item()
    with_lm = next(first_losses(backbone, [WORDS], lm_weight=0.25)[0])().item()
    assert with_lm == pytest.approx(0.75 * without + 25.0, rel=1e-5)


@pytest.mark.parametrize("pool", [None, Pool(lambda: iter(()))])
def test_the_lm_loss_needs_unlabelled_text(backbone: MaskedLM, pool: Pool | None) -> None:
    with pytest.raises(DataError, match="lm_weight needs unlabelled text"):
        train(backbone, spec(lm_weight=0.1), pool=pool)


class Spy:
    """Records what the masked-LM loss asks the backbone, and answers quickly."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, backbone: MaskedLM) -> None:
        self.seen: list[tuple[Any, torch.Tensor, torch.Tensor, torch.Tensor]] = []
        monkeypatch.setattr(MaskedLM, "states_at", self._states)
        monkeypatch.setattr(functional, "cross_entropy", self._loss)
        monkeypatch.setattr(MaskedLM, "vocabulary_logits", lambda _, states: states)

    def _states(self, batch: Any, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        self._asked = batch, rows, columns
        return torch.zeros(len(rows), 1)

    def _loss(self, logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        self.seen.append((*self._asked, wanted))
        return logits.sum()


def watch(
    monkeypatch: pytest.MonkeyPatch, backbone: MaskedLM, texts: list[str], batches: int, size: int
) -> tuple[Spy, PVPScorer]:
    pool = Pool(lambda: (Example({"text": text}) for text in texts))
    scorer = PVPScorer(TASK.pvps[0], TASK.labels, backbone, 64)
    spy = Spy(monkeypatch, backbone)
    losses: Iterator[Any] = losses_module.lm_losses_on(scorer, pool, size, np.random.default_rng(3))
    for _ in range(batches):
        next(losses)()
    return spy, scorer


def test_the_lm_loss_masks_15_percent_by_80_10_10_and_never_the_slot(
    backbone: MaskedLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [
        "the film was very good and the food so bad that we all just",
        "it",
        "a [MASK] zebra 世 one two three",
    ] * 8
    spy, scorer = watch(monkeypatch, backbone, texts, batches=120, size=8)
    mask, special = backbone.tokenizer.mask_id, set(backbone.tokenizer.special_ids)
    encoded = scorer.encode(Chunk(backbone.tokenizer, [{"text": text} for text in texts]))[1]
    known = {
        tuple(encoded.ids.flat[a:b].tolist())
        for a, b in zip(encoded.ids.starts, encoded.ids.starts[1:], strict=False)
    }
    eligible = chosen = masked = changed = 0
    for batch, rows, columns, wanted in spy.seen:
        original = batch.ids.clone()
        original[rows, columns] = wanted
        for row in original.tolist():
            assert tuple(row[: len(row) - row.count(0)]) in known  # 0 is the pad token
        assert not set(wanted.tolist()) & special
        for row, places in enumerate(batch.masks.tolist()):
            assert original[row, places[0]] == mask
            assert batch.ids[row, places[0]] == mask
        eligible += int((~torch.isin(original, torch.tensor(sorted(special)))).sum())
        chosen += len(wanted)
        now = batch.ids[rows, columns]
        masked += int((now == mask).sum())
        changed += int(((now != mask) & (now != wanted)).sum())
    assert chosen / eligible == pytest.approx(0.15, abs=0.015)
    assert masked / chosen == pytest.approx(0.8, abs=0.04)
    assert changed / chosen == pytest.approx(0.1, abs=0.03)
    assert (chosen - masked - changed) / chosen == pytest.approx(0.1, abs=0.03)


def test_the_lm_loss_always_has_a_target_and_never_a_special_token(
    backbone: MaskedLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy, _ = watch(monkeypatch, backbone, ["it"], batches=30, size=1)
    special = set(backbone.tokenizer.special_ids)
    for _, _, _, wanted in spy.seen:
        assert len(wanted) >= 1
        assert not set(wanted.tolist()) & special


def test_the_lm_loss_passes_over_inputs_without_words(backbone: MaskedLM) -> None:
    scorer = PVPScorer(PVP("{text} {mask}", WORDS), TASK.labels, backbone, 64)
    pool = Pool(lambda: iter([Example({"text": ""}), Example({"text": ""})]))
    losses = losses_module.lm_losses_on(scorer, pool, 2, np.random.default_rng(0))
    assert [next(losses)().item() for _ in range(3)] == [0.0] * 3


def test_the_lm_loss_is_cross_entropy_over_the_vocabulary(
    backbone: MaskedLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = PVPScorer(TASK.pvps[0], TASK.labels, backbone, 64)
    asked: list[Any] = []
    plain = MaskedLM.states_at
    monkeypatch.setattr(MaskedLM, "states_at", lambda *args: asked.append(args[1:]) or plain(*args))
    losses = losses_module.lm_losses_on(scorer, POOL, 30, np.random.default_rng(0))
    found = next(losses)().item()
    batch, rows, columns = asked[0]
    with torch.no_grad():
        logits = backbone.model(
            input_ids=batch.ids, token_type_ids=batch.segments, attention_mask=batch.attention
        ).logits
    texts = [example.texts for example in POOL]
    encoded = scorer.encode(Chunk(backbone.tokenizer, texts))[1]
    order = np.random.default_rng(0).permutation(len(texts))
    original = encoded.batch(order, torch.device("cpu")).ids
    expected = [
        -logits[r, c].log_softmax(-1)[original[r, c]].item()
        for r, c in zip(rows.tolist(), columns.tolist(), strict=True)
    ]
    assert found == pytest.approx(float(np.mean(expected)), rel=1e-4)
