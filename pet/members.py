"""Members: one PVP trained on the labelled examples. A spec goes in, a result comes out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pet.backbone import MaskedLM
from pet.calibration import balanced, prior
from pet.config import TrainingConfig, default_learning_rate
from pet.data import Example, Pool
from pet.encoding import Chunk, Encoded
from pet.errors import DataError
from pet.pvp import PVP
from pet.scoring import Offsets, PVPScorer, Scores
from pet.seeds import derived_seed, with_seed
from pet.task import Task
from pet.training import (
    Group,
    Progress,
    Schedule,
    class_weights,
    label_numbers,
    optimise,
    shuffled_batches,
    silent,
)

# Heads and biases alone move little at the rate that suits the whole model.
_RATE_FACTOR = {"full": 1.0, "head": 10.0, "bias": 10.0}


@dataclass(frozen=True)
class MemberSpec:
    """What one member is: everything that its training depends on, besides the data."""

    name: str
    pattern: int
    pvp: PVP
    seed: int
    training: TrainingConfig
    max_length: int


@dataclass(frozen=True)
class MemberResult:
    """What came of a member: the weights that differ from the backbone's, and how it went.

    ``offsets`` (V, C) calibrate its scores; None where they are left as they are.
    """

    name: str
    weights: Mapping[str, Tensor] = field(repr=False)
    accuracy_before: float | None
    accuracy_after: float | None
    steps: int
    loss: float
    seconds: float
    offsets: Offsets | None = None


def train_member(
    backbone: MaskedLM,
    spec: MemberSpec,
    task: Task,
    examples: Sequence[Example],
    dev: Sequence[Example] = (),
    pool: Pool | None = None,
    progress: Progress = silent,
    drawn: Sequence[Example] = (),
) -> MemberResult:
    """Train one member from the backbone's original weights; they stay in the backbone after it.

    Parameters
    ----------
    backbone : MaskedLM
        Its weights are reset first.
    spec : MemberSpec
        Pattern, seed and training settings; ``max_steps`` 0 leaves the member untrained.
    task : Task
        For the labels.
    examples : sequence of Example
        Labelled examples; may be empty for an untrained member.
    dev : sequence of Example
        Where there are any, training stops early on them.
    pool : Pool, optional
        Unlabelled text for the masked-LM loss and for calibration.
    progress : callable
        Told the member's name, steps done and total.
    drawn : sequence of Example
        Examples that other members labelled: trained on too, but not counted in the accuracies.
    """
    start = time.perf_counter()
    training = spec.training
    generator = with_seed(spec.seed)
    backbone.weights.put({})
    scorer = PVPScorer(spec.pvp, task.labels, backbone, spec.max_length)
    measure = _accuracy_on(examples, task, backbone)
    everything = [*examples, *drawn]
    steps = training.steps_for(len(everything)) if everything else 0
    calibration = training.calibration_of(trained=steps > 0)
    if everything and calibration == "labelled":
        scorer = scorer.calibrated(balanced(scorer, *_encoded_labels(scorer, everything)))
    if not steps:
        if calibration == "prior":
            scorer = scorer.calibrated(prior(scorer, pool, derived_seed(spec.seed, 1)))
        accuracy, seconds = measure(scorer), time.perf_counter() - start
        return MemberResult(spec.name, {}, accuracy, accuracy, 0, 0.0, seconds, scorer.offsets)
    before = measure(scorer)
    chunk, targets = _encoded_labels(scorer, everything)
    names = backbone.scope_names(training.scope)
    parameters = list(backbone.weights.trainable(names).values())
    rate = training.learning_rate or (
        default_learning_rate(backbone.hidden_size) * _RATE_FACTOR[training.scope]
    )
    fit = optimise(
        [Group(parameters)],
        _losses(scorer, chunk, targets, training, pool, generator),
        Schedule(
            steps,
            rate,
            training.accumulation,
            training.weight_decay,
            training.warmup,
            training.clip_norm,
            training.eval_every,
            training.patience,
        ),
        backbone.compute,
        _dev_score(scorer, dev, task),
        lambda done, total: progress(spec.name, done, total),
    )
    backbone.weights.trainable(())
    if calibration == "prior":  # of the trained member, so training never sees it
        scorer = scorer.calibrated(prior(scorer, pool, derived_seed(spec.seed, 1)))
    return MemberResult(
        spec.name,
        backbone.weights.take(names),
        before,
        measure(scorer),
        fit.steps,
        fit.loss,
        time.perf_counter() - start,
        scorer.offsets,
    )


def _encoded_labels(
    scorer: PVPScorer, examples: Sequence[Example]
) -> tuple[Chunk, NDArray[np.int64]]:
    texts = [example.texts for example in examples]
    targets = label_numbers([example.label for example in examples], scorer.labels)
    return Chunk(scorer.backbone.tokenizer, texts), targets


def _accuracy_on(
    examples: Sequence[Example], task: Task, backbone: MaskedLM
) -> Callable[[PVPScorer], float | None]:
    if not examples:
        return lambda scorer: None
    chunk = Chunk(backbone.tokenizer, [example.texts for example in examples])
    targets = label_numbers([example.label for example in examples], task.labels)
    return lambda scorer: float((scorer.score(chunk).mean(axis=0).argmax(axis=1) == targets).mean())


def _dev_score(scorer: PVPScorer, dev: Sequence[Example], task: Task) -> Callable[[], float] | None:
    if not dev:
        return None
    measure = _accuracy_on(dev, task, scorer.backbone)
    return lambda: measure(scorer) or 0.0


def _losses(
    scorer: PVPScorer,
    chunk: Chunk,
    targets: NDArray[np.int64],
    training: TrainingConfig,
    pool: Pool | None,
    generator: np.random.Generator,
) -> Iterator[Tensor]:
    backbone = scorer.backbone
    device = backbone.compute.device
    weights = class_weights(targets, len(scorer.labels), training.class_weight)
    weights = None if weights is None else weights.to(device)
    labels = torch.from_numpy(targets).to(device)
    encoded = scorer.encode(chunk)
    lm_losses = None
    if training.lm_weight > 0:
        if pool is None or not len(pool):
            raise DataError("lm_weight needs unlabelled text.", "Give --unlabeled FILE.")
        lm_losses = _lm_losses(scorer, pool, training.batch_size, generator)
    frozen = None
    if training.scope == "head" and backbone.has_separate_head and lm_losses is None:
        frozen = _encoder_states(scorer, encoded)
    for rows in shuffled_batches(len(targets), training.batch_size, generator):
        backbone.model.train(training.dropout)
        if frozen is None:
            states = scorer.mask_states(scorer.batch(encoded, rows))
        else:
            states = {
                count: backbone.head_states(part[torch.from_numpy(rows)])
                for count, part in frozen.items()
            }
        scores = scorer.label_scores(states)
        loss_of = margin_loss if scorer.is_multi_token else functional.cross_entropy
        own = labels[torch.from_numpy(rows)]
        loss = torch.stack([loss_of(part, own, weights) for part in scores]).mean()
        if lm_losses is not None:
            loss = (1 - training.lm_weight) * loss + training.lm_weight * next(lm_losses)
        backbone.model.eval()
        yield loss


def margin_loss(scores: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Hinge loss for words of several tokens: sum of max(0, 1 - s_right + s_wrong).

    Scores (B, C) are log-probabilities, so this is PET's loss (2009.07118, section 3.3) with one
    term a label.
    """
    right = scores.gather(1, targets[:, None])
    gaps = (1 - right + scores).clamp_min(0)
    gaps = gaps.scatter(1, targets[:, None], 0.0).sum(dim=1)
    return (
        gaps.mean() if weights is None else (gaps * weights[targets]).sum() / weights[targets].sum()
    )


