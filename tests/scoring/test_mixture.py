"""Mixtures of soft templates: probabilities, gradients and weights as the naive way has them."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from families import FAMILIES, MAX_LENGTH, save_family
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional
from toy import Files, pet, train

from pet import PVP, Example, Task, Verbalizer
from pet.backbone import MaskedLM
from pet.config import Settings, TrainingConfig
from pet.data import Data, Pool
from pet.encoding import Chunk
from pet.errors import UsageError
from pet.members import MemberSet, PatternSpec, specs_of, train_member
from pet.members.losses import label_losses
from pet.members.work import Work
from pet.scoring import PVPScorer, score_together
from pet.scoring.labelled import Labelled
from pet.scoring.soft import KINDS
from pet.scoring.soft.mixture import PACE, Mixture
from pet.scoring.soft.template import SoftSpec
from pet.scoring.view import view_pattern
from pet.task.kinds import KINDS as TASK_KINDS

LABELS = ("bad", "good", "so")
WORDS = Verbalizer({"good": ["great", "wonderful"], "bad": ["terrible"], "so": ["slow"]})
PATTERN = "{soft:2} {a} {soft:'it was'} {mask} ."
TEXTS = [{"a": "the film was very good but not the food"}, {"a": "zebra"}, {"a": ""}]
TARGETS = np.array([1, 0, 2])
EXAMPLES = [
    Example({"a": f"the {noun} was {how} and {how}"}, label)
    for noun in ("film", "food", "room", "train", "phone")
    for how, label in (("warm", "good"), ("cold", "bad"), ("just", "so"))
]
TASK = Task("toy", LABELS, ["a"], [PVP(PATTERN, WORDS)])
FAST = TrainingConfig(max_steps=6, batch_size=4, scope="prompt", offsets="none")


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> MaskedLM:
    folder = save_family(FAMILIES["bert"], tmp_path_factory.mktemp("mixture") / "bert", seed=3)
    return MaskedLM.load(str(folder), "cpu", "fp32")


def scorer(bert: MaskedLM, kind: str = "prompt-tuning", count: int = 3, **more: Any) -> PVPScorer:
    soft = SoftSpec(kind, "label-words", mixture=count, **more)
    return PVPScorer(PVP(PATTERN, WORDS), LABELS, bert, MAX_LENGTH, soft=soft)


def mixture(own: PVPScorer) -> Mixture:
    assert isinstance(own.soft, Mixture)
    return own.soft


@torch.no_grad()
def shake(own: PVPScorer) -> list[float]:
    """Move the templates, and give them uneven weights, which are returned."""
    generator = torch.Generator().manual_seed(1)
    for template in mixture(own).parts:
        for parameter in template.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.3)
    weights = torch.tensor([0.5, 0.3, 0.2])
    mixture(own).log_weights.copy_(weights.log())
    return weights.tolist()


def alone(own: PVPScorer, number: int, kind: str = "prompt-tuning", **more: Any) -> PVPScorer:
    """A scorer of one of the templates, and of nothing else."""
    other = scorer(own.backbone, kind, 1, **more)  # type: ignore[arg-type]
    assert other.soft is not None
    other.soft.load_state_dict(mixture(own).parts[number].state_dict())
    if kind in ("words", "prefix"):  # what they start as is a part of them, made from the spec
        other.soft.start.copy_(mixture(own).parts[number].start)  # type: ignore[union-attr,operator]
    return other


def probabilities(own: PVPScorer) -> Tensor:
    scores = own.score(Chunk(own.backbone.tokenizer, TEXTS))[0]
    return torch.from_numpy(scores).softmax(1)


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_are_those_of_the_templates_mixed(bert: MaskedLM, kind: str) -> None:
    own = scorer(bert, kind)
    weights = shake(own)
    expected = sum(
        weight * probabilities(alone(own, number, kind)) for number, weight in enumerate(weights)
    )
    torch.testing.assert_close(probabilities(own), expected)


def test_added_deep_vectors_perturb_every_template(bert: MaskedLM) -> None:
    own = scorer(bert, "deep", deep="add")
    assert all((part.table == 0).all() for part in mixture(own).parts)
    weights = shake(own)
    parts = [probabilities(alone(own, number, "deep", deep="add")) for number in range(3)]
    expected = sum(weight * part for weight, part in zip(weights, parts, strict=True))
    torch.testing.assert_close(probabilities(own), expected)


def test_templates_start_apart_and_the_first_as_it_would_alone(bert: MaskedLM) -> None:
    own = mixture(scorer(bert, seed=4))
    first = scorer(bert, count=1, seed=4).soft
    assert first is not None
    starts = [part.start for part in own.parts]
    assert torch.equal(starts[0], first.start)  # type: ignore[arg-type]
    spread = float(bert.model.get_input_embeddings().weight.detach().std())
    for start in starts[1:]:
        # Label words and "it was", moved.
        assert (start - starts[0]).std() == pytest.approx(spread / 2, rel=0.3)
    assert not torch.equal(starts[1], starts[2])
    again = mixture(scorer(bert, seed=4))
    assert all(
        torch.equal(*pair) for pair in zip(starts, (p.start for p in again.parts), strict=True)
    )
    assert own.weights.tolist() == pytest.approx([1 / 3] * 3)


def test_the_gradient_is_that_of_templates_weighed_by_their_responsibilities(
    bert: MaskedLM,
) -> None:
    own = scorer(bert)
    weights = torch.tensor(shake(own))
    labelled = Labelled(Chunk(bert.tokenizer, TEXTS), TARGETS, TASK_KINDS["single"])
    generator = np.random.default_rng(0)
    losses = label_losses(own, labelled, replace(FAST, batch_size=3), None, generator)
    next(losses)().backward()
    found = [part.vectors.grad for part in mixture(own).parts]
    shake_again = scorer(bert)
    shake(shake_again)
    others = [alone(shake_again, number) for number in range(3)]
    logs = []
    for other in others:
        batch = other.batch(other.encode(Chunk(bert.tokenizer, TEXTS)), np.arange(3))
        scores = other.label_scores(other.mask_states(batch))[0]
        logs.append(-functional.cross_entropy(scores, torch.from_numpy(TARGETS), reduction="none"))
    joint = weights[:, None] * torch.stack(logs).detach().exp()
    responsibilities = joint / joint.sum(0)
    (-(responsibilities * torch.stack(logs)).sum(0).mean()).backward()
    for gradient, other in zip(found, others, strict=True):
        assert other.soft is not None
        torch.testing.assert_close(gradient, other.soft.vectors.grad)  # type: ignore[union-attr]
    # And the weights have gone towards the mean responsibilities.
    expected = (1 - PACE) * weights + PACE * responsibilities.mean(1)
    torch.testing.assert_close(mixture(own).weights, expected)
    assert mixture(own).log_weights.grad is None


def bare(templates: int) -> Mixture:
    """Weights alone."""
    own = Mixture.__new__(Mixture)
    torch.nn.Module.__init__(own)
    own.templates = torch.nn.ModuleList(torch.nn.Identity() for _ in range(templates))
    even = torch.full((templates,), 1 / templates)
    own.log_weights = torch.nn.Parameter(even.log(), requires_grad=False)
    return own


@given(st.integers(2, 4), st.integers(2, 3), st.integers(1, 6), st.integers(0, 10_000))
def test_every_step_of_the_weights_makes_the_right_answers_likelier(
    templates: int, answers: int, rows: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(templates * rows, answers, generator=generator)
    right = torch.randint(answers, (rows,), generator=generator)
    own, likelihoods = bare(templates), []
    for _ in range(8):
        (logs,) = own.mixed([scores], right)
        assert logs.exp().sum(1).tolist() == pytest.approx([1] * rows, abs=1e-5)
        assert float(own.weights.sum()) == pytest.approx(1, abs=1e-5)
        likelihoods.append(float(logs[torch.arange(rows), right].sum()))
    assert all(after >= before - 1e-5 for before, after in pairwise(likelihoods))


def test_weights_end_where_em_ends() -> None:
    generator = torch.Generator().manual_seed(2)
    scores = torch.randn(3 * 7, 2, generator=generator)
    right = torch.randint(2, (7,), generator=generator)
    own = bare(3)
    for _ in range(1000):
        own.mixed([scores], right)
    table = scores.view(3, 7, 2).softmax(2)[:, torch.arange(7), right]
    weights = torch.full((3,), 1 / 3)
    for _ in range(100):  # PACE is a tenth
        joint = weights[:, None] * table
        weights = (joint / joint.sum(0)).mean(1)
    torch.testing.assert_close(own.weights, weights, atol=1e-2, rtol=0)


def test_weights_follow_once_a_batch_however_many_verbalizers_there_are() -> None:
    generator = torch.Generator().manual_seed(2)
    scores = torch.randn(3 * 7, 2, generator=generator)
    right = torch.randint(2, (7,), generator=generator)
    one, several = bare(3), bare(3)
    one.mixed([scores], right)
    found = several.mixed([scores, scores], right)
    torch.testing.assert_close(several.weights, one.weights)
    torch.testing.assert_close(found[0], found[1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_mixture_learns_and_is_saved_and_scored_again(
    bert: MaskedLM, kind: str, tmp_path: Path
) -> None:
    labels = ("bad", "good")  # three are too hard for a random model
    pvp = PVP(PATTERN, Verbalizer({label: WORDS.words[label] for label in labels}), soft=kind)
    task, examples = Task("toy", labels, ["a"], [pvp]), [e for e in EXAMPLES if e.label in labels]
    training = replace(FAST, max_steps=60, prompt_rate=5 * KINDS[kind].rate)
    own = PatternSpec("m", 0, pvp, 1, training, 64, soft=SoftSpec(kind, seed=1, mixture=3))
    before = {n: p.detach().clone() for n, p in bert.model.named_parameters()}
    result = train_member(bert, own, Work(task, Data(examples)))
    assert result.accuracy_after is not None
    assert result.accuracy_after >= 0.9
    assert all(torch.equal(p, before[n]) for n, p in bert.model.named_parameters())
    weights = result.weights["learned.soft.log_weights"].exp()
    assert float(weights.sum()) == pytest.approx(1, abs=1e-5)
    assert weights.std() > 0
    after = own.scorer(labels, bert)
    after.put(result.weights)
    expected = after.score(Chunk(bert.tokenizer, TEXTS))
    save_file(dict(result.weights), tmp_path / "m.safetensors")
    again = PatternSpec.from_dict(task, "m", json.loads(json.dumps(own.to_dict())), 64)
    members = MemberSet(bert, task, [again], {"m": load_file(tmp_path / "m.safetensors")})
    np.testing.assert_array_equal(members.scores(TEXTS)[0], expected)


def test_padding_other_rows_and_other_members_do_not_matter(bert: MaskedLM) -> None:
    own = scorer(bert)
    shake(own)
    together = own.score(Chunk(bert.tokenizer, TEXTS))
    for row, text in enumerate(TEXTS):
        single = own.score(Chunk(bert.tokenizer, [text]))
        np.testing.assert_allclose(single[:, 0], together[:, row], atol=1e-5)
    hard = PVPScorer(PVP("{a} it was {mask}", WORDS), LABELS, bert, MAX_LENGTH)
    chunk = Chunk(bert.tokenizer, TEXTS)
    first, second = score_together([hard, own], chunk)
    np.testing.assert_allclose(first, hard.score(chunk), atol=1e-5)
    np.testing.assert_allclose(second, together, atol=1e-5)


def test_questions_about_labels_are_mixed_answer_by_answer(bert: MaskedLM) -> None:
    words = Verbalizer({"yes": ["yes"], "no": ["no"]})
    pvp = PVP("{soft:2} {a} {label} {mask}", words)
    soft = SoftSpec(mixture=3)
    own = PVPScorer(pvp, LABELS, bert, MAX_LENGTH, soft=soft)
    weights = shake(own)
    found = own.score(Chunk(bert.tokenizer, TEXTS))[0]
    yes = 0.0
    for number, weight in enumerate(weights):
        other = PVPScorer(pvp, LABELS, bert, MAX_LENGTH, soft=SoftSpec())
        assert other.soft is not None
        other.soft.load_state_dict(mixture(own).parts[number].state_dict())
        odds = other.score(Chunk(bert.tokenizer, TEXTS))[0]
        yes = yes + weight / (1 + np.exp(-odds))
    np.testing.assert_allclose(found, np.log(yes / (1 - yes)), atol=1e-4)
    task = Task("toy", LABELS, ["a"], [pvp], kind="multi-label")
    training = replace(FAST, max_steps=3)
    spec = PatternSpec("m", 0, pvp, 1, training, 64, soft=soft)
    examples = [replace(own, label=(own.label,)) for own in EXAMPLES]
    weights_after = train_member(bert, spec, Work(task, Data(examples))).weights[
        "learned.soft.log_weights"
    ]
    assert weights_after.std() > 0


def test_words_are_shown_as_the_templates_mean(bert: MaskedLM) -> None:
    own = scorer(bert)
    weights = shake(own)
    seen = view_pattern(own, TEXTS[0])
    parts = [view_pattern(alone(own, number), TEXTS[0]) for number in range(3)]
    for word, value in seen.words[0][""].items():
        mean = sum(w * part.words[0][""][word] for w, part in zip(weights, parts, strict=True))
        assert value == pytest.approx(mean, abs=1e-5)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"readout": "prototypes"}, "prototypes(?s:.*)soft_mixture=1"),
        ({"objective": "adapet"}, "no mixture"),
        ({"lm_weight": 0.3}, "one template of a mixture alone"),
    ],
)
def test_what_a_mixture_cannot_be_trained_with_is_refused(
    bert: MaskedLM, changes: Any, problem: str
) -> None:
    readout = changes.pop("readout", "words")
    spec = PatternSpec(
        "m", 0, TASK.pvps[0], 1, replace(FAST, **changes), 64, readout, soft=SoftSpec(mixture=2)
    )
    pool = Pool(lambda: iter(EXAMPLES))
    with pytest.raises(UsageError, match=problem):
        train_member(bert, spec, Work(TASK, Data(EXAMPLES, pool=pool)))


def test_a_mixture_of_nothing_is_refused() -> None:
    hard = replace(TASK, pvps=[PVP("{a} {mask}", WORDS)])
    with pytest.raises(UsageError, match=r"no chosen pattern has slots(?s:.*)soft=KIND"):
        specs_of(hard, Settings.from_flat({"soft_mixture": 2}))
    assert specs_of(TASK, Settings.from_flat({"soft_mixture": 2}))  # slots of the task's own


def test_one_option_makes_mixtures_of_a_kind(tmp_path: Path, tiny_bert: str) -> None:
    settings = Settings.from_flat({"soft": "none,deep", "soft_mixture": 4})
    hard, soft = specs_of(replace(TASK, pvps=[PVP("{a} {mask}", WORDS)]), settings)
    assert hard.soft is None
    assert soft.soft is not None
    assert (soft.soft.kind, soft.soft.mixture) == ("deep", 4)
    files = Files.write(tmp_path)
    result = train(
        files, tiny_bert, tmp_path / "run", "--soft", "prompt-tuning", "--soft-mixture", 2,
        "--soft-slots", 3, "--scope", "prompt", "--method", "single",
    )  # fmt: skip
    assert result.code == 0, result.err
    saved = load_file(tmp_path / "run" / "members" / "pattern-0" / "weights.safetensors")
    assert [name for name in saved if name.endswith("vectors")] == [
        f"learned.soft.templates.{number}.vectors" for number in (0, 1)
    ]
    shown = pet("predict", tmp_path / "run", "--input", files.test, "--device", "cpu")
    assert shown.code == 0, shown.err
