"""Readouts: where they start, what they minimise, and that a saved one scores alike."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from other_families import CAUSAL, SEQ2SEQ, Other, save_other
from toy import Files, pet, train, warm_or_cold

from pet import PVP, PETClassifier, Task, Verbalizer
from pet.backbone import MaskedLM, load_backbone
from pet.config import TrainingConfig
from pet.data import Data
from pet.encoding import Chunk
from pet.errors import DataError, PetError, RunError, UsageError, VerbalizerError
from pet.members import MemberSet, PatternSpec, train_member
from pet.members.work import Work
from pet.scoring import PVPScorer
from pet.scoring.labelled import Labelled
from pet.scoring.offsets import balanced
from pet.scoring.readouts import READOUTS
from pet.scoring.readouts.prototypes import Prototypes, contrast
from pet.scoring.readouts.words import WeightedWords

MEAN = Verbalizer({"no": {"bad": 2.0, "sad": 1.0, "cold": 0.3}, "yes": {"good": 1.0}})
MASS = Verbalizer({"no": ["bad", "sad"], "yes": {"good": 3.0, "great": 1.0}}, combine="logsumexp")
LONG = Verbalizer({"no": ["bad", "zoo"], "yes": ["good", "ox"]}, decoding="parallel")
TASK = Task("toy", ["no", "yes"], ["text"], [PVP("{text} it was {mask} .", MEAN, MASS)])
EXAMPLES = warm_or_cold()
TEXTS = [example.texts for example in EXAMPLES]
TARGETS = np.array([TASK.labels.index(str(example.label)) for example in EXAMPLES])
LEARNING = [kind for kind in READOUTS if kind != "words"]
FAST = TrainingConfig(max_steps=12, batch_size=4, learning_rate=2e-3)


pytestmark = pytest.mark.usefixtures("fresh")


def scorer(backbone: MaskedLM, kind: str, *verbalizers: Verbalizer) -> PVPScorer:
    pvp = PVP("{text} it was {mask} .", *(verbalizers or (MEAN, MASS)))
    return PVPScorer(pvp, TASK.labels, backbone, 64, readout=kind)


def scores(own: PVPScorer) -> Any:
    return own.score(Chunk(own.backbone.tokenizer, TEXTS))


def spec(kind: str, **changes: Any) -> PatternSpec:
    return PatternSpec(kind, 0, TASK.pvps[0], 1, replace(FAST, **changes), 64, kind)


def labelled(backbone: MaskedLM) -> Labelled:
    return Labelled(Chunk(backbone.tokenizer, TEXTS), TARGETS)


def started(backbone: MaskedLM) -> PVPScorer:
    own = scorer(backbone, "prototypes")
    own.start(labelled(backbone))
    return own


def mask_vectors(backbone: MaskedLM, texts: Sequence[str]) -> Any:
    """Decoder inputs at the mask, (N, E), one text at a time through plain transformers."""
    rows = []
    for text in texts:
        inputs = backbone.hf_tokenizer(f"{text} it was [MASK] .", return_tensors="pt")
        place = inputs["input_ids"][0].tolist().index(backbone.hf_tokenizer.mask_token_id)
        with torch.no_grad():
            hidden = backbone.model.bert(**inputs)[0]
            rows.append(backbone.model.cls.predictions.transform(hidden)[0, place].numpy())
    return np.stack(rows)


# Where they start


@pytest.mark.parametrize("verbalizers", [(MEAN,), (MASS,), (LONG,), (MEAN, MASS, LONG)])
def test_word_weights_start_exactly_as_the_plain_verbalizer(
    backbone: MaskedLM, verbalizers: tuple[Verbalizer, ...]
) -> None:
    plain = scores(scorer(backbone, "words", *verbalizers))
    np.testing.assert_array_equal(scores(scorer(backbone, "word-weights", *verbalizers)), plain)


def test_class_vectors_start_from_the_mean_of_the_label_words(backbone: MaskedLM) -> None:
    own = scorer(backbone, "class-vectors", MEAN)
    plain = scores(scorer(backbone, "words", MEAN))
    np.testing.assert_allclose(scores(own), plain, atol=1e-4)
    # A word of several tokens is their mean, and there is still one mask.
    long = scorer(backbone, "class-vectors", LONG)
    assert list(long.encode(Chunk(backbone.tokenizer, TEXTS))) == [1]
    decoder = backbone.model.cls.predictions.decoder
    tokens = {word: backbone.hf_tokenizer.encode(word, add_special_tokens=False)
              for word in ("bad", "zoo", "good", "ox")}  # fmt: skip
    assert len(tokens["zoo"]) > 1
    h = mask_vectors(backbone, [text["text"] for text in TEXTS])
    means = {
        word: (
            decoder.weight[ids].mean(0).detach().numpy(),
            float(decoder.bias.detach()[ids].mean()),
        )
        for word, ids in tokens.items()
    }
    expected = [
        np.mean([h @ means[word][0] + means[word][1] for word in words], axis=0)
        for words in (("bad", "zoo"), ("good", "ox"))
    ]
    np.testing.assert_allclose(scores(long)[0], np.stack(expected, axis=1), atol=1e-4)


def test_prototypes_start_amid_their_examples(backbone: MaskedLM) -> None:
    own = started(backbone)
    (readout,) = own.readouts
    assert isinstance(readout, Prototypes)
    h = mask_vectors(backbone, [text["text"] for text in TEXTS])
    raw = h @ readout.weight.detach().numpy().T
    raw -= np.mean([raw[label == TARGETS].mean(0) for label in (0, 1)], axis=0)
    unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    centres = np.stack([unit[label == TARGETS].mean(0) for label in (0, 1)])
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    np.testing.assert_allclose(scores(own), 10 * (unit @ centres.T)[None], atol=2e-3)


def test_prototypes_of_labels_without_examples_do_no_harm(backbone: MaskedLM) -> None:
    own = scorer(backbone, "prototypes")
    own.start(Labelled(Chunk(backbone.tokenizer, TEXTS[:1] * 2), np.array([1, 1])))
    assert np.isfinite(scores(own)).all()


# What they compute


def test_learned_word_weights_are_a_softmax_within_each_label(backbone: MaskedLM) -> None:
    own = scorer(backbone, "word-weights", MEAN, MASS)
    alphas = [[0.5, -1.0, 2.0, 7.0], [0.3, 0.2, -0.4, 90.0]]
    for readout, alpha in zip(own.readouts, alphas, strict=True):
        assert isinstance(readout, WeightedWords)
        readout.alpha.data[:] = torch.tensor(alpha)
    h = mask_vectors(backbone, [text["text"] for text in TEXTS])
    decoder = backbone.model.cls.predictions.decoder
    found = scores(own)
    for number, (verbalizer, alpha) in enumerate(zip((MEAN, MASS), alphas, strict=True)):
        left = list(alpha)
        for label, words in enumerate(verbalizer.words.values()):
            exps = [weight * math.exp(left.pop(0)) for weight in words.values()]
            shares = [value / sum(exps) for value in exps]
            ids = backbone.hf_tokenizer.convert_tokens_to_ids(list(words))
            z = h @ decoder.weight[ids].detach().numpy().T + decoder.bias[ids].detach().numpy()
            expected = z @ shares if number == 0 else np.log(np.exp(z) @ shares)
            np.testing.assert_allclose(found[number][:, label], expected, atol=1e-4)
    assert own.readouts[0].notes()[0].startswith("learned weights: bad 0.56, cold 0.38, sad")


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_contrast_equals_its_sum_over_pairs(data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, 6))
    labels = data.draw(st.lists(st.integers(0, 2), min_size=rows, max_size=rows))
    seed = data.draw(st.integers(0, 99))
    vectors = torch.nn.functional.normalize(
        torch.randn(rows, 4, generator=torch.Generator().manual_seed(seed)), dim=1
    )
    terms = []
    for i in range(rows):
        for j in range(rows):
            if i == j or labels[i] != labels[j]:
                continue
            s = [math.exp(float(vectors[i] @ vectors[k]) / 0.5) for k in range(rows)]
            others = sum(s[k] for k in range(rows) if labels[k] != labels[i])
            terms.append(-math.log(s[j] / (s[j] + others)))
    expected = sum(terms) / len(terms) if terms else 0.0
    vectors.requires_grad_()
    found = contrast(vectors, torch.tensor(labels), 0.5)
    assert float(found.detach()) == pytest.approx(expected, abs=1e-4)
    found.backward()  # type: ignore[no-untyped-call]
    assert vectors.grad is not None
    assert vectors.grad.isfinite().all()


def test_the_loss_of_prototypes_is_infonce_against_prototypes_and_examples(
    backbone: MaskedLM,
) -> None:
    own = started(backbone)
    (readout,) = own.readouts
    table = scores(own)[0]
    rows = [math.log(np.exp(row).sum()) - row[t] for row, t in zip(table, TARGETS, strict=True)]
    states = own.mask_states(own.batch(own.encode(Chunk(backbone.tokenizer, TEXTS)), np.arange(10)))
    targets = torch.from_numpy(TARGETS)
    vectors = readout.project(states).detach()
    expected = np.mean(rows) + float(contrast(vectors, targets, 0.1))
    found = readout.loss(torch.from_numpy(table), states, targets, None)
    assert float(found.detach()) == pytest.approx(float(expected), rel=1e-3)


@pytest.mark.parametrize("kind", LEARNING)
def test_calibration_gives_every_label_a_mean_of_zero(backbone: MaskedLM, kind: str) -> None:
    chunk = Chunk(backbone.tokenizer, TEXTS)
    own = scorer(backbone, kind)
    own.start(labelled(backbone))
    found = own.calibrated(balanced(own.score(chunk), TARGETS)).score(chunk)
    assert found.shape == (len(own.readouts), 10, 2)
    means = np.mean([found[:, label == TARGETS].mean(1) for label in (0, 1)], axis=0)
    np.testing.assert_allclose(means, 0, atol=1e-4)


# Members


@pytest.mark.parametrize("kind", LEARNING)
@pytest.mark.parametrize("scope", ["full", "head"])
def test_a_member_learns_its_readout_and_scores_alike_from_its_weights(
    backbone: MaskedLM, kind: str, scope: Any
) -> None:
    own = spec(kind, scope=scope)
    torch.manual_seed(own.seed)
    begun = scorer(backbone, kind)
    begun.start(labelled(backbone))
    result = train_member(backbone, own, Work(TASK, Data(EXAMPLES)))
    again = train_member(backbone, own, Work(TASK, Data(EXAMPLES)))
    learned = {name for name in result.weights if name.startswith("learned.")}
    assert learned == {f"learned.{name}" for name in begun.learned.state_dict()}
    for name, start in begun.learned.state_dict().items():
        assert not torch.equal(result.weights["learned." + name], start), name
    assert all(torch.equal(result.weights[n], again.weights[n]) for n in result.weights)
    assert result.spread is not None
    expected = spec(kind).scorer(TASK.labels, backbone, result.offsets)
    expected.put(result.weights)
    table = scores(expected)
    around = table.mean(0) - table.mean(0).mean(axis=1, keepdims=True)
    assert result.spread == pytest.approx(float(np.sqrt((around**2).mean())), rel=1e-4)
    plain = PatternSpec.from_dict(TASK, kind, json.loads(json.dumps(own.to_dict())), 64)
    members = MemberSet(backbone, TASK, [plain], {kind: result.weights}, {kind: result.offsets})
    np.testing.assert_array_equal(members.scores(TEXTS)[0], table)


@pytest.mark.parametrize("kind", LEARNING)
def test_each_readout_has_its_own_rate(backbone: MaskedLM, kind: str) -> None:
    still = train_member(backbone, spec(kind, readout_rate=0.0), Work(TASK, Data(EXAMPLES)))
    moved = train_member(backbone, spec(kind, readout_rate=None), Work(TASK, Data(EXAMPLES)))
    fast = train_member(backbone, spec(kind, readout_rate=0.2), Work(TASK, Data(EXAMPLES)))
    backbone.weights.put({})
    torch.manual_seed(1)
    begun = scorer(backbone, kind)
    begun.start(labelled(backbone))

    def distance(result: Any) -> float:
        return sum(
            float((result.weights["learned." + name] - start).norm())
            for name, start in begun.learned.state_dict().items()
        )

    assert distance(still) == 0
    assert 0 < distance(moved) < distance(fast)


def test_prototypes_tell_a_toy_problem_apart(backbone: MaskedLM) -> None:
    result = train_member(backbone, spec("prototypes", max_steps=40), Work(TASK, Data(EXAMPLES)))
    assert result.accuracy_after == 1.0
    own = spec("prototypes").scorer(TASK.labels, backbone, result.offsets)
    own.put(result.weights)
    new = [{"text": "the news was cold and cold"}, {"text": "the news was warm and warm"}]
    assert own.score(Chunk(backbone.tokenizer, new))[0].argmax(1).tolist() == [0, 1]


def test_an_untrained_member_keeps_what_its_readout_started_with(backbone: MaskedLM) -> None:
    result = train_member(backbone, spec("prototypes", max_steps=0), Work(TASK, Data(EXAMPLES)))
    assert {name.rsplit(".", 1)[1] for name in result.weights} == {"weight", "bias", "prototypes"}
    plain = train_member(backbone, spec("words", max_steps=0), Work(TASK, Data(EXAMPLES)))
    assert dict(plain.weights) == {}


# What is refused


def test_prototypes_need_examples(backbone: MaskedLM) -> None:
    with pytest.raises(DataError, match="prototypes: the readout 'prototypes' needs labelled"):
        train_member(backbone, spec("prototypes", max_steps=0), Work(TASK, Data([])))


@pytest.mark.parametrize("combine", ["max", "vote"])
def test_words_that_combine_without_weights_cannot_learn_any(
    backbone: MaskedLM, combine: Any
) -> None:
    with pytest.raises(VerbalizerError, match=f"combine by '{combine}'"):
        scorer(backbone, "word-weights", Verbalizer({"no": ["bad"], "yes": ["good"]}, combine))


def test_an_unknown_readout_is_refused_with_the_nearest(backbone: MaskedLM) -> None:
    with pytest.raises(UsageError, match="Unknown readout 'word'"):
        scorer(backbone, "word")


def test_lost_weights_are_an_error_and_not_an_untrained_readout(backbone: MaskedLM) -> None:
    with pytest.raises(RunError, match="do not fit"):
        scorer(backbone, "class-vectors").put({})


# The command line


@pytest.mark.parametrize("pool", [False, True], ids=["ensemble", "distilled"])
def test_members_of_several_kinds_train_predict_evaluate_and_explain(
    pool: bool, files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    more = ["--readout", ",".join(READOUTS), "--patterns", "0-1", "--precision", "fp32"]
    more += ["--unlabeled", files.unlabeled] if pool else []
    result = train(files, tiny_bert, run, *more, "--test", files.test)
    assert result.code == 0, result.err
    names = [f"pattern-{n}{'-' + kind if kind != 'words' else ''}"
             for n in (0, 1) for kind in READOUTS]  # fmt: skip
    how = json.loads((run / "ensemble.json").read_text("utf-8"))
    assert how["members"] == names
    own = [json.loads((run / "members" / n / "member.json").read_text("utf-8")) for n in names]
    spreads = [figures["spread"] for figures in own]
    assert how["temperatures"] == pytest.approx([s / np.mean(spreads) for s in spreads])
    again = train(files, tiny_bert, run, *more, "--test", files.test)
    assert again.code == 0, again.err
    assert again.out == result.out  # the loaded run gives the figures that the new one gave
    shown = pet("explain", run, "--text", "the film was warm", "--device", "cpu")
    assert shown.code == 0, shown.err
    assert shown.out.count("learned weights: ") == 2
    assert all(f"{name}: " in shown.out for name in names)


def test_zero_shot_prototypes_are_refused_in_one_message(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    result = pet(
        "train", "--task", files.task, "--method", "zero-shot", "--backbone", tiny_bert,
        "--readout", "prototypes", "--device", "cpu", "-o", tmp_path / "run",
    )  # fmt: skip
    assert result.code == 1
    assert "needs labelled examples" in result.err
    assert "Traceback" not in result.err


def test_the_classifier_takes_one_readout_or_several(tiny_bert: str, tmp_path: Path) -> None:
    how: dict[str, Any] = {"backbone": tiny_bert, "device": "cpu", "precision": "fp32"}
    y = [str(example.label) for example in EXAMPLES]
    model = PETClassifier(TASK, readout="prototypes", max_steps=2, **how)
    expected = model.fit(TEXTS, y).predict_proba(TEXTS)
    model.save_pretrained(tmp_path / "saved")
    loaded = PETClassifier.from_pretrained(tmp_path / "saved", "cpu", "fp32")
    np.testing.assert_allclose(loaded.predict_proba(TEXTS), expected, atol=1e-7)
    several = PETClassifier(TASK, readout="words,prototypes", max_steps=1, **how).fit(TEXTS, y)
    specs = several.model_.members.specs  # type: ignore[union-attr]
    assert [spec.readout for spec in specs] == ["words", "prototypes"]
    with pytest.raises(PetError, match="readout='wrods' is unknown"):
        PETClassifier(TASK, readout="wrods,prototypes", **how).fit(TEXTS, y)


def test_patterns_that_name_a_label_learn_how_yes_and_no_are_told(backbone: MaskedLM) -> None:
    yes_no = Verbalizer({"yes": ["yes", "good"], "no": ["no"]})
    pvp = PVP("{text} : {label} ? {mask} .", yes_no)
    plain, weighted, vectors = (
        PVPScorer(pvp, TASK.labels, backbone, 64, readout=kind)
        for kind in ("words", "word-weights", "class-vectors")
    )
    np.testing.assert_array_equal(scores(weighted), scores(plain))
    np.testing.assert_allclose(scores(vectors), scores(plain), atol=1e-4)
    with pytest.raises(UsageError, match="names a label"):
        PVPScorer(pvp, TASK.labels, backbone, 64, readout="prototypes")


@pytest.mark.parametrize("family", [CAUSAL["llama"], SEQ2SEQ["t5"]], ids=["llama", "t5"])
def test_other_backbones_start_from_their_words_too(family: Other, tmp_path: Path) -> None:
    model = load_backbone(str(save_other(family, tmp_path / "model")), "cpu", "fp32")
    verbalizer = Verbalizer({"no": ["bad", "sad"], "yes": ["good"]})
    pvp = PVP("{text} it was {mask}", verbalizer)
    plain, weighted, vectors, prototypes = (
        PVPScorer(pvp, TASK.labels, model, 64, readout=kind) for kind in READOUTS
    )
    expected = scores(plain)
    np.testing.assert_array_equal(scores(weighted), expected)
    if all(len(word.ids) == 1 for word in plain.readouts[0].words):
        np.testing.assert_allclose(scores(vectors), expected, atol=1e-4)
    prototypes.start(labelled(model))
    assert scores(prototypes).shape == (1, 10, 2)
