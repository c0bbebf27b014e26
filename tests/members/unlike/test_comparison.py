"""Comparisons: two texts compared by an encoder that stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from pet import PVP, Example, Task, Verbalizer
from pet.backbone import MaskedLM
from pet.backbone.sentences import FILE
from pet.config import Settings, TrainingConfig
from pet.data import Data
from pet.encoding import Chunk
from pet.errors import DataError, UsageError
from pet.members import MemberRecord, MemberResult, MemberSet, train_member
from pet.members.comparison import ComparisonSpec
from pet.members.kinds import spec_from_dict
from pet.members.work import Work
from pet.progress import Event
from pet.scoring.labelled import Labelled
from pet.scoring.vectors.pair_reading import PairReading

WORDS = Verbalizer({"no": ["no"], "yes": ["yes"]})
TASK = Task(
    "holds",
    ["no", "yes"],
    ["premise", "hypothesis"],
    [PVP("{premise} ? {mask}, {hypothesis}", WORDS)],
)
FEW = TrainingConfig(max_steps=30, batch_size=2, offsets="none")


def pairs(nouns: Sequence[str], others: Sequence[str]) -> list[Example]:
    """Pairs whose second text is held by the first, and pairs where it is not."""
    return [
        Example(
            {"premise": f"the {noun} was very {how}", "hypothesis": f"the {told} was {how}"}, label
        )
        for noun, other in zip(nouns, others, strict=True)
        for how in ("warm", "cold", "red")
        for told, label in ((noun, "yes"), (other, "no"))
    ]


EXAMPLES = pairs(("film", "food", "room", "train"), ("sad", "business", "news", "bad"))
NEW = pairs(("phone", "answer"), ("good", "happy"))


def spec(seed: int = 1, **changes: Any) -> ComparisonSpec:
    return ComparisonSpec("comparison", TASK, seed, replace(FEW, **changes), 64)


def train(
    backbone: Any, own: ComparisonSpec, examples: Any = EXAMPLES, **more: Any
) -> MemberResult:
    return train_member(backbone, own, Work(TASK, Data(examples), **more))


def scores(backbone: Any, own: Any, weights: Any, examples: Any = NEW) -> Any:
    scorer = own.scorer(TASK.labels, backbone)
    scorer.put(weights)
    return scorer.score(Chunk(backbone.tokenizer, [example.texts for example in examples]))


def same(one: Any, other: Any) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_it_learns_what_is_held_and_finds_it_in_other_words(backbone: MaskedLM) -> None:
    result = train(backbone, spec())
    assert result.accuracy_after == 1.0
    found = scores(backbone, spec(), result.weights)[0].argmax(axis=1)
    assert [TASK.labels[n] for n in found] == [example.label for example in NEW]


def test_scores_are_those_of_a_regression_on_scaled_comparisons(
    backbone: MaskedLM, beside: str
) -> None:
    result = train(backbone, spec(class_weight="balanced"), EXAMPLES[:-5])
    found = scores(backbone, spec(), result.weights)[0]
    backbone.weights.put(load_file(f"{beside}/{FILE}"))
    reading = PairReading(TASK.fields, backbone, 64)
    with torch.inference_mode():
        x, new = (
            reading.vectors(Chunk(backbone.tokenizer, [e.texts for e in own])).double().numpy()
            for own in (EXAMPLES[:-5], NEW)
        )
    scaler = StandardScaler().fit(x)
    regression = LogisticRegression(C=0.3, class_weight="balanced", max_iter=10_000)
    regression.fit(scaler.transform(x) * reading.importance, [e.label for e in EXAMPLES[:-5]])
    expected = regression.predict_log_proba(scaler.transform(new) * reading.importance)
    found = torch.from_numpy(found).double().log_softmax(1).numpy()
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_nothing_of_the_backbone_is_trained(backbone: MaskedLM, beside: str) -> None:
    told: list[Event] = []
    result = train(backbone, spec(), progress=told.append)
    assert (result.steps, result.loss, result.trained, result.offsets) == (0, 0.0, 0, None)
    assert not [event for event in told if event.moment == "step"]
    encoder = load_file(f"{beside}/{FILE}")
    assert same({name: result.weights[name] for name in encoder}, encoder)
    assert set(result.weights) - set(encoder) == {
        "learned.weight",
        "learned.bias",
        "learned.centre",
    }
    assert spec().steps(10**6) == 0


def test_its_accuracy_is_that_on_examples_left_out(backbone: MaskedLM) -> None:
    """Labels drawn at random are learned by heart, and not found again."""
    labels = np.random.default_rng(0).permutation([e.label for e in EXAMPLES])
    drawn = [replace(e, label=str(label)) for e, label in zip(EXAMPLES, labels, strict=True)]
    result = train(backbone, spec(), drawn)
    numbers = np.array([TASK.labels.index(str(e.label)) for e in drawn])
    by_heart = (scores(backbone, spec(), result.weights, drawn)[0].argmax(axis=1) == numbers).mean()
    scorer = spec().scorer(TASK.labels, backbone)
    scorer.put(result.weights)
    chunk = Chunk(backbone.tokenizer, [e.texts for e in drawn])
    unseen = scorer.unseen(Labelled(chunk, numbers))
    assert unseen is not None
    accuracy = (unseen[0].argmax(axis=1) == numbers).mean()
    assert result.accuracy_before == result.accuracy_after == pytest.approx(accuracy)
    assert accuracy + 0.2 < by_heart


def test_neither_seed_nor_order_matters(backbone: MaskedLM) -> None:
    one = train(backbone, spec())
    assert same(one.weights, train(backbone, spec(seed=2)).weights)
    turned = train(backbone, spec(), EXAMPLES[::-1])
    np.testing.assert_allclose(
        scores(backbone, spec(), turned.weights), scores(backbone, spec(), one.weights), atol=5e-3
    )


def test_the_order_of_the_two_texts_matters(backbone: MaskedLM) -> None:
    result = train(backbone, spec())
    turned = [
        Example({"premise": e.texts["hypothesis"], "hypothesis": e.texts["premise"]}) for e in NEW
    ]
    one, other = (scores(backbone, spec(), result.weights, own) for own in (NEW, turned))
    assert not np.allclose(one, other, atol=1e-2)


def test_weights_score_alike_in_a_fresh_scorer_and_in_a_set(
    backbone: MaskedLM, beside: str
) -> None:
    result = train(backbone, spec())
    expected = scores(backbone, spec(), result.weights)
    record = MemberRecord.from_result(spec(), result)
    assert MemberRecord.from_dict(record.to_dict()) == record
    rebuilt = spec_from_dict(TASK, record.name, record.to_dict(), 64)
    assert isinstance(rebuilt, ComparisonSpec)
    assert rebuilt.title == "premise compared with hypothesis"
    other = MaskedLM.load(beside, "cpu", "fp32")
    members = MemberSet(other, TASK, [rebuilt], {"comparison": result.weights})
    for _ in range(2):
        found = members.scores([example.texts for example in NEW])[0]
        np.testing.assert_array_equal(found, expected)
    assert members.scores([])[0].shape == (1, 0, 2)


def test_without_a_sentence_encoder_the_backbone_itself_compares(lively_bert: str) -> None:
    backbone = MaskedLM.load(lively_bert, "cpu", "fp32")
    result = train(backbone, spec())
    assert set(result.weights) == {"learned.weight", "learned.bias", "learned.centre"}
    members = MemberSet(backbone, TASK, [spec()], {"comparison": result.weights})
    found = members.scores([example.texts for example in NEW])[0]
    assert np.isfinite(found).all()
    assert np.ptp(found) > 0.1


def test_without_examples_it_is_refused(backbone: MaskedLM) -> None:
    with pytest.raises(DataError, match="a comparison member needs labelled examples"):
        train(backbone, spec(), [])


@pytest.mark.parametrize("fields", [["text"], ["a", "b", "c"]])
def test_another_number_of_texts_is_refused(fields: list[str]) -> None:
    pvp = PVP(" ".join(f"{{{name}}}" for name in fields) + " {mask}", WORDS)
    task = Task("odd", ["no", "yes"], fields, [pvp])
    settings = Settings.from_flat({"members": "comparison"})
    with pytest.raises(UsageError, match="A comparison takes two texts") as told:
        ComparisonSpec.planned(task, settings, 1)
    assert "'odd'" in str(told.value)
    assert ", ".join(fields) in str(told.value)
    assert "cloze,contrastive" in str(told.value)


def test_planned_from_settings() -> None:
    settings = Settings.from_flat({"max_length": 50, "encoder": "elsewhere", "batch_size": 3})
    own = ComparisonSpec.planned(TASK, settings, 7)
    assert (own.name, own.seed, own.max_length, own.encoder) == ("comparison", 7, 50, "elsewhere")
    assert (own.training.offsets, own.training.batch_size) == ("none", 3)
    assert own.kind == "comparison"


def test_labelled_pairs_are_read_once(backbone: MaskedLM, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same vectors give the accuracy on pairs left out, and the regression on all."""
    read, plain = [], PairReading.vectors

    def counted(self: PairReading, chunk: Any) -> Any:
        read.append(len(chunk))
        return plain(self, chunk)

    monkeypatch.setattr(PairReading, "vectors", counted)
    train_member(backbone, spec(), Work(TASK, Data(EXAMPLES)))
    assert read == [len(EXAMPLES)]
