"""Words to labels: the plain verbalizer, and one whose word weights are learned (KPT).

For one label with words w and relative weights a, and z the word scores (PET, section 3):

- mean: ``sum_w a_w z_w / sum_w a_w``
- logsumexp: ``log sum_w a_w exp(z_w)``, the label's probability mass up to a constant
- max: ``max_w z_w``
- vote: the share of the labels' words that are the best of their rank (see `_vote`)

The score of a word is its logit where all words of a verbalizer are single tokens. Otherwise it is
the sum of its tokens' log-probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from pet.backbone import LanguageModel
from pet.backbone.reader import WordReader
from pet.errors import VerbalizerError
from pet.scoring.readouts.base import Batches, Readout, States
from pet.scoring.readouts.label_words import Word
from pet.task import Verbalizer


class WordReadout(Readout):
    """The plain verbalizer: nothing is learned beside the backbone."""

    _raw: Tensor
    _shares: Tensor

    def __init__(
        self,
        words: Sequence[Word],
        n_labels: int,
        verbalizer: Verbalizer,
        backbone: LanguageModel,
        reader: WordReader,
    ) -> None:
        super().__init__()
        self.words = words
        self.mask_counts = reader.mask_counts
        self.after = reader.after
        self.combine_words = verbalizer.combine
        self.decoding = verbalizer.decoding
        self.is_multi_token = any(len(word.ids) > 1 for word in words)
        self._backbone = backbone
        self._reader = reader
        device = backbone.compute.device
        self._token_ids = torch.tensor([word.ids[0] for word in words], device=device)
        raw = torch.zeros(len(words), n_labels)
        for row, word in enumerate(words):
            raw[row, word.label] = word.weight
        self._most_words = int((raw > 0).sum(0).max())
        self._raw = raw.to(device)
        self._shares = (raw / raw.sum(0)).to(device)

    def shares(self) -> Tensor:
        """Return the weights (W, C) of words in labels; those of a label sum to 1."""
        return self._shares

    def word_scores(self, states: States, batches: Batches | None = None) -> Tensor:
        """Score the label words: (B, W)."""
        if self.is_multi_token:
            ids = [word.ids for word in self.words]
            return self._reader(ids, self.decoding, states, batches)
        return self._backbone.word_logits(states[1][:, 0], self._token_ids)

    def forward(self, states: States, batches: Batches | None = None) -> Tensor:
        """Score the labels: (B, C)."""
        return self.combine(self.word_scores(states, batches))

    def combine(self, words: Tensor) -> Tensor:
        """Combine scores of words to scores of labels: (B, W) -> (B, C)."""
        shares = self.shares()
        if self.combine_words == "mean":
            return words @ shares
        spread = words[:, :, None].masked_fill(self._raw == 0, -torch.inf)
        match self.combine_words:
            case "logsumexp":
                return torch.logsumexp(spread + shares.clamp_min(1e-30).log(), dim=1)
            case "max":
                return spread.amax(dim=1)
        return self._vote(spread)

    def _vote(self, spread: Tensor) -> Tensor:
        # A label's i-th best word runs against the other labels' i-th best words; a label with
        # fewer words runs its weakest again. Each rank is one soft vote, so gradients flow.
        ordered = spread.sort(dim=1, descending=True).values
        counts = (self._raw > 0).sum(0)
        ranks = torch.arange(self._most_words, device=spread.device)
        chosen = torch.minimum(ranks[:, None], counts - 1)
        ballots = ordered.gather(1, chosen.expand(len(spread), -1, -1))
        return ballots.softmax(dim=2).mean(dim=1).log()

    def loss(
        self, scores: Tensor, states: States, targets: Tensor, weights: Tensor | None
    ) -> Tensor:
        """Compute the cross entropy; for words that are filled in mask by mask, `margin_loss`."""
        loss_of = functional.cross_entropy if self.mask_counts == (1,) else margin_loss
        return loss_of(scores, targets, weights)


class WeightedWords(WordReadout):
    """A verbalizer with learned weights of words: ``a_w exp(alpha_w)``, alpha = 0 at first.

    So the weights of a label's words are a softmax of alpha, and without training it is the plain
    verbalizer. Source: KPT, section 3.

    Raises
    ------
    VerbalizerError
        When the verbalizer combines words without weights.
    """

    rate = 0.05

    def __init__(
        self,
        words: Sequence[Word],
        n_labels: int,
        verbalizer: Verbalizer,
        backbone: LanguageModel,
        reader: WordReader,
    ) -> None:
        if verbalizer.combine not in ("mean", "logsumexp"):
            raise VerbalizerError(
                f"Word weights cannot be learned where words combine by {verbalizer.combine!r}, "
                "which uses none.",
                "Use combine='mean' or 'logsumexp', or the readout 'words'.",
            )
        super().__init__(words, n_labels, verbalizer, backbone, reader)
        self.alpha = nn.Parameter(torch.zeros(len(words), device=self._raw.device))

    def shares(self) -> Tensor:
        """Compute the weights (W, C) of words in labels; those of a label sum to 1."""
        alpha = self.alpha[:, None].expand_as(self._raw).masked_fill(self._raw == 0, -torch.inf)
        weights = self._raw * (alpha - alpha.detach().amax(0)).exp()
        return weights / weights.sum(0)

    def notes(self) -> list[str]:
        """Return the learned weights, the heaviest word of every label first."""
        shares = self.shares().sum(1).tolist()
        pairs = zip(self.words, shares, strict=True)
        ranked = sorted(pairs, key=lambda pair: (pair[0].label, -pair[1]))
        return [
            "learned weights: " + ", ".join(f"{word.text} {share:.2f}" for word, share in ranked)
        ]


def margin_loss(scores: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Compute the hinge loss for words of several tokens: sum of max(0, 1 - s_right + s_wrong).

    Scores (B, C) are log-probabilities, so this is PET's loss (2009.07118, section 3.3) with one
    term a label.
    """
    right = scores.gather(1, targets[:, None])
    gaps = (1 - right + scores).clamp_min(0)
    gaps = gaps.scatter(1, targets[:, None], 0.0).sum(dim=1)
    return (
        gaps.mean() if weights is None else (gaps * weights[targets]).sum() / weights[targets].sum()
    )
