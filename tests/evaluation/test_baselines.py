"""Baselines against direct use of the libraries they come from."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from toy import labelled_rows, toy_task, unlabelled_rows
from transformers import AutoModel, AutoTokenizer

from pet import PVP, Example, PetError, Task, Verbalizer
from pet.backbone import MaskedLM
from pet.backbone.embedding import mean_embeddings
from pet.config import BackboneConfig, Settings, TrainingConfig
from pet.encoding import Encoder
from pet.errors import BackboneError, DataError
from pet.evaluation.study.baselines import BASELINES, embedding, require, setfit, tfidf

TASK = toy_task()
ROWS = labelled_rows()
EXAMPLES = [Example({"text": row["text"]}, row["label"]) for row in ROWS]
TEXTS = [row["text"] for row in ROWS]
TARGETS = [TASK.labels.index(row["label"]) for row in ROWS]
NEW = [row["text"] for row in unlabelled_rows()]


def settings(backbone: str = "pet-mini", **training: object) -> Settings:
    return Settings(
        backbone=BackboneConfig(backbone, "cpu", "fp32"),
        training=TrainingConfig(**training),  # type: ignore[arg-type]
    )


def as_texts(texts: list[str]) -> list[dict[str, str]]:
    return [{"text": text} for text in texts]


@pytest.mark.parametrize("how", ["none", "balanced"])
def test_tfidf_is_what_scikit_learn_gives(how: str) -> None:
    examples, targets = EXAMPLES[:8], TARGETS[:8]
    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+")
    regression = LogisticRegression(
        max_iter=10_000, class_weight="balanced" if how == "balanced" else None
    )
    regression.fit(vectors.fit_transform(TEXTS[:8]), targets)
    fitted = tfidf(TASK, examples, settings(class_weight=how))
    scores = fitted.scores(as_texts(NEW))
    assert scores.shape == (len(NEW), 2)
    wanted = regression.predict_proba(vectors.transform(NEW))
    np.testing.assert_allclose(softmax(scores, axis=1), wanted, rtol=1e-5)


def naive_embeddings(folder: str, texts: list[str]) -> np.ndarray:
    """One text at a time, so nothing is padded."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    with torch.inference_mode():
        states = [model.eval()(**tokenizer(text, return_tensors="pt"))[0] for text in texts]
    return np.stack([own[0].mean(dim=0).numpy() for own in states])


def test_mean_embeddings_ignore_padding_and_the_order_of_batches(tiny_bert: str) -> None:
    backbone = MaskedLM.load(tiny_bert, "cpu", "fp32")
    encoder = Encoder.plain(backbone.tokenizer, ["text"], 64)
    texts = ["a film", "the room was not very warm but it was just a room", "bad", *NEW]
    found = mean_embeddings(backbone, encoder, as_texts(texts))
    np.testing.assert_allclose(found, naive_embeddings(tiny_bert, texts), atol=1e-5)


def test_embedding_is_a_regression_on_mean_states(tiny_bert: str) -> None:
    scaler, regression = StandardScaler(), LogisticRegression(max_iter=10_000)
    regression.fit(scaler.fit_transform(naive_embeddings(tiny_bert, TEXTS)), TARGETS)
    wanted = regression.predict_proba(scaler.transform(naive_embeddings(tiny_bert, NEW)))
    scores = embedding(TASK, EXAMPLES, settings(tiny_bert)).scores(as_texts(NEW))
    np.testing.assert_allclose(softmax(scores, axis=1), wanted, atol=1e-3)


@pytest.mark.parametrize("method", ["tfidf", "embedding"])
def test_a_label_without_an_example_is_never_predicted(method: str, tiny_bert: str) -> None:
    words = Verbalizer({"negative": ["bad"], "mixed": ["so"], "positive": ["good"]})
    task = Task("toy", list(words.labels), ["text"], [PVP("{text} {mask}", words)])
    scores = BASELINES[method](task, EXAMPLES, settings(tiny_bert)).scores(as_texts(NEW))
    shares = softmax(scores, axis=1)
    assert (shares[:, 1] == 0).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("method", ["tfidf", "embedding"])
def test_two_fields_both_count(method: str, tiny_bert: str) -> None:
    words = Verbalizer({"no": ["no"], "yes": ["yes"]})
    task = Task("pair", ["no", "yes"], ["a", "b"], [PVP("{a}{sep}{mask}, {b}", words)])
    examples = [Example({"a": "film", "b": answer}, answer) for answer in ("no", "yes")]
    model = BASELINES[method](task, examples, settings(tiny_bert))
    scores = model.scores([{"a": "film", "b": "no"}, {"a": "film", "b": "yes"}])
    assert scores.argmax(axis=1).tolist() == [0, 1]


@pytest.mark.parametrize("method", ["tfidf", "embedding"])
def test_one_label_alone_is_refused(method: str, tiny_bert: str) -> None:
    with pytest.raises(DataError, match="needs examples of two labels; found 5 examples of 1"):
        BASELINES[method](TASK, EXAMPLES[:5], settings(tiny_bert))


def test_texts_without_a_word_are_refused() -> None:
    examples = [Example({"text": "!!"}, "negative"), Example({"text": "??"}, "positive")]
    with pytest.raises(DataError, match="TF-IDF finds nothing to learn from"):
        tfidf(TASK, examples, settings())


@pytest.mark.skipif(find_spec("setfit") is not None, reason="setfit is installed")
def test_setfit_names_the_line_that_installs_it() -> None:
    for refused in (lambda: require("setfit"), lambda: setfit(TASK, EXAMPLES, settings())):
        with pytest.raises(PetError, match=r"pip install 'pet-fewshot\[setfit\]'"):
            refused()


@pytest.mark.skipif(find_spec("setfit") is None, reason="needs the extra setfit")
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("steps", [0, 3])
def test_setfit_trains_and_is_the_same_for_one_seed(tiny_bert: str, steps: int) -> None:
    how = settings(tiny_bert, max_steps=steps)
    scores = [setfit(TASK, EXAMPLES, how).scores(as_texts(NEW)) for _ in range(2)]
    assert scores[0].shape == (len(NEW), 2)
    np.testing.assert_allclose(softmax(scores[0], axis=1).sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(*scores)


@pytest.mark.skipif(find_spec("setfit") is None, reason="needs the extra setfit")
def test_setfit_wants_a_folder() -> None:
    with pytest.raises(BackboneError, match="needs the backbone as a folder"):
        setfit(TASK, EXAMPLES, settings("no/such-model"))
