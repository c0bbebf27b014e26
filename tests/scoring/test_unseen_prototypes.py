"""Prototypes as if an example had not been seen: scores by the others, and figures from these."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.model_selection import StratifiedKFold
from toy import warm_or_cold

from pet import PVP, Example, Task, Verbalizer
from pet.backbone import MaskedLM
from pet.config import TrainingConfig
from pet.data import Data
from pet.encoding import Chunk
from pet.members import PatternSpec, train_member
from pet.members.work import Work
from pet.scoring import PVPScorer
from pet.scoring.labelled import Labelled
from pet.scoring.offsets import balanced

pytestmark = pytest.mark.usefixtures("fresh")

WORDS = Verbalizer({"no": ["bad"], "yes": ["good"]})
TASK = Task("toy", ["no", "yes"], ["text"], [PVP("{text} it was {mask} .", WORDS)])
EXAMPLES = warm_or_cold()
TEXTS = [example.texts for example in EXAMPLES]
TARGETS = np.array([TASK.labels.index(str(example.label)) for example in EXAMPLES])
FAST = TrainingConfig(max_steps=12, batch_size=4, learning_rate=2e-3)


def spec(**changes: Any) -> PatternSpec:
    return PatternSpec("p", 0, TASK.pvps[0], 1, replace(FAST, **changes), 64, "prototypes")


def scorer(backbone: MaskedLM) -> PVPScorer:
    return spec().scorer(TASK.labels, backbone)


def test_an_example_is_scored_by_prototypes_that_it_is_not_in(backbone: MaskedLM) -> None:
    """Those that a scorer has that starts from the other folds alone."""
    torch.manual_seed(2)
    own, chunk = scorer(backbone), Chunk(backbone.tokenizer, TEXTS)
    begun = {name: value.clone() for name, value in own.learned.state_dict().items()}
    unseen = own.start(Labelled(chunk, TARGETS))
    assert unseen is not None
    known, other = own.score(chunk), scorer(backbone)
    splits = StratifiedKFold(5, shuffle=True, random_state=0).split(TEXTS, TARGETS)
    for inside, outside in splits:
        other.learned.load_state_dict(begun)
        other.start(
            Labelled(Chunk(backbone.tokenizer, [TEXTS[n] for n in inside]), TARGETS[inside])
        )
        np.testing.assert_allclose(
            unseen[:, outside], other.score(chunk)[:, outside], atol=1e-4, rtol=1e-4
        )
    own.learned.load_state_dict(begun)
    own.start(Labelled(chunk, TARGETS))
    np.testing.assert_array_equal(own.score(chunk), known)
    assert not np.allclose(unseen, known, atol=0.1)


def test_one_example_of_each_label_cannot_be_left_out(backbone: MaskedLM) -> None:
    own = scorer(backbone)
    assert own.start(Labelled(Chunk(backbone.tokenizer, TEXTS[:2]), np.array([0, 1]))) is None
    result = train_member(backbone, spec(), Work(TASK, Data(EXAMPLES[:2])))
    assert (result.accuracy_before, result.accuracy_after) == (None, 1.0)


@pytest.mark.parametrize("steps", [0, 1])
def test_accuracy_before_training_is_that_on_examples_left_out(
    backbone: MaskedLM, steps: int
) -> None:
    """Each of these texts is a prototype's, and says nothing about the others."""
    words = "good bad sad great nice cold warm red blue fast slow new".split()
    labels = np.random.default_rng(0).permutation(["no", "yes"] * 6)
    drawn = [
        Example({"text": f"{word} {word}"}, str(label))
        for word, label in zip(words, labels, strict=True)
    ]
    own = spec(max_steps=steps, offsets="labelled")
    result = train_member(backbone, own, Work(TASK, Data(drawn)))
    backbone.weights.put({})
    torch.manual_seed(own.seed)
    known = scorer(backbone)
    chunk = Chunk(backbone.tokenizer, [example.texts for example in drawn])
    targets = np.array([TASK.labels.index(str(label)) for label in labels])
    unseen = known.start(Labelled(chunk, targets))
    assert unseen is not None
    of_known = known.score(chunk)
    offsets = np.array(balanced(of_known, targets))[:, None]
    right = [((s - offsets)[0].argmax(axis=1) == targets).mean() for s in (of_known, unseen)]
    assert result.accuracy_before == right[1] < right[0] - 0.2
