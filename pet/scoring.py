"""Word logits to label scores.

For one label with words w and relative weights a, and z the word scores (PET, section 3):

- mean: ``sum_w a_w z_w / sum_w a_w``
- logsumexp: ``log sum_w a_w exp(z_w)``, the label's probability mass up to a constant
- max: ``max_w z_w``
- vote: the share of the labels' words that are the best of their rank (see `_vote`)

The score of a word is its logit where all words of a verbalizer are single tokens. Otherwise it is
the sum of its tokens' log-probabilities over as many masks as it has tokens.

A pattern that names a label asks about every label of a text in turn; its verbalizer has words for
"yes" and "no", and the label's score is that of "yes" minus that of "no", the log-odds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pet.backbone import LanguageModel
from pet.encoding import Batch, Chunk, Encoded, Encoder
from pet.errors import VerbalizerError
from pet.pvp import PVP
from pet.verbalizer import Verbalizer

Scores = NDArray[np.float32]
Offsets = Sequence[Sequence[float]]
# Marks what a member learned beside the weights of the backbone.
LEARNED = "learned."


@dataclass(frozen=True)
class Word:
    """A label word as token ids."""

    text: str
    label: int
    weight: float
    ids: tuple[int, ...]


def label_words(
    verbalizer: Verbalizer,
    labels: Sequence[str],
    backbone: LanguageModel,
    after_space: bool,
    anchor: str = "x",
) -> list[Word]:
    """Split a verbalizer's words into tokens, for a place after a space or after ``anchor``.

    Raises
    ------
    VerbalizerError
        When the tokenizer cannot represent a word, or takes two labels' words for one.
    """
    tokenizer = backbone.tokenizer
    words = []
    owner: dict[tuple[int, ...], Word] = {}
    for number, label in enumerate(labels):
        for text, weight in verbalizer.words[label].items():
            ids = tuple(tokenizer.piece(text, after_space, False, anchor))
            if not ids or tokenizer.unknown_id in ids:
                raise VerbalizerError(
                    f"Label word {text!r} of {label!r} cannot be represented by the tokenizer of "
                    f"{backbone.name!r}.",
                    "Choose a word of the backbone's language and script.",
                )
            word = Word(text, number, weight, ids)
            other = owner.setdefault(ids, word)
            if other.label != number:
                raise VerbalizerError(
                    f"Label words {other.text!r} of {labels[other.label]!r} and {text!r} of "
                    f"{label!r} are the same tokens for {backbone.name!r}.",
                    "Remove one of them.",
                )
            words.append(word)
    return words


class PVPScorer:
    """A PVP made ready for one backbone: encodes examples and scores labels.

    Parameters
    ----------
    pvp : PVP
        Pattern and verbalizers.
    labels : sequence of str
        Column order of the scores, C.
    backbone : LanguageModel
        The model.
    max_length : int
        Most tokens of an input.
    offsets : sequence (V, C), optional
        Calibration: subtracted from the label scores of every verbalizer after its words are
        combined; see `pet.calibration`.
    """

    def __init__(
        self,
        pvp: PVP,
        labels: Sequence[str],
        backbone: LanguageModel,
        max_length: int,
        offsets: Offsets | None = None,
    ) -> None:
        self.pvp = pvp
        self.offsets = offsets
        self.backbone = backbone
        self.labels = tuple(labels)
        self._max_length = min(max_length, backbone.max_length)
        self.asks_each_label = pvp.pattern.asks_each_label
        # Rows of every text, Q; a row's scores are those of C / Q labels.
        self.questions = len(self.labels) if self.asks_each_label else 1
        answers = pvp.answers(labels)
        first = Encoder(backbone.tokenizer, pvp.pattern.parts, self._max_length, labels=self.labels)
        self.words = [
            label_words(verbalizer, answers, backbone, first.mask_after_space, first.mask_anchor)
            for verbalizer in pvp.verbalizers
        ]
        self.readouts = [
            Readout(words, len(answers), verbalizer, backbone.compute.device)
            for words, verbalizer in zip(self.words, pvp.verbalizers, strict=True)
        ]
        # What is learned beside the backbone's own weights; empty where only these are.
        self.learned = nn.ModuleDict()
        self._reader = backbone.reader(word.ids for words in self.words for word in words)
        self._encoders = {
            count: first
            if count == 1
            else Encoder(
                backbone.tokenizer, pvp.pattern.parts, self._max_length, count, self.labels
            )
            for count in self._reader.mask_counts
        }

    def calibrated(self, offsets: Offsets) -> PVPScorer:
        """Return this scorer with ``offsets`` to subtract; everything learned is shared."""
        other = copy(self)
        other.offsets = offsets
        return other

    def put(self, weights: Mapping[str, Tensor]) -> None:
        """Put a member's weights in their places: the backbone's, and what is learned beside."""
        own = {
            name.removeprefix(LEARNED): tensor
            for name, tensor in weights.items()
            if name.startswith(LEARNED)
        }
        self.learned.load_state_dict(own)
        self.backbone.weights.put(
            {name: tensor for name, tensor in weights.items() if not name.startswith(LEARNED)}
        )

    def take(self, names: Iterable[str]) -> dict[str, Tensor]:
        """Copy these of the backbone's weights, and all that is learned beside them."""
        own = self.learned.state_dict()
        return {
            **self.backbone.weights.take(names),
            **{LEARNED + name: tensor.detach().cpu().clone() for name, tensor in own.items()},
        }

    @property
    def has_several_masks(self) -> bool:
        """Whether any label word is filled in mask by mask."""
        return tuple(self._encoders) != (1,)

    def encode(self, chunk: Chunk) -> dict[int, Encoded]:
        """Encode the examples once for every number of masks that the label words need."""
        return {count: encoder.encode(chunk) for count, encoder in self._encoders.items()}

    def batch(self, encoded: Mapping[int, Encoded], rows: NDArray[np.int64]) -> dict[int, Batch]:
        """Pad the same rows for every number of masks."""
        device = self.backbone.compute.device
        after = self._reader.after
        return {n: replace(part.batch(rows, device), after=after) for n, part in encoded.items()}

    def word_scores(
        self, states: Mapping[int, Tensor], batches: Mapping[int, Batch] | None = None
    ) -> list[Tensor]:
        """Score words, one (B, W) tensor a verbalizer, from decoder inputs (B, M, E).

        With ``batches`` masks of words of several tokens are filled in as their verbalizer says;
        otherwise in parallel, which is what training uses.
        """
        return [
            self._reader(readout.word_ids, readout.decoding, states, batches)
            if readout.is_multi_token
            else self.backbone.word_logits(states[1][:, 0], readout.token_ids)
            for readout in self.readouts
        ]

    def label_scores(
        self, states: Mapping[int, Tensor], batches: Mapping[int, Batch] | None = None
    ) -> list[Tensor]:
        """Score each row's labels, one (B, C / Q) tensor a verbalizer; see `word_scores`."""
        words = self.word_scores(states, batches)
        scores = [readout(part) for readout, part in zip(self.readouts, words, strict=True)]
        return [part[:, :1] - part[:, 1:] for part in scores] if self.asks_each_label else scores

    def by_text(self, scores: Sequence[Tensor], asked: Tensor) -> list[Tensor]:
        """Put the scores of rows together to those of their texts, and calibrate them.

        Parameters
        ----------
        scores : sequence of Tensor (R, C / Q)
            One a verbalizer, as `label_scores` gives them.
        asked : bool Tensor (B, Q)
            Which questions about B texts the R rows are, in order.

        Returns
        -------
        list of Tensor (B, C)
            -inf where nothing was asked.
        """
        found = []
        for number, part in enumerate(scores):
            whole = part.new_full((*asked.shape, part.shape[1]), -torch.inf)
            whole[asked] = part
            whole = whole.reshape(len(asked), len(self.labels))
            if self.offsets is not None:
                whole = whole - whole.new_tensor(self.offsets[number])
            found.append(whole)
        return found

    def mask_states(self, batches: Mapping[int, Batch]) -> dict[int, Tensor]:
        """Decoder inputs (B, M, E) for every number of masks M: one forward pass each."""
        return {count: self.backbone.mask_states(batch) for count, batch in batches.items()}

    @torch.inference_mode()
    def score(self, chunk: Chunk) -> Scores:
        """Score a chunk of examples: (verbalizers, N, C)."""
        encoded = self.encode(chunk)
        any_encoded = next(iter(encoded.values()))
        width = len(self.labels) // self.questions
        scores = torch.empty(len(self.readouts), len(any_encoded), width)
        for rows in any_encoded.batches(self.backbone.compute.token_budget):
            batches = self.batch(encoded, rows)
            batch_scores = self.label_scores(self.mask_states(batches), batches)
            scores[:, torch.from_numpy(rows)] = torch.stack(batch_scores).float().cpu()
        asked = torch.ones(len(chunk), self.questions, dtype=torch.bool)
        return torch.stack(self.by_text(list(scores), asked)).numpy()


