"""Readings: what a backbone says at the masks, the input of every search for label words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pet.backbone import LanguageModel
from pet.data import Example
from pet.encoding import Chunk, Encoder
from pet.encoding.scripts import has_ideographs
from pet.errors import DataError, VerbalizerError
from pet.search.pairs import frequent_pairs
from pet.search.vocabulary import WordTable, log_probabilities, mask_encoder, mask_states
from pet.task import PVP, Verbalizer
from pet.task.labels import label_numbers


@dataclass(frozen=True)
class FoundWords:
    """Result of a search: a verbalizer, the words' scores, best first, and remarks for people."""

    verbalizer: Verbalizer
    scores: Mapping[str, Mapping[str, float]]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Readings:
    """Readings of P patterns on N labelled and S unlabelled texts, and the K words to judge.

    ``states`` and ``sample`` hold, for every pattern, the decoder inputs at the mask, (N, 1, E) and
    (S, 1, E); or (N, 3, E) and (S, 3, E), with those at two masks behind. ``targets`` (N,) are
    label indices.
    """

    backbone: LanguageModel
    labels: tuple[str, ...]
    encoders: tuple[Encoder, ...]
    states: tuple[Tensor, ...]
    sample: tuple[Tensor, ...]
    targets: Tensor
    table: WordTable

    @classmethod
    def read(
        cls,
        backbone: LanguageModel,
        pvps: Sequence[PVP],
        labels: Sequence[str],
        examples: Sequence[Example],
        sample: Sequence[Mapping[str, str]] = (),
        max_length: int = 256,
        words: Sequence[str] | None = None,
    ) -> Readings:
        """Read the texts in every pattern, one forward pass each.

        Of ``words`` those are judged that are single tokens. By default all real words of the
        vocabulary are judged; if the texts are Chinese, also characters and, in a second forward
        pass, the pairs of characters that are frequent in the texts.

        Raises
        ------
        DataError
            When a label has no example.
        VerbalizerError
            When there is no word to judge.
        """
        targets = torch.from_numpy(label_numbers([e.label for e in examples], labels))
        for index, label in enumerate(labels):
            if not (targets == index).any():
                raise DataError(
                    f"Label {label!r} has no labelled example to find words by.",
                    "Label at least one text of every label.",
                )
        encoders = tuple(mask_encoder(pvp, backbone, max_length) for pvp in pvps)
        given_texts = [*(example.texts for example in examples), *sample]
        if words is None:
            texts = [text for fields in given_texts for text in fields.values()]
            table = _all_words(backbone, encoders, texts, labels)
        else:
            table = WordTable.of(words, backbone.tokenizer, encoders)
        if not len(table):
            raise VerbalizerError(
                f"No word is a single token of {backbone.name!r} in these patterns.",
                "Choose other words, or other patterns with `--patterns`.",
            )
        ways = [
            [encoder, mask_encoder(pvp, backbone, max_length, 2)] if table.has_pairs else [encoder]
            for pvp, encoder in zip(pvps, encoders, strict=True)
        ]

        def states_of(texts: Sequence[Mapping[str, str]]) -> tuple[Tensor, ...]:
            chunk = Chunk(backbone.tokenizer, texts)
            return tuple(
                torch.cat([mask_states(backbone, encoder, chunk) for encoder in way], dim=1)
                for way in ways
            )

        return cls(
            backbone,
            tuple(labels),
            encoders,
            states_of([example.texts for example in examples]),
            states_of(sample) if sample else (),
            targets.to(backbone.compute.device),
            table,
        )

    def only(self, pattern: int) -> Readings:
        """Return the readings of one pattern; the words stay."""
        chosen = slice(pattern, pattern + 1)
        return replace(
            self,
            encoders=self.encoders[chosen],
            states=self.states[chosen],
            sample=self.sample[chosen],
            table=replace(self.table, ids=self.table.ids[chosen]),
        )

    def label_sums(self) -> tuple[Tensor, Tensor]:
        """Sum log-probabilities and log-odds over every label's examples and all patterns.

        Returns two (C, K) tensors in fp64; the log-odds are ``log q - log(1 - q)``.
        """
        device = self.targets.device
        shape = (len(self.labels), len(self.table))
        logs = torch.zeros(shape, dtype=torch.float64, device=device)
        odds = torch.zeros_like(logs)
        for states, ids in zip(self.states, self.table.ids, strict=True):
            for rows, log_q in log_probabilities(self.backbone, states, ids):
                targets = self.targets[rows]
                # Just below 0, so that a certain word has finite odds.
                log_q = log_q.double().clamp_max(-1e-9)
                logs.index_add_(0, targets, log_q)
                odds.index_add_(0, targets, log_q - torch.log(-torch.expm1(log_q)))
        return logs, odds

    def logits(self, columns: Tensor) -> Tensor:
        """Return logits of the words at ``columns`` (K',), means over the patterns: (N, K')."""
        logits = []
        for states, ids in zip(self.states, self.table.ids[:, columns], strict=True):
            if self.table.has_pairs:
                # But for a number of each text's own, log-probabilities are logits.
                parts = [log_q for _, log_q in log_probabilities(self.backbone, states, ids)]
                logits.append(torch.cat(parts))
            else:
                words = ids[:, 0].to(states.device)
                logits.append(self.backbone.word_logits(states[:, 0], words))
        return torch.stack(logits).mean(dim=0)

    def likeliest(self, logs: Tensor, most: int) -> Tensor:
        """Return the columns of the words with the largest ``logs`` (C, K) a token: (C, most)."""
        by_token = logs / self.table.lengths.to(logs.device)
        return by_token.topk(min(most, logs.shape[1]), dim=1).indices

    def sample_probabilities(self) -> Tensor:
        """Return probabilities of the words for the unlabelled texts, by pattern: (P S, K).

        Without unlabelled texts the labelled ones are used.
        """
        probabilities = [
            log_q.exp()
            for states, ids in zip(self.sample or self.states, self.table.ids, strict=True)
            for _, log_q in log_probabilities(self.backbone, states, ids)
        ]
        return torch.cat(probabilities)

    def frequent(self, most: int) -> Readings:
        """Return readings of the ``most`` words with the largest contextual prior.

        The prior is the mean probability at the mask of the unlabelled texts (KPT, section 3.2).
        Words of two tokens stay: they were found in these texts.
        """
        if not self.sample or len(self.table) <= most:
            return self
        prior = torch.zeros(len(self.table), dtype=torch.float64, device=self.targets.device)
        for states, ids in zip(self.sample, self.table.ids, strict=True):
            for _, log_q in log_probabilities(self.backbone, states, ids):
                prior += log_q.double().exp().sum(dim=0)
        prior[self.table.lengths > 1] = torch.inf
        pairs = int((self.table.lengths > 1).sum())
        chosen = prior.topk(min(most + pairs, len(prior))).indices.sort().values.cpu()
        return replace(self, table=self.table.select(chosen))


def _all_words(
    backbone: LanguageModel,
    encoders: Sequence[Encoder],
    texts: Sequence[str],
    labels: Sequence[str],
) -> WordTable:
    """Return the table of a vocabulary's words, and of the texts' words of two characters."""
    chinese = has_ideographs(texts)
    table = WordTable.whole(backbone.tokenizer, encoders, chinese)
    # Models that predict a word token by token would have to read every pair.
    if not chinese or backbone.reader([(0, 0)]).mask_counts != (2,):
        return table
    pairs = dict.fromkeys([*(name for name in labels if len(name) == 2), *frequent_pairs(texts)])
    return table.with_more(WordTable.of(list(pairs), backbone.tokenizer, encoders, tokens=2))
