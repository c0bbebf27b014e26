"""ADAPET's objective: more to learn from the same few examples, without unlabelled text.

Source: Tam et al., EMNLP 2021, section 3.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from pet.backbone import MaskedLM
from pet.encoding import Batch
from pet.encoding.masking import Flags, Masking
from pet.errors import UsageError
from pet.members.objectives.base import LossOfStates, Objective
from pet.scoring import PVPScorer
from pet.scoring.readouts.words import WordReadout
from pet.task.kinds import KINDS, Kind
from pet.types import Ints

# The largest log-probability with a finite complement in fp32.
_CERTAIN = -1e-6


class Adapet(Objective):
    """Decoupled label loss plus label conditioning.

    The label loss is binary: the target is 1 for the probability of the right label's words *in
    the whole vocabulary*, and 0 for that of every wrong label's words. Label conditioning turns
    the question round: with a random word of a label in the slot, the model is to predict hidden
    tokens of the input if the label is right, and not to predict them if it is wrong. A coin
    decides for each example.

    The right label's probability combines those of its words as the verbalizer combines scores:
    combine="mean" takes the geometric mean, which is largest if the words share all probability. A
    wrong label's probability is the sum, so no word of it keeps any.

    Calibration offsets are subtracted from the logits of the label words in the vocabulary.

    Raises
    ------
    UsageError
        When the member's readout is not "words", the backbone is no masked LM, the pattern asks
        about every label, the soft template is a mixture, or words of a verbalizer vote.
    """

    needs_inputs = True

    def __init__(
        self,
        scorer: PVPScorer,
        weights: Tensor | None,
        generator: np.random.Generator,
        kind: Kind = KINDS["single"],
    ) -> None:
        super().__init__(scorer, weights, generator, kind)
        is_one_question = not scorer.asks_each_label and scorer.learned.variants == 1
        if not isinstance(scorer.backbone, MaskedLM) or not is_one_question:
            raise UsageError(
                "The objective 'adapet' needs a masked LM, which predicts hidden words, and "
                "patterns that do not name a {label} and have no mixture of soft templates.",
                "Use `--objective pet`.",
            )
        readouts = [readout for readout in scorer.readouts if type(readout) is WordReadout]
        if len(readouts) < len(scorer.readouts):
            raise UsageError(
                "The objective 'adapet' trains the probabilities of label words, which only the "
                "readout 'words' reads.",
                "Use `--readout words`, or `--objective pet`.",
            )
        if any(readout.combine_words == "vote" for readout in readouts):
            raise UsageError(
                "The objective 'adapet' trains the probabilities of label words in the whole "
                "vocabulary; where words vote, only those of the other labels count.",
                "Use combine='mean' in the verbalizer, or `--objective pet`.",
            )
        self._backbone = scorer.backbone
        self._masking = Masking.from_tokenizer(scorer.backbone.tokenizer, 0.15, 1.0, 0.0)
        offsets = scorer.offsets or [[0.0] * len(scorer.labels)] * len(scorer.readouts)
        self._verbalizers = [
            _Probabilities(readout, offset, scorer)
            for readout, offset in zip(readouts, offsets, strict=True)
        ]
        self._words: list[list[tuple[int, ...]]] = [
            [word.ids for readout in readouts for word in readout.words if word.label == label]
            for label in range(len(scorer.labels))
        ]

    def prepare(self, batches: Mapping[int, Batch], targets: Ints, asked: Flags) -> LossOfStates:
        """Draw labels for the slots, hide tokens, and return the loss."""
        questions = self._questions(batches, targets)
        labels = torch.from_numpy(targets).to(self._backbone.compute.device)
        return lambda states: self.label_loss(states, labels) + self.conditioning_loss(questions)

    def label_loss(self, states: Mapping[int, Tensor], targets: Tensor) -> Tensor:
        """Return the binary cross entropy of the labels' probabilities, summed over the labels."""
        right = torch.nn.functional.one_hot(targets, len(self.scorer.labels)).bool()
        losses = []
        for probabilities in self._verbalizers:
            combined, summed = probabilities(states)
            entropy = torch.where(right, -combined, -log_complement(summed)).sum(dim=1)
            if self.weights is None:
                losses.append(entropy.mean())
            else:
                weights = self.weights[targets]
                losses.append((entropy * weights).sum() / weights.sum())
        return torch.stack(losses).mean()

    def conditioning_loss(self, questions: Sequence[_Question]) -> Tensor:
        """Return the mean binary cross entropy of hidden tokens, given a right or a wrong label."""
        losses = []
        for question in questions:
            states = self._backbone.states_at(question.batch, question.rows, question.columns)
            logs = self._backbone.vocabulary_logits(states).log_softmax(dim=1)
            hidden = logs.gather(1, question.tokens[:, None])[:, 0]
            losses.append(binary_loss(hidden, question.right))
        entropy = torch.cat(losses)
        return entropy.sum() / max(1, len(entropy))

    def _questions(self, batches: Mapping[int, Batch], targets: Ints) -> list[_Question]:
        """Put a word of a right or a wrong label into every slot, and hide other tokens."""
        labels = len(self.scorer.labels)
        right = self.generator.random(len(targets)) < 0.5
        wrong = (targets + 1 + self.generator.integers(labels - 1, size=len(targets))) % labels
        rows: dict[int, list[int]] = defaultdict(list)
        words: dict[int, list[tuple[int, ...]]] = defaultdict(list)
        for row, label in enumerate(np.where(right, targets, wrong)):
            word = self._words[label][self.generator.integers(len(self._words[label]))]
            rows[len(word)].append(row)
            words[len(word)].append(word)
        return [
            self._question(batches[count], np.array(chosen), words[count], right[chosen])
            for count, chosen in rows.items()
        ]

    def _question(
        self,
        batch: Batch,
        rows: Ints,
        words: list[tuple[int, ...]],
        right: Flags,
    ) -> _Question:
        batch = batch.select(torch.from_numpy(rows))
        ids = batch.words(self._masking.mask_id)
        seen, chosen = self._masking(ids, self.generator)
        # Only now, so that the slot itself is never hidden: mask tokens are not eligible.
        np.put_along_axis(seen, batch.masks.cpu().numpy(), np.array(words), axis=1)
        row, column = torch.from_numpy(np.stack(chosen.nonzero())).to(batch.ids.device)
        return _Question(
            replace(batch, ids=torch.from_numpy(seen).to(batch.ids)),
            row,
            column,
            batch.ids[row, column],
            torch.from_numpy(right).to(row.device)[row],
        )


