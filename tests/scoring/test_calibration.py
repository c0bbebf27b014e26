"""Calibration: offsets as a naive count gives them, at work everywhere, kept when saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from families import FAMILIES, save_family
from golden import Naive, combine
from scipy.special import softmax
from toy import NEW, Files, pet, train

from pet import PVP, Example, PETClassifier, Task, Verbalizer
from pet.backbone import MaskedLM
from pet.config import TrainingConfig
from pet.data import Data, Pool
from pet.encoding import Chunk
from pet.members import PatternSpec, train_member
from pet.members.work import Work
from pet.model import load_model
from pet.model.run_members import trained_members
from pet.runs import RunFolder
from pet.scoring import PVPScorer
from pet.scoring.offsets import SAMPLE, balanced, content_free, prior

LABELS = ["no", "yes"]
WORDS = {"no": ["bad", "sad", "cold"], "yes": ["good", "warm"]}
TEXTS = [
    f"the {noun} is {how}" for noun in ("film", "food", "room") for how in ("slow", "red", "not")
]


pytestmark = pytest.mark.usefixtures("fresh")


def pool_of(texts: list[str]) -> Pool:
    return Pool(lambda: (Example({"text": text}) for text in texts))


def scorer_of(backbone: MaskedLM, offsets: Any = None, how: str = "mean") -> PVPScorer:
    other = Verbalizer({"no": ["no"], "yes": ["yes"]})
    pvp = PVP("{text} it was {mask} .", Verbalizer(WORDS, combine=how), other)
    return PVPScorer(pvp, LABELS, backbone, 64, offsets)


def scores(scorer: PVPScorer, texts: list[str] = TEXTS) -> Any:
    return scorer.score(Chunk(scorer.backbone.tokenizer, [{"text": text} for text in texts]))


@pytest.mark.parametrize("how", ["mean", "logsumexp", "max", "vote"])
@pytest.mark.parametrize("pooled", [True, False])
def test_offsets_are_the_naive_means(
    backbone: MaskedLM, lively_bert: str, how: str, pooled: bool
) -> None:
    naive = Naive(lively_bert)
    texts = TEXTS if pooled else ["", "N/A", "[MASK]"]
    expected = np.zeros(2)
    for text in texts:
        words = {
            word: naive.word_logit(f"{text} it was", word, ".")
            for own in WORDS.values()
            for word in own
        }
        weighted = {label: dict.fromkeys(own, 1.0) for label, own in WORDS.items()}
        expected += np.array(combine(words, weighted, how)) / len(texts)
    found = prior(scorer_of(backbone, how=how), pool_of(TEXTS) if pooled else None, 1)
    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-5)
    assert len(found) == 2


@pytest.mark.parametrize("how", ["mean", "logsumexp", "max", "vote"])
def test_offsets_are_subtracted_after_words_are_combined(backbone: MaskedLM, how: str) -> None:
    offsets = [[0.5, -1.25], [2.0, 0.0]]
    raw, shifted = scores(scorer_of(backbone, how=how)), scores(scorer_of(backbone, offsets, how))
    np.testing.assert_array_equal(shifted, raw - np.array(offsets, np.float32)[:, None])
    shares = softmax(shifted, axis=2)
    np.testing.assert_allclose(shares.sum(axis=2), 1, rtol=1e-6)
    ratio = softmax(raw, axis=2) / np.exp(np.array(offsets))[:, None]
    np.testing.assert_allclose(shares, ratio / ratio.sum(axis=2, keepdims=True), rtol=1e-5)


def test_calibrated_scores_of_the_sample_prefer_no_label(backbone: MaskedLM) -> None:
    raw = scores(scorer_of(backbone))
    assert abs(raw.mean(axis=1) @ [1, -1]).max() > 0.05
    found = scores(scorer_of(backbone, prior(scorer_of(backbone), pool_of(TEXTS), 1)))
    np.testing.assert_allclose(found.mean(axis=1), 0, atol=1e-5)


def test_words_of_several_tokens_are_calibrated_too(backbone: MaskedLM) -> None:
    pvp = PVP("{text} it was {mask} .", Verbalizer({"no": ["zoo"], "yes": ["ox", "good"]}))
    raw = PVPScorer(pvp, LABELS, backbone, 64)
    offsets = prior(raw, pool_of(TEXTS), 1)
    np.testing.assert_allclose(offsets, scores(raw).mean(axis=1), rtol=1e-5)
    found = scores(PVPScorer(pvp, LABELS, backbone, 64, offsets))
    np.testing.assert_allclose(found.mean(axis=1), 0, atol=1e-4)


def test_the_sample_is_seeded_and_bounded(
    backbone: MaskedLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    score = PVPScorer.score
    monkeypatch.setattr(
        PVPScorer, "score", lambda own, chunk: seen.append(chunk.texts) or score(own, chunk)
    )
    many = pool_of([f"{text} {number}" for number in range(70) for text in TEXTS])
    scorer = scorer_of(backbone)
    one, again, other = prior(scorer, many, 1), prior(scorer, many, 1), prior(scorer, many, 2)
    assert one == again != other
    assert len(seen[0]) == SAMPLE == len({texts["text"] for texts in seen[0]})
    prior(scorer, many, 3, size=5)
    assert len(seen[-1]) == 5
    prior(scorer, pool_of([]), 1)
    assert [texts["text"] for texts in seen[-1]] == ["", "N/A", "[MASK]"]


@pytest.mark.parametrize("name", FAMILIES)
def test_inputs_without_content_work_with_every_family(name: str, tmp_path: Path) -> None:
    loaded = MaskedLM.load(str(save_family(FAMILIES[name], tmp_path / name)), "cpu", "fp32")
    words = Verbalizer({"no": ["bad"], "yes": ["good"]})
    for pattern in ("{a} {mask} {b}", "{a}?{sep}{mask}, {b:keep}", "{mask}{a}"):
        scorer = PVPScorer(PVP(pattern, words), LABELS, loaded, 64)
        inputs = content_free(scorer)
        assert inputs[0] == dict.fromkeys(scorer.pvp.pattern.fields, "")
        assert np.isfinite(prior(scorer, None, 0)).all()
        # A literal mask token is text: the only mask is still the pattern's own.
        encoded = scorer.encode(Chunk(loaded.tokenizer, inputs))[1]
        assert int((encoded.ids.flat == loaded.tokenizer.mask_id).sum()) == len(inputs)


@pytest.mark.parametrize(
    ("calibration", "trained", "expected"),
    [("auto", False, "prior"), ("auto", True, "labelled"), ("prior", True, "prior"),
     ("none", False, "none"), ("none", True, "none"), ("labelled", False, "labelled")],
)  # fmt: skip
def test_trained_members_start_from_the_labelled_examples_and_others_from_the_prior(
    calibration: Any, trained: bool, expected: str
) -> None:
    assert TrainingConfig(offsets=calibration).offsets_of(trained) == expected


def test_balanced_offsets_count_every_label_the_same(backbone: MaskedLM) -> None:
    task = Task("toy", LABELS, ["text"], [PVP("{text} it was {mask} .", Verbalizer(WORDS))])
    scorer = PVPScorer(task.pvps[0], LABELS, backbone, 64)
    chunk = Chunk(backbone.tokenizer, [{"text": text} for text in TEXTS])
    targets = np.array([0] + [1] * (len(TEXTS) - 1))
    raw = scorer.score(chunk)[0]
    expected = []
    for label in range(len(LABELS)):
        first, others = raw[0, label], [row[label] for row in raw[1:]]
        expected.append((first + sum(others) / len(others)) / 2)
    offsets = balanced(scorer.score(chunk), targets)
    np.testing.assert_allclose(offsets, [expected], rtol=1e-5)
    np.testing.assert_allclose(
        scorer.calibrated(offsets).score(chunk)[0], raw - expected, rtol=1e-4, atol=1e-5
    )


def test_a_trained_member_keeps_the_offsets_it_started_from(backbone: MaskedLM) -> None:
    task = Task("toy", LABELS, ["text"], [PVP("{text} it was {mask} .", Verbalizer(WORDS))])
    examples = [Example({"text": text}, LABELS[n % 2]) for n, text in enumerate(TEXTS)]
    backbone.weights.put({})
    scorer = PVPScorer(task.pvps[0], LABELS, backbone, 64)
    chunk = Chunk(backbone.tokenizer, [{"text": text} for text in TEXTS])
    expected = balanced(scorer.score(chunk), np.arange(len(TEXTS)) % 2)
    spec = PatternSpec("m", 0, task.pvps[0], 1, TrainingConfig(max_steps=2), 64)
    result = train_member(backbone, spec, Work(task, Data(examples)))
    np.testing.assert_allclose(result.offsets or [], expected, rtol=1e-6)


def test_calibration_leaves_training_alone(backbone: MaskedLM) -> None:
    words = Verbalizer(WORDS)
    task = Task("toy", LABELS, ["text"], [PVP("{text} it was {mask} .", words)])
    examples = [Example({"text": text}, LABELS[n % 2]) for n, text in enumerate(TEXTS)]
    results = {}
    for how in ("none", "prior"):
        training = TrainingConfig(max_steps=4, learning_rate=1e-3, offsets=how)  # type: ignore[arg-type]
        spec = PatternSpec("m", 0, task.pvps[0], 1, training, 64)
        results[how] = train_member(backbone, spec, Work(task, Data(examples, pool=pool_of(TEXTS))))
    plain, calibrated = results["none"], results["prior"]
    assert plain.weights.keys() == calibrated.weights.keys()
    assert all(torch.equal(plain.weights[k], calibrated.weights[k]) for k in plain.weights)
    assert plain.offsets is None
    assert plain.accuracy_before == calibrated.accuracy_before
    # The offsets are those of the trained weights, which are still in the backbone.
    means = scores(PVPScorer(task.pvps[0], LABELS, backbone, 64)).mean(axis=1)
    np.testing.assert_allclose(calibrated.offsets or [], means, rtol=1e-5)


def offsets_of(run: Path, name: str) -> Any:
    return json.loads((run / "members" / name / "member.json").read_text("utf-8"))["offsets"]


@pytest.mark.parametrize("trained", [False, True])
def test_offsets_are_kept_and_scores_are_the_same_after_loading(
    trained: bool, files: Files, lively_bert: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    more = ["--offsets", "prior"] if trained else ["--method", "zero-shot"]
    if trained:
        more += ["--method", "head"]
    result = train(
        files, lively_bert, run, "--unlabeled", files.unlabeled, "--precision", "fp32", *more
    )
    assert result.code == 0, result.err
    texts = [{"text": text} for text in NEW]
    saved = load_model(run, "cpu", "fp32")
    resumed = trained_members(RunFolder.open(run), "cpu", "fp32")
    np.testing.assert_array_equal(saved.scores(texts), resumed.scores(texts))
    for scorer in saved.members.scorers:  # type: ignore[attr-defined]
        assert np.abs(scorer.offsets).max() > 0
    # Over the pool, which is smaller than the sample, no label is preferred.
    members = saved.members.scores(texts)  # type: ignore[attr-defined]
    assert max(abs(own.mean(axis=1)).max() for own in members) < 1e-5
    assert offsets_of(run, "pattern-0") == [list(row) for row in resumed.members.scorers[0].offsets]


def test_a_fitted_classifier_scores_as_its_saved_copy(lively_bert: str, tmp_path: Path) -> None:
    words = Verbalizer(WORDS)
    task = Task("toy", LABELS, ["text"], [PVP("{text} it was {mask} .", words)])
    model = PETClassifier(task, method="zero-shot", backbone=lively_bert, device="cpu")
    model.fit([], unlabeled=TEXTS).save_pretrained(tmp_path / "saved")
    again = PETClassifier.from_pretrained(tmp_path / "saved", device="cpu")
    np.testing.assert_array_equal(model.predict_proba(TEXTS), again.predict_proba(TEXTS))
    raw = PETClassifier(
        task, method="zero-shot", backbone=lively_bert, device="cpu", offsets="none"
    ).fit([], unlabeled=TEXTS)
    assert not np.allclose(model.predict_proba(TEXTS), raw.predict_proba(TEXTS))
    logits = np.log(model.predict_proba(TEXTS))
    assert (logits[:, 0] - logits[:, 1]).mean() == pytest.approx(0, abs=1e-5)


def test_zero_shot_without_text_uses_inputs_without_content(
    files: Files, lively_bert: str, tmp_path: Path
) -> None:
    common = ["train", "--task", files.task, "--method", "zero-shot", "--backbone", lively_bert]
    common += ["--precision", "fp32"]
    for name, more in (("free", []), ("raw", ["--offsets", "none"])):
        assert pet(*common, "-o", tmp_path / name, *more).code == 0
    assert offsets_of(tmp_path / "raw", "pattern-1") is None
    model = trained_members(RunFolder.open(tmp_path / "free"), "cpu", "fp32")
    members = model.members.scores([{"text": text} for text in ("", "N/A", "[MASK]")])
    assert max(abs(own.mean(axis=1)).max() for own in members) < 1e-5
    shown = pet("explain", tmp_path / "free", "--text", "the film").out
    assert shown.count("    calibrated: negative ") == 4
    assert "calibrated" not in pet("explain", tmp_path / "raw", "--text", "the film").out


def test_a_trained_ensemble_with_learned_weights_is_calibrated_out_of_fold(
    files: Files, lively_bert: str, tmp_path: Path
) -> None:
    more = ["--method", "head", "--weighting", "learned", "--folds", 2, "--offsets", "prior"]
    result = train(files, lively_bert, tmp_path / "run", "--unlabeled", files.unlabeled, *more)
    assert result.code == 0, result.err


def test_data_names_what_a_run_learns_from() -> None:
    data = Data([Example({"text": "a"}, "no")], pool=pool_of(["b", "c"]))
    assert data.fingerprint()["unlabeled"]["n"] == 2
    assert data.fingerprint()["train"]["n"] == 1
