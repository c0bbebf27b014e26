"""The ADAPET objective equals its formulas, moves the weights, and trains from the command line."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toy import Files, pet, train

from pet import PVP, Example, Task, Verbalizer
from pet.backbone import MaskedLM
from pet.config import TrainingConfig
from pet.data import Data
from pet.encoding import Chunk
from pet.errors import UsageError
from pet.members import PatternSpec, train_member
from pet.members.losses import label_losses
from pet.members.objectives.adapet import Adapet, binary_loss
from pet.members.work import Work
from pet.scoring import PVPScorer
from pet.scoring.labelled import Labelled

WORDS = Verbalizer({"no": ["bad", "sad"], "maybe": ["so"], "yes": ["good"]})
LONG = Verbalizer({"no": ["bad", "zoo"], "maybe": ["ox"], "yes": ["good"]})
LABELS = ("no", "maybe", "yes")
TEXTS = ["the film was cold", "all in all it was so so", "the food was warm and warm"]
TARGETS = np.array([0, 1, 2])


pytestmark = pytest.mark.usefixtures("fresh")


def scorer(backbone: MaskedLM, *verbalizers: Verbalizer, **more: Any) -> PVPScorer:
    return PVPScorer(PVP("{text} it was {mask} .", *verbalizers), LABELS, backbone, 64, **more)


def states(own: PVPScorer) -> Any:
    encoded = own.encode(Chunk(own.backbone.tokenizer, [{"text": text} for text in TEXTS]))
    batches = own.batch(encoded, np.arange(len(TEXTS)))
    return batches, own.mask_states(batches)


def probabilities(backbone: MaskedLM, ids: list[int]) -> Any:
    """Probabilities (L, V) of one row, through the plain model."""
    with torch.no_grad():
        logits = backbone.model(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids))).logits
    return logits[0].double()


def row(backbone: MaskedLM, text: str, masks: int) -> tuple[list[int], int]:
    tokenizer = backbone.hf_tokenizer
    ids = tokenizer(f"{text} it was {'[MASK] ' * masks} .")["input_ids"]
    return ids, ids.index(tokenizer.mask_token_id)


def label_loss(backbone: MaskedLM, verbalizer: Verbalizer, shifts: list[float]) -> list[float]:
    """The decoupled label loss of each example, one word at a time."""
    losses = []
    for text, target in zip(TEXTS, TARGETS, strict=True):
        total = 0.0
        for number, words in enumerate(verbalizer.words.values()):
            share = q = 0.0
            for word, weight in words.items():
                tokens = backbone.hf_tokenizer.encode(word, add_special_tokens=False)
                ids, place = row(backbone, text, len(tokens))
                logits = probabilities(backbone, ids)
                long = any(
                    len(backbone.hf_tokenizer.encode(other, add_special_tokens=False)) > 1
                    for own in verbalizer.words.values()
                    for other in own
                )
                if not long:
                    for own, others in enumerate(verbalizer.words.values()):
                        for other in others:
                            logits[:, backbone.hf_tokenizer.convert_tokens_to_ids(other)] -= shifts[
                                own
                            ]
                logs = logits.log_softmax(-1)
                log = sum(float(logs[place + n, token]) for n, token in enumerate(tokens))
                log -= shifts[number] if long else 0.0
                share += weight * log / sum(words.values())
                q += math.exp(log)
            # The geometric mean of right words, as scores are combined; the sum of wrong ones.
            total -= share if number == target else math.log(1 - q)
        losses.append(total)
    return losses


@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5]])
@pytest.mark.parametrize("offsets", [None, ((0.5, -0.3, 0.1),)])
@pytest.mark.parametrize("verbalizer", [WORDS, LONG], ids=["one-token", "multi-token"])
def test_the_label_loss_is_binary_over_the_whole_vocabulary(
    backbone: MaskedLM, verbalizer: Verbalizer, offsets: Any, weights: list[float] | None
) -> None:
    own = scorer(backbone, verbalizer, offsets=offsets)
    given = None if weights is None else torch.tensor(weights)
    objective = Adapet(own, given, np.random.default_rng(0))
    found = objective.label_loss(states(own)[1], torch.from_numpy(TARGETS))
    shifts = np.array(offsets[0]) - np.mean(offsets[0]) if offsets else np.zeros(3)
    losses = label_loss(backbone, verbalizer, shifts.tolist())
    assert float(found.detach()) == pytest.approx(np.average(losses, weights=weights), rel=1e-3)


@pytest.mark.parametrize("combine", ["mean", "logsumexp", "max"])
def test_no_word_of_a_wrong_label_may_keep_probability(
    backbone: MaskedLM, combine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {"no": ["bad"], "maybe": ["good", "warm"], "yes": ["great", "wonderful"]}
    objective = Adapet(
        scorer(backbone, Verbalizer(words, combine=combine)), None, np.random.default_rng(0)
    )

    def loss(target: str, **logits: float) -> float:
        row = torch.full((1, backbone.model.config.vocab_size), -30.0)
        for word, logit in logits.items():
            row[0, backbone.hf_tokenizer.convert_tokens_to_ids(word)] = logit
        monkeypatch.setattr(backbone, "vocabulary_logits", lambda states: row)
        targets = torch.tensor([LABELS.index(target)])
        return float(objective.label_loss({1: torch.zeros(1, 1, 1)}, targets))

    least = 0.0 if combine == "max" else np.log(2)  # of two words, which share what there is
    assert loss("maybe", good=9.0, warm=9.0) == pytest.approx(np.log(2), abs=1e-4)
    assert loss("maybe", good=9.0, warm=8.0) >= least - 1e-4
    # One word of a wrong label has half of all probability.
    assert loss("maybe", good=9.0, warm=9.0, great=9.0 + np.log(2)) > np.log(2) + np.log(4) - 0.01


def test_words_that_vote_have_no_probability_in_the_vocabulary(backbone: MaskedLM) -> None:
    own = scorer(backbone, Verbalizer({**WORDS.words}, combine="vote"))
    with pytest.raises(UsageError, match="vote"):
        Adapet(own, None, np.random.default_rng(0))


@pytest.mark.parametrize("verbalizer", [WORDS, LONG], ids=["one-token", "multi-token"])
def test_conditioning_asks_for_hidden_words_given_a_right_or_a_wrong_label(
    backbone: MaskedLM, verbalizer: Verbalizer
) -> None:
    own = scorer(backbone, verbalizer)
    objective = Adapet(own, None, np.random.default_rng(0))
    batches, _ = states(own)
    tokenizer = backbone.hf_tokenizer
    spelled = {
        number: [tokenizer.encode(word, add_special_tokens=False) for word in words]
        for number, words in enumerate(verbalizer.words.values())
    }
    seen = {True: 0, False: 0}
    for _ in range(12):
        questions = objective._questions(batches, TARGETS)
        losses = []
        assert sum(len(question.batch.ids) for question in questions) == len(TEXTS)
        for question in questions:
            ids = question.batch.ids.clone()
            ids[question.rows, question.columns] = question.tokens
            for number, filled in enumerate(ids.tolist()):
                filled = filled[: filled.index(tokenizer.sep_token_id) + 1]
                place = question.batch.masks[number].tolist()
                word = [filled[n] for n in place]
                before = tokenizer.decode(filled[1 : place[0] - 2])
                target = int(TARGETS[TEXTS.index(before)])
                hidden = [
                    (int(c), int(t), bool(r))
                    for q, c, t, r in zip(
                        question.rows, question.columns, question.tokens, question.right,
                        strict=True,
                    ) if int(q) == number
                ]  # fmt: skip
                noisy = list(filled)
                for column, token, right in hidden:
                    assert column not in place
                    assert token not in tokenizer.all_special_ids
                    assert any(word in spelled[n] for n in range(3) if (n == target) == right)
                    noisy[column] = tokenizer.mask_token_id
                    seen[right] += 1
                logs = probabilities(backbone, noisy).log_softmax(-1)
                for column, token, right in hidden:
                    q = math.exp(float(logs[column, token]))
                    losses.append(-math.log(q) if right else -math.log(1 - q))
        found = float(objective.conditioning_loss(questions).detach())
        assert found == pytest.approx(float(np.mean(losses)), rel=1e-3, abs=1e-4)
    assert min(seen.values()) > 5


def test_the_binary_loss_is_finite_and_has_gradients_at_both_ends() -> None:
    logs = torch.tensor([-90.0, -1e-9, 0.0, -0.7], requires_grad=True)
    for right in (True, False):
        loss = binary_loss(logs, torch.full((4,), right)).sum()
        (gradient,) = torch.autograd.grad(loss, logs)
        assert loss.isfinite()
        assert gradient.isfinite().all()
        assert gradient[3] != 0
    expected = [-math.log(0.2), -math.log(0.8)]
    found = binary_loss(torch.tensor([math.log(0.2)] * 2), torch.tensor([True, False]))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def member(**changes: Any) -> PatternSpec:
    training = TrainingConfig(
        max_steps=60, batch_size=3, learning_rate=5e-3, objective="adapet", **changes
    )
    return PatternSpec("m", 0, PVP("{text} it was {mask} .", WORDS), 1, training, 64)


EXAMPLES = [Example({"text": text}, LABELS[n]) for text, n in zip(TEXTS, TARGETS, strict=True)]
TASK = Task("toy", LABELS, ["text"], [member().pvp])


@pytest.mark.parametrize("scope", ["full", "head"])
def test_a_member_learns_by_it_and_repeats_bit_by_bit(backbone: MaskedLM, scope: Any) -> None:
    own = member(scope=scope)
    if scope != "full":
        own = replace(own, training=replace(own.training, learning_rate=2e-2))
    one = train_member(backbone, own, Work(TASK, Data(EXAMPLES)))
    two = train_member(backbone, own, Work(TASK, Data(EXAMPLES)))
    assert one.accuracy_after == 1.0
    assert all(torch.equal(one.weights[name], two.weights[name]) for name in one.weights)
    plain = replace(own, training=replace(own.training, objective="pet"))
    other = train_member(backbone, plain, Work(TASK, Data(EXAMPLES)))
    assert not all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)


def test_gradients_reach_the_encoder_from_both_halves(backbone: MaskedLM) -> None:
    own = scorer(backbone, WORDS)
    names = backbone.scope_names("full")
    parameters = backbone.weights.trainable(names)
    objective = Adapet(own, None, np.random.default_rng(0))
    batches, seen = states(own)
    halves = (
        objective.label_loss(seen, torch.from_numpy(TARGETS)),
        objective.conditioning_loss(objective._questions(batches, TARGETS)),
    )
    first = "bert.encoder.layer.0.attention.self.query.weight"
    for half in halves:
        (gradient,) = torch.autograd.grad(half, [parameters[first]])
        assert float(gradient.abs().max()) > 0
    backbone.weights.trainable(())


@pytest.mark.parametrize("readout", ["word-weights", "class-vectors", "prototypes"])
def test_readouts_without_plain_words_are_refused(backbone: MaskedLM, readout: str) -> None:
    with pytest.raises(UsageError, match="only the readout 'words' reads"):
        Adapet(scorer(backbone, WORDS, readout=readout), None, np.random.default_rng(0))


def test_patterns_that_name_a_label_are_refused(backbone: MaskedLM) -> None:
    pvp = PVP("{text} {label} ? {mask}", Verbalizer({"yes": ["yes"], "no": ["no"]}))
    own = PVPScorer(pvp, LABELS, backbone, 64)
    training = TrainingConfig(objective="adapet")
    chunk = Chunk(backbone.tokenizer, [{"text": text} for text in TEXTS])
    with pytest.raises(UsageError, match="do not name a"):
        next(label_losses(own, Labelled(chunk, TARGETS), training, None, np.random.default_rng(0)))


def test_from_the_command_line(tiny_bert: str, tmp_path: Path) -> None:
    files = Files.write(tmp_path)
    more = ["--objective", "adapet", "--patterns", "0-1", "--test", files.test]
    result = train(files, tiny_bert, tmp_path / "run", *more, "--unlabeled", files.unlabeled)
    assert result.code == 0, result.err
    assert pet("predict", tmp_path / "run", "--input", files.test).code == 0
    wrong = train(files, tiny_bert, tmp_path / "two", *more, "--readout", "prototypes")
    assert wrong.code == 2
    assert "--objective pet" in wrong.err