@dataclass(frozen=True)
class _Question:
    """Hidden ``tokens`` (T,) at ``[rows, columns]`` of inputs with a label word in the slot.

    ``right`` (T,) says whether the slot holds the right label, so the token is to be predicted.
    """

    batch: Batch
    rows: Tensor
    columns: Tensor
    tokens: Tensor
    right: Tensor


class _Probabilities:
    """Log-probabilities of a verbalizer's labels in the whole vocabulary.

    Two of (B, C): each label's words combined like their scores, and their sum.
    """

    def __init__(self, readout: WordReadout, offsets: Sequence[float], scorer: PVPScorer) -> None:
        device = scorer.backbone.compute.device
        self._readout = readout
        self._backbone = scorer.backbone
        # An offset that all labels share prefers none, so it is left out.
        shifts = torch.tensor(offsets, device=device)
        labels = torch.tensor([word.label for word in readout.words], device=device)
        self._shifts = (shifts - shifts.mean())[labels]
        others = torch.arange(len(offsets), device=device) != labels[:, None]
        self._others = torch.zeros(others.shape, device=device).masked_fill(others, -torch.inf)
        self._ids = torch.tensor([word.ids[0] for word in readout.words], device=device)

    def __call__(self, states: Mapping[int, Tensor]) -> tuple[Tensor, Tensor]:
        if self._readout.is_multi_token:
            words = self._readout.word_scores(states) - self._shifts
        else:
            logits = self._backbone.vocabulary_logits(states[1][:, 0])
            shifts = logits.new_zeros(logits.shape[1])
            shifts[self._ids] = self._shifts
            words = (logits - shifts).log_softmax(dim=1)[:, self._ids]
        summed = (words[:, :, None] + self._others).logsumexp(dim=1)
        return self._readout.combine(words), summed


def binary_loss(logs: Tensor, right: Tensor) -> Tensor:
    """Return binary cross entropy from log-probabilities; the target is 1 where ``right``."""
    return -torch.where(right, logs, log_complement(logs))


def log_complement(logs: Tensor) -> Tensor:
    """Return log(1 - p) from log p; finite at p = 1."""
    return (-logs.clamp_max(_CERTAIN).expm1()).log()