@torch.no_grad()
def _encoder_states(scorer: PVPScorer, encoded: Mapping[int, Encoded]) -> dict[int, Tensor]:
    """Encoder output at the masks of all examples: computed once where the encoder is frozen."""
    frozen = {}
    for count, part in encoded.items():
        states: Tensor | None = None
        for rows in part.batches(scorer.backbone.compute.token_budget):
            batch = part.batch(rows, scorer.backbone.compute.device)
            numbers = torch.arange(len(rows), device=batch.ids.device)[:, None].expand(-1, count)
            found = scorer.backbone.encoder_states(batch, numbers, batch.masks).float()
            if states is None:
                states = found.new_empty(len(part), *found.shape[1:])
            states[torch.from_numpy(rows)] = found
        if states is not None:
            frozen[count] = states
    return frozen


def _lm_losses(
    scorer: PVPScorer, pool: Pool, size: int, generator: np.random.Generator
) -> Iterator[Tensor]:
    """Masked-LM loss on unlabelled pattern inputs: 15 % of the text, never the label's slot.

    Of the chosen tokens 80 % are masked, 10 % replaced and 10 % kept (Devlin 2019, section 3.1).
    """
    backbone = scorer.backbone
    tokenizer = backbone.tokenizer
    special = np.array(tokenizer.special_ids)
    while True:
        for examples in pool.chunks():
            chunk = Chunk(tokenizer, [example.texts for example in examples])
            encoded = next(iter(scorer.encode(chunk).values()))
            order = generator.permutation(len(encoded))
            for start in range(0, len(order), size):
                batch = encoded.batch(order[start : start + size], backbone.compute.device)
                ids = batch.ids.cpu().numpy()
                eligible = ~np.isin(ids, special)
                if not eligible.any():  # empty texts in a pattern without words
                    yield torch.zeros((), device=batch.ids.device)
                    continue
                chosen = eligible & (generator.random(ids.shape) < 0.15)
                if not chosen.any():
                    chosen[np.unravel_index(eligible.argmax(), ids.shape)] = True
                kind = generator.random(ids.shape)
                random_ids = generator.integers(0, tokenizer.vocabulary_size, ids.shape)
                corrupted = np.where(chosen & (kind >= 0.9), random_ids, ids)
                corrupted[chosen & (kind < 0.8)] = tokenizer.mask_id
                noisy = replace(batch, ids=torch.from_numpy(corrupted).to(batch.ids))
                rows, columns = torch.from_numpy(chosen).to(batch.ids.device).nonzero(as_tuple=True)
                states = backbone.states_at(noisy, rows, columns)
                logits = backbone.vocabulary_logits(states)
                yield functional.cross_entropy(logits, batch.ids[rows, columns])


