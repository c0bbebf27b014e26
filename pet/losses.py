"""What members minimise: losses of labelled examples, and of unlabelled text beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pet.backbone import LanguageModel
from pet.config import TrainingConfig
from pet.data import Pool
from pet.demonstrations import Bank
from pet.encoding import Batch, Chunk, Encoded
from pet.errors import DataError, UsageError
from pet.kinds import KINDS, Kind
from pet.lm.masking import Masking
from pet.negatives import draw_questions
from pet.objectives import OBJECTIVES
from pet.objectives.base import LossOfStates
from pet.readouts.base import States
from pet.scoring import PVPScorer
from pet.training import Loss, class_weights, shuffled_batches


@dataclass(frozen=True)
class LabelLoss:
    """The loss of a batch of labelled examples; called, it runs the model.

    ``batches`` are its inputs by number of masks, and ``of_states`` is what remains to be computed
    from their states, or from none: then it runs the model itself.
    """

    batches: Mapping[int, Batch]
    of_states: Callable[[States | None], Tensor]

    def __call__(self) -> Tensor:
        """Compute it."""
        return self.of_states(None)


def joint_losses(backbone: LanguageModel, losses: Sequence[LabelLoss]) -> list[Tensor]:
    """Compute losses of several members in one forward pass; none of them changes the backbone."""
    if len(losses) == 1:
        return [losses[0]()]
    every = [batch for loss in losses for batch in loss.batches.values()]
    states = iter(backbone.joint_states(every))
    return [loss.of_states({count: next(states) for count in loss.batches}) for loss in losses]


def label_losses(
    scorer: PVPScorer,
    chunk: Chunk,
    targets: NDArray[np.int64],
    training: TrainingConfig,
    pool: Pool | None,
    generator: np.random.Generator,
    bank: Bank | None = None,
    kind: Kind = KINDS["single"],
) -> Iterator[LabelLoss]:
    """Yield the loss of one batch of labelled examples after another, for ever.

    The rows of a batch are drawn before its loss is yielded and the model runs when it is called;
    see `pet.training.Loss`.

    Parameters
    ----------
    scorer : PVPScorer
        Whose scores are trained.
    chunk : Chunk
        N labelled examples.
    targets : array (N,) or (N, C)
        Their labels, as the kind of task has them.
    training : TrainingConfig
        Objective, batch size, class weights, wrong labels to ask about, share of the masked-LM
        loss.
    pool : Pool, optional
        Unlabelled text for the masked-LM loss.
    generator : numpy.random.Generator
        Of the order of examples and of all else that is drawn.
    bank : Bank, optional
        Where the scorer shows demonstrations: what they are drawn from, anew for every batch.
    kind : Kind
        Of the task.
    """
    if scorer.variants > 1 and training.lm_weight > 0:
        raise UsageError(
            "The masked-LM loss trains one template of a mixture alone.",
            "Leave out --lm-weight, or use --mixture 1.",
        )
    backbone = scorer.backbone
    device = backbone.compute.device
    n_labels = len(scorer.labels)
    asks_few = scorer.questions > 1  # of all questions about all labels

    def draw(targets: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.bool_]:
        if asks_few:
            return draw_questions(kind.truth(targets, n_labels), training.negatives, generator)
        return np.ones((len(targets), 1), dtype=bool)

    # How often an alternative is the true one depends on how many questions are asked, not which.
    usual = kind.decided(draw(targets, np.random.default_rng(0)))
    outcomes, alternatives = kind.outcomes(targets)[usual], kind.alternatives(n_labels)
    weights = class_weights(outcomes, alternatives, training.class_weight)
    weights = None if weights is None else weights.to(device)
    objective = OBJECTIVES[training.objective](scorer, weights, generator, kind)
    encoded = scorer.encode(chunk)
    lm_losses = None
    if training.lm_weight > 0:
        if pool is None or not len(pool):
            raise DataError("lm_weight needs unlabelled text.", "Give --unlabeled FILE.")
        lm_losses = lm_losses_on(scorer, pool, training.batch_size, generator)
    frozen = None
    # Not of soft patterns, whose slots change what the encoder says, nor of questions about all
    # labels, of which only a few are asked.
    keeps = scorer.soft is None and not asks_few and lm_losses is None
    keeps = keeps and backbone.has_separate_head and not objective.needs_inputs and bank is None
    if keeps and training.weights_scope(soft=False) == "head":
        frozen = _encoder_states(scorer, encoded)

    def kept_states(frozen: States, rows: NDArray[np.int64]) -> States:
        chosen = torch.from_numpy(rows)
        return {count: backbone.head_states(part[chosen]) for count, part in frozen.items()}

    def loss_of(
        rows: NDArray[np.int64],
        batches: Mapping[int, Batch],
        loss_of_states: LossOfStates,
        lm_loss: Loss | None,
        states: States | None,
    ) -> Tensor:
        backbone.model.train(training.dropout)
        if states is None:
            states = scorer.mask_states(batches) if frozen is None else kept_states(frozen, rows)
        loss = loss_of_states(states)
        if lm_loss is not None:
            loss = (1 - training.lm_weight) * loss + training.lm_weight * lm_loss()
        backbone.model.eval()
        return loss

    for texts in shuffled_batches(len(targets), training.batch_size, generator):
        asked = draw(targets[texts], generator)
        rows = (texts[:, None] * scorer.questions + np.arange(scorer.questions))[asked]
        batches: Mapping[int, Batch] = {}
        if bank is not None:
            shown = scorer.encode_beside(bank.sample(chunk, texts, generator))
            batches = scorer.batch(shown, np.arange(len(texts)))
        elif frozen is None:
            batches = scorer.batch(encoded, rows)
        prepared = objective.prepare(batches, targets[texts], asked)
        lm_loss = None if lm_losses is None else next(lm_losses)
        yield LabelLoss(batches, partial(loss_of, rows, batches, prepared, lm_loss))


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


def lm_losses_on(
    scorer: PVPScorer, pool: Pool, size: int, generator: np.random.Generator
) -> Iterator[Loss]:
    """Masked-LM loss on unlabelled pattern inputs: 15 % of the tokens, never the label's slot."""
    backbone = scorer.backbone
    masking = Masking.of(backbone.tokenizer, 0.15, 0.8, 0.1)

    def loss_of(batch: Batch, seen: NDArray[np.int64], chosen: NDArray[np.bool_]) -> Tensor:
        if not chosen.any():  # empty texts in a pattern without words
            return torch.zeros((), device=batch.ids.device)
        noisy = scorer.prompted(replace(batch, ids=torch.from_numpy(seen).to(batch.ids)))
        rows, columns = torch.from_numpy(chosen).to(batch.ids.device).nonzero(as_tuple=True)
        logits = backbone.logits_at(noisy, rows, columns)
        return functional.cross_entropy(logits, batch.ids[rows, columns])

    while True:
        for examples in pool.chunks():
            chunk = Chunk(backbone.tokenizer, [example.texts for example in examples])
            encoded = next(iter(scorer.encode(chunk).values()))
            order = generator.permutation(len(encoded))
            for start in range(0, len(order), size):
                batch = encoded.batch(order[start : start + size], backbone.compute.device)
                ids = batch.words(masking.mask_id)
                seen, chosen = masking(np.stack([ids, np.ones_like(ids)], axis=1), generator)
                yield partial(loss_of, batch, seen, chosen)
