"""A PVP on a backbone: examples in, label scores out.

A pattern that names a label asks about every label of a text in turn; its verbalizer has words for
"yes" and "no", and the label's score is that of "yes" minus that of "no", the log-odds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pet.backbone import LanguageModel
from pet.encoding import Batch, Chunk, Encoded, Encoder, FieldTokens
from pet.encoding.demonstrations import Demonstrations, Shown, with_demonstrations
from pet.errors import PatternError, RunError, UsageError
from pet.scoring.questions import Asked
from pet.scoring.readouts import Member, readouts_of
from pet.scoring.readouts.label_words import Word, label_words
from pet.scoring.soft import make_template
from pet.scoring.soft.mixture import Mixture
from pet.scoring.soft.template import Soft, SoftSpec
from pet.task import PVP
from pet.types import Offsets, Scores

# Marks what a member learned beside the weights of the backbone.
LEARNED = "learned."


def keeps_backbone(weights: Iterable[str]) -> bool:
    """Whether a member with weights of these names works with the backbone as it was."""
    return all(name.startswith(LEARNED) for name in weights)


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
        combined; see `pet.scoring.offsets`.
    readout : str
        How label scores are read off the masks: a name in `pet.scoring.readouts.READOUTS`.
    demonstrations : mapping, optional
        Label to the texts of examples of it, which stand beside every input; scores are averaged
        over as many draws as the longest of them has.
    soft : SoftSpec, optional
        The soft template; by default one of the PVP's own kind where its pattern has slots.

    Raises
    ------
    PatternError
        When there is a soft template and no slot for it.
    """

    def __init__(
        self,
        pvp: PVP,
        labels: Sequence[str],
        backbone: LanguageModel,
        max_length: int,
        offsets: Offsets | None = None,
        readout: str = "words",
        demonstrations: Shown | None = None,
        soft: SoftSpec | None = None,
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
        parts = pvp.pattern.parts
        self.demonstrations = None
        if demonstrations:
            if self.asks_each_label:
                raise UsageError(
                    f"Pattern {pvp.pattern.template!r} names a label; demonstrations show labels "
                    "by their words.",
                    "Choose other `--patterns`, or leave `--demonstrations` out.",
                )
            self.demonstrations = Demonstrations(backbone.tokenizer, demonstrations)
            shown = {label: _heaviest(pvp.verbalizers[0].words[label]) for label in demonstrations}
            parts = with_demonstrations(pvp.pattern, shown, backbone.tokenizer.open_ended)
        first = Encoder(backbone.tokenizer, parts, self._max_length, labels=self.labels)
        words = [
            label_words(verbalizer, answers, backbone, first.mask_after_space, first.mask_anchor)
            for verbalizer in pvp.verbalizers
        ]
        member = Member(pvp.verbalizers, words, len(answers), backbone)
        self.readouts = readouts_of(readout, member)
        if self.needs_examples and self.asks_each_label:
            raise UsageError(
                f"Pattern {pvp.pattern.template!r} names a label, and the readout {readout!r} is "
                "learned from examples of every label.",
                "Choose other `--patterns`, or use `--readout words`.",
            )
        # What is learned beside the backbone's own weights; empty where only these are.
        self.learned = nn.ModuleDict({"readouts": nn.ModuleList(self.readouts)})
        counts = sorted({count for own in self.readouts for count in own.counts})
        self._after = next((own.after for own in self.readouts if own.after), ())
        if soft is None and pvp.soft is not None:
            soft = SoftSpec.named(pvp.soft)
        # The soft template, or the mixture of some; None where the pattern is hard.
        self.soft: Soft | None = None
        if soft is not None:
            self.soft = self.learned["soft"] = self._template(soft, first, words[0])
        if self.needs_examples and self.variants > 1:
            raise UsageError(
                f"The readout {readout!r} compares states of examples, which every template of a "
                "mixture has of its own.",
                "Use `--readout words`, or `--soft-mixture 1`.",
            )
        self._encoders = {
            count: first
            if count == 1
            else Encoder(backbone.tokenizer, parts, self._max_length, count, self.labels)
            for count in counts
        }

    def _template(self, soft: SoftSpec, encoder: Encoder, words: Sequence[Word]) -> Soft:
        if not encoder.soft_starts:
            raise PatternError(
                f"Pattern {self.pvp.pattern.template!r} has no slots for a soft template.",
                "Write some, such as {soft:5}.",
            )
        # First all labels' first words, then their second ones.
        ranked = sorted(
            (sum(other.label == word.label for other in words[:number]), word.label, number)
            for number, word in enumerate(words)
        )
        label_ids = [token for *_, number in ranked for token in words[number].ids]
        return make_template(soft, self.backbone, encoder.soft_starts, label_ids)

    @property
    def mixture(self) -> Mixture | None:
        """The mixture of soft templates; None where there are not several."""
        return self.soft if isinstance(self.soft, Mixture) else None

    @property
    def variants(self) -> int:
        """How often every row goes through the model: once for each template of a mixture."""
        return 1 if self.soft is None else len(self.soft.parts)

    def unfold(self) -> None:
        """Make ready for training what is learned beside the backbone."""
        if self.soft is not None:
            self.soft.unfold()

    def fold(self) -> None:
        """Drop what only training needs; scores stay the same."""
        if self.soft is not None:
            self.soft.fold()

    def calibrated(self, offsets: Offsets | None) -> PVPScorer:
        """Return this scorer with ``offsets`` to subtract; everything learned is shared."""
        other = copy(self)
        other.offsets = offsets
        return other

    def put(self, weights: Mapping[str, Tensor]) -> None:
        """Put a member's weights in their places: the backbone's, and what is learned beside."""
        self.fold()
        own = {
            name.removeprefix(LEARNED): tensor
            for name, tensor in weights.items()
            if name.startswith(LEARNED)
        }
        try:
            self.learned.load_state_dict(own)
        except RuntimeError as error:
            raise RunError(
                f"The weights of a member do not fit its pattern {self.pvp.pattern.template!r}.",
                "Its file is damaged, or another version of pet wrote it; train it again.",
            ) from error
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
    def draws(self) -> int:
        """Over how many draws of demonstrations scores are averaged; 1 without any."""
        return self.demonstrations.draws if self.demonstrations else 1

    def encode(self, chunk: Chunk, draw: int = 0) -> dict[int, Encoded]:
        """Encode the examples once for every number of masks that the label words need.

        ``draw`` is the number of the demonstrations that stand beside them, where there are any.
        """
        return self.encode_beside(
            self.demonstrations.draw(chunk, draw) if self.demonstrations else chunk
        )

    def encode_beside(self, shown: FieldTokens) -> dict[int, Encoded]:
        """Encode examples that have their demonstrations already, as `encode` does."""
        return {count: encoder.encode(shown) for count, encoder in self._encoders.items()}

    def batch(self, encoded: Mapping[int, Encoded], rows: NDArray[np.int64]) -> dict[int, Batch]:
        """Pad the same R rows for every number of masks; a soft template's prompt comes along.

        Of a mixture all rows are there for every template, so that B is M R.
        """
        device = self.backbone.compute.device
        return {n: self.completed(part.batch(rows, device)) for n, part in encoded.items()}

    def completed(self, batch: Batch) -> Batch:
        """Add what every batch of this scorer has: its prompt, and what is read behind the mask."""
        return replace(self.prompted(batch), after=self._after)

    def prompted(self, batch: Batch) -> Batch:
        """Put the soft template, where there is one, into the slots of a batch."""
        return batch if self.soft is None else self.soft.fill(batch)

    def label_scores(
        self,
        states: Mapping[int, Tensor],
        batches: Mapping[int, Batch] | None = None,
        answers: Tensor | None = None,
    ) -> list[Tensor]:
        """Score each row's labels, one (R, C / Q) tensor a readout, from decoder inputs (B, M, E).

        With ``batches`` masks of words of several tokens are filled in as their verbalizer says;
        otherwise in parallel, which is what training uses. ``answers`` (R,) are the right columns
        of the rows' answers, from which the weights of a mixture learn.
        """
        scores = [readout(states, batches) for readout in self.readouts]
        if self.mixture is not None:
            scores = list(self.mixture.mixed(scores, answers))
        return [part[:, :1] - part[:, 1:] for part in scores] if self.asks_each_label else scores

    def word_scores(
        self, states: Mapping[int, Tensor], batches: Mapping[int, Batch]
    ) -> list[Tensor]:
        """Score each row's label words, one (R, W) tensor a readout, for people to look at."""
        scores = [readout.word_scores(states, batches) for readout in self.readouts]
        if self.mixture is not None:
            scores = [self.mixture.averaged(part) for part in scores]
        return scores

    def by_text(self, scores: Sequence[Tensor], asked: Asked | None = None) -> list[Tensor]:
        """Put the scores of rows together to those of their texts, and calibrate them.

        Parameters
        ----------
        scores : sequence of Tensor (R, C / Q)
            One a readout, as `label_scores` gives them.
        asked : Asked, optional
            Which questions the R rows are; by default every one about every text.

        Returns
        -------
        list of Tensor (B, C)
            -inf where nothing was asked.
        """
        found = []
        for number, part in enumerate(scores):
            whole = part if asked is None else asked.among_all(part)
            whole = whole.reshape(-1, len(self.labels))
            if self.offsets is not None:
                whole = whole - whole.new_tensor(self.offsets[number])
            found.append(whole)
        return found

    def averaged(self, total: Tensor) -> Scores:
        """Make the scores of N texts, (readouts, N, C), of sums over draws, (readouts, N Q, C / Q).

        Every text was asked every question. Scores leave the device here, not batch by batch.
        """
        found: Scores = torch.stack(self.by_text(list(total / self.draws))).cpu().numpy()
        return found

    @property
    def needs_examples(self) -> bool:
        """Whether it can score only after `start`, or with what was learned before."""
        return any(readout.needs_examples for readout in self.readouts)

    @torch.no_grad()
    def start(self, chunk: Chunk, targets: NDArray[np.int64]) -> None:
        """Begin from N labelled examples and their label numbers (N,), where a readout does so."""
        if not self.needs_examples:
            return
        compute = self.backbone.compute
        states = {
            count: part.each(compute, lambda own: self.backbone.mask_states(self.completed(own)))
            for count, part in self.encode(chunk).items()
        }
        labels = compute.put(targets)
        for readout in self.readouts:
            readout.start(states, labels)

    def mask_states(self, batches: Mapping[int, Batch]) -> dict[int, Tensor]:
        """Decoder inputs (B, M, E) for every number of masks M: one forward pass each."""
        return {count: self.backbone.mask_states(batch) for count, batch in batches.items()}


def _heaviest(words: Mapping[str, float]) -> str:
    return max(words, key=lambda word: words[word])