class Readout:
    """Turns the word scores of one verbalizer, (B, W), into label scores, (B, C)."""

    def __init__(
        self,
        words: Sequence[Word],
        n_labels: int,
        verbalizer: Verbalizer,
        device: torch.device,
    ) -> None:
        self.word_ids = [word.ids for word in words]
        self.combine = verbalizer.combine
        self.decoding = verbalizer.decoding
        self.is_multi_token = any(len(word.ids) > 1 for word in words)
        self.token_ids = torch.tensor([word.ids[0] for word in words], device=device)
        weights = torch.zeros(len(words), n_labels)
        for row, word in enumerate(words):
            weights[row, word.label] = word.weight
        self._weights = (weights / weights.sum(0)).to(device)

    def __call__(self, words: Tensor) -> Tensor:
        """(B, W) -> (B, C)."""
        if self.combine == "mean":
            return words @ self._weights
        spread = words[:, :, None].masked_fill(self._weights == 0, -torch.inf)
        match self.combine:
            case "logsumexp":
                return torch.logsumexp(spread + self._weights.clamp_min(1e-30).log(), dim=1)
            case "max":
                return spread.amax(dim=1)
        return self._vote(spread)

    def _vote(self, spread: Tensor) -> Tensor:
        # A label's i-th best word runs against the other labels' i-th best words; a label with
        # fewer words runs its weakest again. Each rank is one soft vote, so gradients flow.
        ordered = spread.sort(dim=1, descending=True).values
        counts = (self._weights > 0).sum(0)
        ranks = torch.arange(int(counts.max()), device=spread.device)
        chosen = torch.minimum(ranks[:, None], counts - 1)
        ballots = ordered.gather(1, chosen.expand(len(spread), -1, -1))
        return ballots.softmax(dim=2).mean(dim=1).log()


