"""Runs with members unlike the cloze ones: alone, mixed, in generations, and cut off."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from killing import killed_again_and_again, same_files
from other_families import CAUSAL, SEQ2SEQ, save_other
from safetensors.torch import load_file
from tiny import save_tiny_bert
from toy import NEW, NOUNS, Files, labelled_rows, pet, rows_of, toy_task, warm_or_cold, write_jsonl

from pet import PVP, Example, Task, Verbalizer
from pet.backbone import holding, sentences
from pet.config import EnsembleConfig, Settings
from pet.data import Data, Pool
from pet.encoding import Chunk
from pet.errors import BackboneError, DataError, RunError, UsageError
from pet.evaluation.explanation import explain_text, view_members
from pet.members import MemberRecord, MemberSet, Work, executing, members_of, train_member
from pet.members.executing import fold_specs, score_fold
from pet.model import (
    Ensemble,
    EnsembleModel,
    SequenceClassifier,
    TaskPrompt,
    load_model,
    save_model,
)
from pet.model.run_members import trained_members
from pet.pipeline import asked, run
from pet.pipeline.combining import combined
from pet.progress import silent
from pet.runs import RunFolder

TASK = toy_task()
TRAIN = [Example({"text": row["text"]}, row["label"]) for row in labelled_rows()]
TEXTS = [{"text": text} for text in NEW]
MEANING = {"yes": "positive", "no": "negative"}
HOLDS = Task(
    "holds",
    ["no", "yes"],
    ["a", "b"],
    [PVP("{a} ? {mask}, {b}", Verbalizer({"no": ["no"], "yes": ["yes"]}))],
)
PAIRS = [
    Example({"a": f"the {noun} was {how}", "b": f"{noun if label == 'yes' else other}"}, label)
    for noun, other in (("film", "news"), ("room", "bad"), ("train", "world"))
    for how in ("warm", "red")
    for label in ("yes", "no")
]


def new_pool() -> Pool:
    return Pool(lambda: iter([Example(texts) for texts in TEXTS]))


def settings(backbone: str, **values: Any) -> Settings:
    flat = {
        "backbone": backbone, "device": "cpu", "precision": "fp32", "max_steps": 2, "batch_size": 2,
        "learning_rate": 1e-3, "distill_epochs": 1, "folds": 2,
    }  # fmt: skip
    return Settings.from_flat({**flat, **values})


def go(
    folder: Path, how: Settings, data: Data, task: Task = TASK
) -> tuple[EnsembleModel | SequenceClassifier, RunFolder]:
    place = RunFolder.start(folder, asked(task, how, data))
    return cast(Any, run(task, how, data, place)), place


def members_in(folder: RunFolder) -> list[str]:
    return list(json.loads((folder.path / "ensemble.json").read_text("utf-8"))["members"])


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory, beside: str) -> tuple[EnsembleModel, RunFolder]:
    """The default members of a backbone with a sentence encoder, not distilled."""
    folder = tmp_path_factory.mktemp("mixed") / "run"
    model, place = go(folder, settings(beside), Data(TRAIN))
    assert isinstance(model, EnsembleModel)
    return model, place


def test_a_backbone_with_a_sentence_encoder_has_both_kinds(mixed: Any) -> None:
    model, folder = mixed
    assert members_in(folder) == ["pattern-0", "pattern-1", "contrastive"]
    record = MemberRecord.read(folder, "contrastive")
    assert (record.kind, record.steps) == ("contrastive", 2)
    assert np.isfinite(model.scores(TEXTS)).all()


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_saved_ensemble_scores_alike(mixed: Any, tmp_path: Path, precision: str) -> None:
    model, folder = mixed
    expected = model.scores(TEXTS)
    save_model(model, tmp_path / "saved", precision)
    found = load_model(tmp_path / "saved", "cpu", "fp32").scores(TEXTS)
    if precision == "fp32":
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(
            load_model(folder.path, "cpu", "fp32").scores(TEXTS), expected
        )
        again = trained_members(folder, "cpu", "fp32")
        np.testing.assert_array_equal(again.scores(TEXTS), expected)
    else:
        np.testing.assert_allclose(found, expected, atol=0.05)


def test_lost_weights_are_told(beside: str, tmp_path: Path) -> None:
    how = settings(beside, members="comparison")
    _, folder = go(tmp_path / "run", how, Data(PAIRS), HOLDS)
    (folder.path / "members" / "comparison" / "weights.safetensors").unlink()
    with pytest.raises(RunError, match=r"comparison/weights.safetensors: damaged"):
        trained_members(folder, "cpu", "fp32").scores([PAIRS[0].texts])


def test_a_prediction_is_explained_member_by_member(mixed: Any) -> None:
    model, _ = mixed
    texts = {"text": "a warm room"}
    shown = explain_text(model, texts)
    assert "contrastive: a warm room" in shown
    (explanation,) = view_members(model, [texts])
    assert [view.name for view in explanation.members] == [*members_in(mixed[1])]
    scores = [scores[:, 0] for scores in model.members.scores([texts])]
    for view, own in zip(explanation.members, scores, strict=True):
        shares = np.exp(own[0]) / np.exp(own[0]).sum()
        if view.name == "contrastive":
            np.testing.assert_allclose(sum(view.probabilities.values()), 1, atol=1e-5)
            assert list(view.probabilities.values()).index(max(view.probabilities.values())) == int(
                shares.argmax()
            )
            assert view.offsets == []
    together = model.scores([texts])[0]
    np.testing.assert_allclose(
        list(explanation.probabilities.values()),
        np.exp(together) / np.exp(together).sum(),
        atol=1e-5,
    )


def test_a_comparison_is_explained_by_what_it_compares(beside: str, tmp_path: Path) -> None:
    model, folder = go(tmp_path / "run", settings(beside), Data(PAIRS), HOLDS)
    assert isinstance(model, EnsembleModel)
    assert members_in(folder) == ["pattern-0", "comparison"]
    shown = explain_text(model, {"a": "the film was warm", "b": "film"}, words=20)
    assert "comparison: the film was warm | film" in shown
    for line in ("both alike", "b met by a, words, on average", "a met by b, states, at the least"):
        assert line in shown
    saved = tmp_path / "saved"
    save_model(model, saved)
    texts = [pair.texts for pair in PAIRS]
    found = load_model(saved, "cpu", "fp32").scores(texts)
    np.testing.assert_array_equal(found, model.scores(texts))


def test_a_bank_refuses_them_in_one_message(mixed: Any, tmp_path: Path) -> None:
    model, folder = mixed
    with pytest.raises(UsageError, match=r"contrastive of 'toy'.*share one that is frozen") as told:
        TaskPrompt.from_model(model)
    assert "zero-shot" in str(told.value)
    alone = EnsembleModel(
        MemberSet(model.members.backbone, TASK, model.members.specs[2:], model.members.weights),
        Ensemble.uniform(1),
    )
    with pytest.raises(UsageError) as told:
        TaskPrompt.from_model(alone)
    assert str(told.value).startswith("contrastive of 'toy' changed weights")
    assert "members='cloze'" in str(told.value)
    result = pet("bank", tmp_path / "bank", "--add", folder.path)
    assert result.code != 0
    assert "contrastive" in result.err
    assert "Traceback" not in result.err
    assert not (tmp_path / "bank").exists()


def test_a_contrastive_member_alone_is_a_method_too(beside: str, tmp_path: Path) -> None:
    model, folder = go(tmp_path / "a", settings(beside, members="contrastive"), Data(TRAIN))
    assert isinstance(model, EnsembleModel)
    assert members_in(folder) == ["contrastive"]
    member = model.members.scores(TEXTS)[0][0]
    np.testing.assert_allclose(model.scores(TEXTS), member, atol=1e-6)
    data = Data(TRAIN, pool=new_pool())
    student, folder = go(tmp_path / "b", settings(beside, members="contrastive"), data)
    assert isinstance(student, SequenceClassifier)
    kept = np.load(folder.path / "members/contrastive/scores/000000.npy")
    np.testing.assert_allclose(kept[0], member, atol=1e-5)


def test_the_same_run_twice_is_the_same_bits(mixed: Any, beside: str, tmp_path: Path) -> None:
    _, folder = mixed
    _, again = go(tmp_path / "again", settings(beside), Data(TRAIN))
    for name in members_in(folder):
        file = Path("members") / name / "weights.safetensors"
        assert (again.path / file).read_bytes() == (folder.path / file).read_bytes()


def test_cloze_members_are_those_of_a_run_without_others(
    mixed: Any, beside: str, tmp_path: Path
) -> None:
    _, folder = mixed
    _, alone = go(tmp_path / "alone", settings(beside, members="cloze"), Data(TRAIN))
    assert members_in(alone) == ["pattern-0", "pattern-1"]
    for name in members_in(alone):
        file = Path("members") / name / "weights.safetensors"
        assert (alone.path / file).read_bytes() == (folder.path / file).read_bytes()


@pytest.mark.parametrize("weighting", ["learned", "tempered"])
def test_every_weighting_takes_mixed_members(weighting: str, beside: str, tmp_path: Path) -> None:
    how = settings(beside, weighting=weighting, temper="folds", patterns="0")
    model, folder = go(tmp_path / "run", how, Data(TRAIN))
    assert isinstance(model, EnsembleModel)
    assert len(model.ensemble.weights) == 2
    assert np.isfinite(model.scores(TEXTS)).all()
    folds = [np.load(file) for file in folder.path.glob("folds/contrastive/*.npy")]
    assert [part.shape for part in folds] == [(1, len(TRAIN) // 2, 2)] * 2


def test_a_member_learns_from_texts_that_others_labelled(
    beside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: dict[str, Sequence[Example]] = {}
    plain = executing.train_member

    def train_member(backbone: Any, spec: Any, work: Any, drawn: Any, *more: Any) -> Any:
        learned[spec.name] = drawn
        return plain(backbone, spec, work, drawn, *more)

    monkeypatch.setattr(executing, "train_member", train_member)
    how = settings(beside, method="ipet", generations=1, growth=2, max_steps=30, learning_rate=5e-3)
    examples, texts = (
        [Example(e.texts, MEANING[str(e.label)]) for e in warm_or_cold(nouns)]
        for nouns in (NOUNS, ("news", "world", "business", "sports", "answer", "question"))
    )
    data = Data(examples, pool=Pool(lambda: iter([Example(e.texts) for e in texts])))
    _, folder = go(tmp_path / "run", how, data)
    assert members_in(folder) == [f"gen-1/{n}" for n in ("pattern-0", "pattern-1", "contrastive")]
    draws = json.loads((folder.path / "members/gen-1/draws.json").read_text("utf-8"))
    own = draws["gen-1/contrastive"]
    assert own["labellers"][0].startswith("gen-0/pattern-")
    drawn = list(own["rows"].items())
    assert [(label, len(rows)) for label, rows in drawn] == [(label, 5) for label in TASK.labels]
    expected = [(texts[row].texts["text"], label) for label, rows in drawn for row in rows]
    found = [(example.texts["text"], example.label) for example in learned["gen-1/contrastive"]]
    assert found == expected
    assert not learned["gen-0/contrastive"]
    one, two = (
        load_file(folder.path / f"members/gen-{n}/contrastive/weights.safetensors") for n in (0, 1)
    )
    assert any(not one[name].equal(two[name]) for name in one)


def test_a_run_that_is_killed_again_and_again_ends_as_one_that_was_not(
    beside: str, tmp_path: Path, dying: Callable[[int], None]
) -> None:
    how = settings(beside, patterns="0", max_steps=3, temper="folds", second_round=2)
    data = Data(TRAIN, pool=new_pool())
    go(tmp_path / "whole", how, data)
    cut = tmp_path / "cut"
    killed_again_and_again(lambda: go(cut, how, data), cut, dying, (4, 5, 6))
    files = same_files(cut, tmp_path / "whole")
    assert Path("members/gen-1/contrastive/weights.safetensors") in files


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_families_without_a_mask_take_members_that_are_asked_for(
    family: str, tmp_path: Path
) -> None:
    folder = str(save_other({**CAUSAL, **SEQ2SEQ}[family], tmp_path / "model"))
    words = Verbalizer({"no": ["no"], "yes": ["yes"]})
    task = replace(HOLDS, pvps=(PVP("{a} ? {b} {mask}", words),))
    how = settings(folder, members="cloze,contrastive,comparison")
    model, place = go(tmp_path / "run", how, Data(PAIRS), task)
    assert members_in(place) == ["pattern-0", "contrastive", "comparison"]
    texts = [pair.texts for pair in PAIRS]
    found = model.scores(texts)
    assert np.isfinite(found).all()
    save_model(model, tmp_path / "saved")
    np.testing.assert_allclose(load_model(tmp_path / "saved", "cpu", "fp32").scores(texts), found)


def test_an_encoder_by_name_is_where_a_run_starts_from(
    lively_bert: str, beside: str, tmp_path: Path
) -> None:
    """Its word embeddings too."""
    how = settings(lively_bert, members="contrastive", encoder=beside, max_steps=0)
    _, folder = go(tmp_path / "run", how, Data(TRAIN))
    weights = load_file(folder.path / "members/contrastive/weights.safetensors")
    own = load_file(f"{beside}/model.safetensors")
    words = "bert.embeddings.word_embeddings.weight"
    assert weights[words].equal(own[words])


def test_an_encoder_by_name_is_read_once_a_run(
    lively_bert: str, beside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, plain = [], sentences.load_pretrained

    def counted(auto_class: Any, name: str) -> Any:
        read.append(name)
        return plain(auto_class, name)

    monkeypatch.setattr(sentences, "load_pretrained", counted)
    how = settings(lively_bert, members="contrastive,comparison", encoder=beside, temper="folds")
    go(tmp_path / "run", how, Data(PAIRS), HOLDS)
    assert read == [beside]


def test_an_encoder_that_does_not_fit_is_told_before_anything_is_trained(
    lively_bert: str, tmp_path: Path
) -> None:
    other = str(save_tiny_bert(tmp_path / "other", hidden_size=16))
    with pytest.raises(BackboneError, match="does not fit the backbone") as told:
        go(tmp_path / "wrong", settings(lively_bert, encoder=other), Data(TRAIN))
    assert lively_bert in str(told.value)
    assert other in str(told.value)
    assert not list((tmp_path / "wrong").rglob("member.json"))


@pytest.mark.parametrize(
    "asked_for", [{"members": "cloze,contrastive"}, {"readout": "prototypes"}], ids=str
)
def test_members_that_need_examples_are_refused_before_others_score_the_text(
    asked_for: dict[str, str], beside: str, tmp_path: Path
) -> None:
    how = settings(beside, method="ipet", generations=1, growth=2, **asked_for)
    with pytest.raises(DataError, match="needs labelled examples"):
        go(tmp_path / "run", how, Data([], pool=new_pool()))
    assert not list((tmp_path / "run").rglob("member.json"))


@pytest.mark.parametrize("kind", ["contrastive", "comparison"])
def test_a_fold_is_scored_by_a_member_that_knows_nothing_of_it(kind: str, beside: str) -> None:
    how = settings(beside, members=kind)
    (member,) = members_of(HOLDS, how, len(PAIRS))
    split = (np.arange(4, 12), np.arange(4))
    turned = [replace(e, label="no" if e.label == "yes" else "yes") for e in PAIRS[:4]]
    scores = []
    with holding(how.backbone) as backbone:
        for examples in (PAIRS, [*turned, *PAIRS[4:]]):
            work = Work(HOLDS, Data(examples))
            (spec,) = fold_specs(member, how.backbone, work, [split])
            scores.append(score_fold(pickle.loads(pickle.dumps(spec)), silent))
        np.testing.assert_array_equal(scores[0], scores[1])
        inside = Work(HOLDS, Data(PAIRS[4:]))
        scorer = member.scorer(HOLDS.labels, backbone)
        scorer.put(train_member(backbone, member, inside).weights)
        chunk = Chunk(backbone.tokenizer, [pair.texts for pair in PAIRS[:4]])
        np.testing.assert_array_equal(scorer.score(chunk), scores[0])


# Weights of kinds


def test_every_kind_has_the_same_weight_whatever_the_number_of_its_members() -> None:
    def weights(*kinds: str) -> tuple[float, ...]:
        specs: list[Any] = [SimpleNamespace(kind=kind, way=(kind,)) for kind in kinds]
        results: list[Any] = [SimpleNamespace(accuracy_before=0.5, spread=1.0) for _ in kinds]
        return combined(EnsembleConfig(), "single", specs, results).weights

    several = weights("cloze", "cloze", "cloze", "contrastive")
    assert several == pytest.approx((1 / 3, 1 / 3, 1 / 3, 1))
    assert weights("cloze", "cloze") == (1.0, 1.0)


# On the command line


def test_the_command_line_trains_predicts_and_reports_them(beside: str, tmp_path: Path) -> None:
    files = Files.write(tmp_path)
    out = tmp_path / "run"
    arguments = [
        "train", "--task", files.task, "--train", files.train, "--test", files.test, "--backbone",
        beside, "--device", "cpu", "--precision", "fp32", "--max-steps", 2, "--patterns", "0",
        "-o", out,
    ]  # fmt: skip
    result = pet(*arguments)
    assert result.code == 0, result.err
    assert "contrastive" in result.out
    assert "was finished before" in pet(*arguments).err
    rows = write_jsonl(tmp_path / "new.jsonl", TEXTS[:3])
    predicted = pet("predict", out, "--input", rows, "--device", "cpu")
    assert predicted.code == 0, predicted.err
    assert len(rows_of(predicted.out)) == 3
    explained = pet("explain", out, "--text", "a warm room", "--device", "cpu")
    assert explained.code == 0, explained.err
    assert "contrastive: a warm room" in explained.out
    wrong = pet(*arguments[:-1], tmp_path / "wrong", "--members", "comparison")
    assert wrong.code in (1, 2)
    assert "takes two texts" in wrong.err
    assert "Traceback" not in wrong.err
