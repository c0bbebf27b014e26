"""A PVP on a backbone: examples in, label scores out.

A pattern that names a label asks about every label of a text in turn; its verbalizer has words for
"yes" and "no", and the label's score is that of "yes" minus that of "no", the log-odds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from pet.backbone import LanguageModel
from pet.encoding import Batch, Chunk, Encoded, Encoder, FieldTokens, TextTokenizer
from pet.encoding.demonstrations import Demonstrations, Shown, with_demonstrations
from pet.errors import PatternError, UsageError
from pet.scoring.base import Scorer
from pet.scoring.labelled import Labelled
from pet.scoring.learned import Learned
from pet.scoring.questions import Asked
from pet.scoring.readouts import ReadoutSite, make_readouts
from pet.scoring.readouts.label_words import Word, ids_by_rank, label_words
from pet.scoring.soft import make_template
from pet.scoring.soft.template import Soft, SoftSpec
from pet.scoring.together import score_together
from pet.scoring.view import PatternView, view_pattern
from pet.task import PVP
from pet.task.parts import Part
from pet.types import Fields, Ints, Offsets, Scores


class PVPScorer(Scorer):
    """A PVP made ready for one backbone: it encodes examples and scores labels.

    Parameters
    ----------
    pvp : PVP
        Pattern and verbalizers.
    labels : sequence of str
        Labels in the order of the scores' columns, C.
    backbone : LanguageModel
        The model.
    max_length : int
        Most tokens in an input.
    offsets : sequence (V, C), optional
        Calibration: subtracted from the label scores of every readout; see `pet.scoring.offsets`.
    readout : str
        Name in `pet.scoring.readouts.READOUTS`.
    demonstrations : mapping, optional
        Label to texts of its examples, which stand beside every input; scores are averaged over as
        many draws as the largest number of examples of a label.
    soft : SoftSpec, optional
        The soft template. By default a pattern with slots has the kind that the PVP names.

    Raises
    ------
    PatternError
        When the pattern leaves no room for text, or has no slots for the soft template.
    VerbalizerError
        When the backbone's tokenizer cannot represent a label word.
    UsageError
        When the pattern, the readout, demonstrations and the soft template do not go together.
    """

    learned: Learned

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
        self.title = f"pattern {pvp.pattern.template!r}"
        self.offsets = offsets
        self.backbone = backbone
        self.labels = tuple(labels)
        self._max_length = min(max_length, backbone.max_length)
        self.asks_each_label = pvp.pattern.asks_each_label
        # Rows of every text, Q; each row scores C / Q labels.
        self.questions = len(self.labels) if self.asks_each_label else 1
        answers = pvp.answers(labels)
        parts = pvp.pattern.parts
        self.demonstrations: Demonstrations | None = None
        if demonstrations:
            parts = _demonstrated(pvp, demonstrations, backbone.tokenizer)
            self.demonstrations = Demonstrations(backbone.tokenizer, demonstrations)
        answer = pvp.some_word
        first = Encoder(
            backbone.tokenizer, parts, self._max_length, labels=self.labels, answer=answer
        )
        words = [
            label_words(verbalizer, answers, backbone, first.mask_before)
            for verbalizer in pvp.verbalizers
        ]
        site = ReadoutSite(pvp.verbalizers, words, len(answers), backbone)
        self.readouts = make_readouts(readout, site)
        counts = sorted({count for made in self.readouts for count in made.mask_counts})
        self._after = next((made.after for made in self.readouts if made.after), ())
        if soft is None and pvp.soft is not None:
            soft = SoftSpec.named(pvp.soft)
        # The soft template, or a mixture of some; None if the pattern is hard.
        self.soft = None if soft is None else self._template(soft, first, words[0])
        self.learned = Learned(self.readouts, self.soft)
        self._refuse_examples(readout)
        self._encoders = {
            count: first
            if count == 1
            else Encoder(backbone.tokenizer, parts, self._max_length, count, self.labels, answer)
            for count in counts
        }

    def _template(self, soft: SoftSpec, encoder: Encoder, words: Sequence[Word]) -> Soft:
        if not encoder.soft_starts:
            raise PatternError(
                f"Pattern {self.pvp.pattern.template!r} has no slots for a soft template.",
                "Write some, such as {soft:5}.",
            )
        return make_template(soft, self.backbone, encoder.soft_starts, ids_by_rank(words))

    def _refuse_examples(self, readout: str) -> None:
        """Refuse a readout that starts from examples if it cannot start from these inputs."""
        if self.learned.needs_examples and self.asks_each_label:
            raise UsageError(
                f"Pattern {self.pvp.pattern.template!r} names a label, and the readout "
                f"{readout!r} is learned from examples of every label.",
                "Choose other `--patterns`, or use `--readout words`.",
            )
        if self.learned.needs_examples and self.learned.variants > 1:
            raise UsageError(
                f"The readout {readout!r} compares states of examples, which every template of a "
                "mixture has of its own.",
                "Use `--readout words`, or `--soft-mixture 1`.",
            )

    def score(self, chunk: Chunk) -> Scores:
        """Score a chunk of N examples: (V, N, C), a row a verbalizer."""
        return score_together([self], chunk)[0]

    def view(self, texts: Fields) -> PatternView:
        """Score one example and keep every step, averaged over draws of demonstrations."""
        return view_pattern(self, texts)

    @property
    def needs_examples(self) -> bool:
        """Whether a readout starts from labelled examples."""
        return self.learned.needs_examples

    def notes(self) -> list[str]:
        """Return what the readouts learned, in lines."""
        return [note for readout in self.readouts for note in readout.notes()]

    @property
    def draws(self) -> int:
        """Draws of demonstrations that scores are averaged over; 1 without demonstrations."""
        return self.demonstrations.draws if self.demonstrations else 1

    def encode(self, chunk: Chunk, draw: int = 0) -> dict[int, Encoded]:
        """Encode the examples once for every number of masks that the label words need.

        ``draw`` is the number of the draw of demonstrations that stand beside them, if any do.
        """
        return self.encode_beside(
            self.demonstrations.draw(chunk, draw) if self.demonstrations else chunk
        )

    def encode_beside(self, shown: FieldTokens) -> dict[int, Encoded]:
        """Encode examples that have their demonstrations already, as `encode` does."""
        return {count: encoder.encode(shown) for count, encoder in self._encoders.items()}

    def batch(self, encoded: Mapping[int, Encoded], rows: Ints) -> dict[int, Batch]:
        """Pad the same R rows for every number of masks, with the soft template in their slots.

        A mixture of M templates has all rows once for each, so B is M R.
        """
        device = self.backbone.compute.device
        return {
            count: self.completed(examples.batch(rows, device))
            for count, examples in encoded.items()
        }

    def completed(self, batch: Batch) -> Batch:
        """Add the soft template, and the beginnings of words that are read behind the mask."""
        return replace(self.prompted(batch), after=self._after)

    def prompted(self, batch: Batch) -> Batch:
        """Put the soft template, if there is one, into the slots of a batch."""
        return batch if self.soft is None else self.soft.fill(batch)

    def label_scores(
        self,
        states: Mapping[int, Tensor],
        batches: Mapping[int, Batch] | None = None,
        answers: Tensor | None = None,
    ) -> list[Tensor]:
        """Score each row's labels, one (R, C / Q) tensor a readout, from decoder inputs (B, M, E).

        With ``batches`` the masks of a word of several tokens are filled in as its verbalizer says;
        without, as in training, all at once. ``answers`` (R,) are the right columns of the rows,
        from which the weights of a mixture learn.
        """
        scores = [readout(states, batches) for readout in self.readouts]
        if (mixture := self.learned.mixture) is not None:
            scores = list(mixture.mixed(scores, answers))
        if self.asks_each_label:
            return [yes_no[:, :1] - yes_no[:, 1:] for yes_no in scores]
        return scores

    def by_text(self, scores: Sequence[Tensor], asked: Asked | None = None) -> list[Tensor]:
        """Join the scores of rows to scores of their texts, minus offsets.

        Parameters
        ----------
        scores : sequence of Tensor (R, C / Q)
            Scores from `label_scores`, one tensor a readout.
        asked : Asked, optional
            The questions of the R rows; by default every question about every text.

        Returns
        -------
        list of Tensor (B, C)
            One tensor a readout; -inf where nothing was asked.
        """
        of_texts = []
        for index, rows in enumerate(scores):
            texts = rows if asked is None else asked.among_all(rows)
            texts = texts.reshape(-1, len(self.labels))
            if self.offsets is not None:
                texts = texts - texts.new_tensor(self.offsets[index])
            of_texts.append(texts)
        return of_texts

    def averaged(self, total: Tensor) -> Scores:
        """Turn sums over draws, (readouts, N Q, C / Q), into scores of N texts, (readouts, N, C).

        Every question was asked about every text. Scores leave the device here, not batch by batch.
        """
        scores: Scores = torch.stack(self.by_text(list(total / self.draws))).cpu().numpy()
        return scores

    @torch.no_grad()
    def start(self, labelled: Labelled) -> Scores | None:
        """Start readouts that need it from labelled examples; return scores of these as if unseen.

        See `Scorer.start`. With demonstrations these are the scores beside the first draw.
        """
        if not self.learned.needs_examples:
            return None
        compute = self.backbone.compute

        def states_of(batch: Batch) -> Tensor:
            return self.backbone.mask_states(self.completed(batch))

        states = {
            count: examples.each(compute, states_of)
            for count, examples in self.encode(labelled.chunk).items()
        }
        return self.learned.start(states, labelled)

    def mask_states(self, batches: Mapping[int, Batch]) -> dict[int, Tensor]:
        """Compute decoder inputs (B, M, E) for every number of masks M, in a forward pass each."""
        return {count: self.backbone.mask_states(batch) for count, batch in batches.items()}


def _demonstrated(pvp: PVP, shown: Shown, tokenizer: TextTokenizer) -> tuple[Part, ...]:
    """Return the pattern's parts with a demonstration for each label, by its heaviest word."""
    if pvp.pattern.asks_each_label:
        raise UsageError(
            f"Pattern {pvp.pattern.template!r} names a label; demonstrations show labels by their "
            "words.",
            "Choose other `--patterns`, or leave `--demonstrations` out.",
        )
    words = pvp.verbalizers[0].words
    heaviest = {label: max(words[label], key=words[label].__getitem__) for label in shown}
    return with_demonstrations(pvp.pattern, heaviest, tokenizer.open_ended)