@dataclass(frozen=True)
class PatternView:
    """How one PVP sees one example: the filled pattern, and its words' and labels' scores.

    The words of a pattern that names a label are told apart by the label asked about; other
    patterns ask one question, "".
    """

    text: str
    words: list[dict[str, dict[str, float]]]
    labels: list[dict[str, float]]


@torch.inference_mode()
def view(scorer: PVPScorer, texts: Mapping[str, str]) -> PatternView:
    """Score one example and keep every step, one entry a verbalizer, for people to look at."""
    encoded = scorer.encode(Chunk(scorer.backbone.tokenizer, [texts]))
    batches = scorer.batch(encoded, np.arange(scorer.questions))
    states = scorer.mask_states(batches)
    words = [part.tolist() for part in scorer.word_scores(states, batches)]
    asked = torch.ones(1, scorer.questions, dtype=torch.bool, device=states[min(states)].device)
    labels = scorer.by_text(scorer.label_scores(states, batches), asked)
    questions = scorer.labels if scorer.asks_each_label else ("",)
    return PatternView(
        scorer.pvp.pattern.render(dict(texts)),
        [
            {
                question: {word.text: score for word, score in zip(own, row, strict=True)}
                for question, row in zip(questions, rows, strict=True)
            }
            for own, rows in zip(scorer.words, words, strict=True)
        ],
        [dict(zip(scorer.labels, part[0].tolist(), strict=True)) for part in labels],
    )
