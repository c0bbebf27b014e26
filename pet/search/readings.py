"""What a backbone says at the masks of some patterns: what every search for label words reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pet.backbone import LanguageModel
from pet.data import Example
from pet.encoding import Chunk, Encoder
from pet.errors import DataError, VerbalizerError
from pet.search.vocabulary import WordTable, log_probabilities, mask_encoder, mask_states
from pet.task import PVP, Verbalizer
from pet.task.labels import label_numbers


@dataclass(frozen=True)
class FoundWords:
    """What a search found: a verbalizer, each word's score, best first, and what else is known."""

    verbalizer: Verbalizer
    scores: Mapping[str, Mapping[str, float]]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Readings:
    """P patterns over N labelled and S unlabelled texts, and K words to judge by them.

    ``states`` and ``sample`` hold, for every pattern, the decoder inputs at the mask, (N, E) and
    (S, E); ``targets`` (N,) are label numbers.
    """

    backbone: LanguageModel
    labels: tuple[str, ...]
    encoders: tuple[Encoder, ...]
    states: tuple[Tensor, ...]
    sample: tuple[Tensor, ...]
    targets: Tensor
    table: WordTable

    @classmethod
    def take(
        cls,
        backbone: LanguageModel,
        pvps: Sequence[PVP],
        labels: Sequence[str],
        examples: Sequence[Example],
        sample: Sequence[Mapping[str, str]] = (),
        max_length: int = 256,
        words: Sequence[str] | None = None,
    ) -> Readings:
        """Put the texts through the patterns, one forward pass each.

        The words to judge are those of ``words`` that are single tokens, or by default all real
        words of the vocabulary.

        Raises
        ------
        DataError
            When a label has no example.
        VerbalizerError
            When there is no word to judge.
        """
        targets = torch.from_numpy(label_numbers([e.label for e in examples], labels))
        for number, label in enumerate(labels):
            if not (targets == number).any():
                raise DataError(
                    f"Label {label!r} has no labelled example to find words by.",
                    "Label at least one text of every label.",
                )
        encoders = tuple(mask_encoder(pvp, backbone, max_length) for pvp in pvps)
        table = (
            WordTable.whole(backbone.tokenizer, encoders)
            if words is None
            else WordTable.of(words, backbone.tokenizer, encoders)
        )
        if not len(table):
            raise VerbalizerError(
                f"No word is a single token of {backbone.name!r} in these patterns.",
                "Choose other words, or other patterns with `--patterns`.",
            )
        chunk = Chunk(backbone.tokenizer, [example.texts for example in examples])
        others = Chunk(backbone.tokenizer, sample)
        return cls(
            backbone,
            tuple(labels),
            encoders,
            tuple(mask_states(backbone, encoder, chunk) for encoder in encoders),
            tuple(mask_states(backbone, e, others) for e in encoders) if sample else (),
            targets.to(backbone.compute.device),
            table,
        )

    def only(self, pattern: int) -> Readings:
        """Return the readings of one pattern; the words stay."""
        part = slice(pattern, pattern + 1)
        return replace(
            self,
            encoders=self.encoders[part],
            states=self.states[part],
            sample=self.sample[part],
            table=replace(self.table, ids=self.table.ids[part]),
        )

    def label_sums(self) -> tuple[Tensor, Tensor]:
        """Sums over every label's examples and the patterns, two (C, K) tensors in fp64.

        The first is of log-probabilities, the second of log-odds, ``log q - log(1 - q)``.
        """
        device = self.targets.device
        shape = (len(self.labels), len(self.table))
        logs = torch.zeros(shape, dtype=torch.float64, device=device)
        odds = torch.zeros_like(logs)
        for states, ids in zip(self.states, self.table.ids, strict=True):
            for rows, part in log_probabilities(self.backbone, states, ids):
                own = self.targets[rows]
                # Just below 0, so that a certain word has finite odds.
                part = part.double().clamp_max(-1e-9)
                logs.index_add_(0, own, part)
                odds.index_add_(0, own, part - torch.log(-torch.expm1(part)))
        return logs, odds

    def logits(self, columns: Tensor) -> Tensor:
        """Logits of some of the words for the labelled texts, the patterns' mean: (N, K')."""
        parts = [
            self.backbone.word_logits(states, ids[columns].to(states.device))
            for states, ids in zip(self.states, self.table.ids, strict=True)
        ]
        return torch.stack(parts).mean(dim=0)

    def sample_probabilities(self) -> Tensor:
        """Probabilities of the words for the unlabelled texts, pattern by pattern: (P S, K).

        The labelled texts stand in where there are no others.
        """
        parts = [
            part.exp()
            for states, ids in zip(self.sample or self.states, self.table.ids, strict=True)
            for _, part in log_probabilities(self.backbone, states, ids)
        ]
        return torch.cat(parts)

    def frequent(self, most: int) -> Readings:
        """Return readings of the words that are likeliest in the unlabelled texts.

        That is their contextual prior, the mean probability at the mask (KPT, section 3.2).
        """
        if not self.sample or len(self.table) <= most:
            return self
        prior = torch.zeros(len(self.table), dtype=torch.float64, device=self.targets.device)
        for states, ids in zip(self.sample, self.table.ids, strict=True):
            for _, part in log_probabilities(self.backbone, states, ids):
                prior += part.double().exp().sum(dim=0)
        chosen = prior.topk(most).indices.sort().values.cpu()
        return replace(self, table=self.table.take(chosen))