class MemberSet:
    """Several members on one backbone, which holds the weights of one of them at a time.

    Parameters
    ----------
    backbone : MaskedLM
        Shared.
    task : Task
        For labels.
    specs : sequence of MemberSpec
        The members.
    weights : mapping
        Member name to its weights; a member without any is untrained.
    offsets : mapping, optional
        Member name to the offsets that calibrate its scores.
    """

    def __init__(
        self,
        backbone: MaskedLM,
        task: Task,
        specs: Sequence[MemberSpec],
        weights: Mapping[str, Mapping[str, Tensor]],
        offsets: Mapping[str, Offsets | None] | None = None,
    ) -> None:
        self.backbone = backbone
        self.task = task
        self.specs = tuple(specs)
        self.weights = weights
        self.scorers = [
            PVPScorer(
                spec.pvp, task.labels, backbone, spec.max_length, (offsets or {}).get(spec.name)
            )
            for spec in specs
        ]

    def scores(self, texts: Sequence[Mapping[str, str]]) -> list[Scores]:
        """Score examples with every member: a list of (verbalizers, N, C)."""
        chunk = Chunk(self.backbone.tokenizer, texts)
        scores = []
        for spec, scorer in zip(self.specs, self.scorers, strict=True):
            self.backbone.weights.put(self.weights.get(spec.name, {}))
            scores.append(scorer.score(chunk))
        return scores
