"""Refining on examples: words by PETAL, patterns by their fit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from pet.backbone import LanguageModel, load_backbone
from pet.config import BackboneConfig
from pet.data import Example
from pet.drafting import draft_task, refined
from pet.drafting.refining import PATTERNS, WORDS, _best, _log_likelihood, refined_draft
from pet.errors import DataError

BILLING = ["I was charged twice.", "The invoice is wrong.", "Refund my payment.", "Why this fee?"]
TECHNICAL = ["The app crashes.", "The screen stays black.", "It does not load.", "Error 500 again."]


def examples(names: tuple[str, str]) -> list[Example]:
    rows = [(text, names[0]) for text in BILLING] + [(text, names[1]) for text in TECHNICAL]
    return [Example({"text": text}, label) for text, label in rows]


@pytest.fixture(scope="module")
def mini() -> LanguageModel:
    return load_backbone(BackboneConfig(device="cpu", precision="fp32"))


def test_words_are_found_that_fit_and_names_stay(mini: LanguageModel) -> None:
    made = refined(draft_task(["billing", "technical"]), examples(("billing", "technical")), mini)
    words = made.task.pvps[0].verbalizers[0].words
    assert next(iter(words["billing"])) == "billing"
    assert next(iter(words["technical"])) == "technical"
    assert {"payment", "fee", "bill"} & {*words["billing"]}
    assert all(len(own) == WORDS for own in words.values())
    assert len(made.task.pvps) == PATTERNS
    assert made.is_refined
    again = refined(draft_task(["billing", "technical"]), examples(("billing", "technical")), mini)
    assert again == made  # no chance is in it


def test_numbers_get_the_words_of_their_examples(mini: LanguageModel) -> None:
    made = refined(draft_task(["0", "1"]), examples(("0", "1")), mini)
    words = made.task.pvps[0].verbalizers[0].words
    assert "0" not in words["0"]
    assert {"payment", "fee", "bill"} & {*words["0"]}


def test_a_label_without_examples_leaves_the_draft(mini: LanguageModel) -> None:
    first = draft_task(["billing", "technical", "account"])
    made = refined(first, examples(("billing", "technical")), mini)
    assert made.task == first.task
    assert made.decisions[-1] == "Words are not refined: no example of account."


def test_usual_names_keep_their_words(mini: LanguageModel) -> None:
    first = draft_task(["negative", "positive"])
    assert refined(first, examples(("negative", "positive")), mini) == first


def test_numbers_without_examples_are_refused() -> None:
    with pytest.raises(DataError, match="labels are numbers"):
        refined_draft(draft_task(["0", "1"]), [], [], BackboneConfig())


def test_the_fit_is_the_best_temperatures_likelihood() -> None:
    generator = np.random.default_rng(0)
    targets = generator.integers(0, 3, 40)
    scores = generator.normal(size=(40, 3)) + 2 * np.eye(3)[targets]

    def loss(log_t: float) -> float:
        each = log_softmax(scores / np.exp(log_t), axis=1)
        return 0.5 * log_t**2 - sum(each[row, target] for row, target in enumerate(targets))

    log_t = minimize_scalar(loss, bounds=(-5, 5), method="bounded", options={"xatol": 1e-8}).x
    expected = np.mean(
        [log_softmax(scores / np.exp(log_t), axis=1)[row, t] for row, t in enumerate(targets)]
    )
    assert _log_likelihood(scores, targets) == pytest.approx(expected, abs=1e-6)


def test_few_patterns_of_a_family_are_kept() -> None:
    chosen = _best(list("abcdef"), ["x", "x", "x", "y", "y", "z"], [6, 5, 4, 3, 2, 1])
    assert chosen == ["a", "b", "d", "e"]
    assert _best(["a"], ["x"], [0]) == ["a"]
