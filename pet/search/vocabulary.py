"""Vocabulary at the mask: which tokens are words, and how likely each is.

Each pattern is one forward pass over the texts, and a second one if words of two tokens are judged.
Only the decoder inputs at the masks are kept, which are small. Logits over the vocabulary are
computed for a few texts at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pet.backbone import LanguageModel
from pet.encoding import Chunk, Encoder, TextTokenizer
from pet.encoding.scripts import is_word
from pet.scoring.soft import make_template
from pet.scoring.soft.template import SoftSpec
from pet.task import PVP

# Logits in memory at once; 16 MiB in fp32.
CELLS = 2**22


@dataclass(frozen=True)
class WordTable:
    """K words that are one token, or two, at the mask of each of P patterns.

    ``ids`` is (P, K, 2); the second of a word of one token is -1.
    """

    texts: tuple[str, ...]
    ids: Tensor

    @classmethod
    def of(
        cls,
        texts: Sequence[str],
        tokenizer: TextTokenizer,
        encoders: Sequence[Encoder],
        tokens: int = 1,
    ) -> WordTable:
        """Make the table of those texts that are so many known tokens in all patterns."""
        # In some vocabularies a word is another token if no space stands before it.
        places = [encoder.mask_before for encoder in encoders]
        rows = {place: tokenizer.texts(texts, place) for place in set(places)}
        keep = np.ones(len(texts), dtype=bool)
        for row in rows.values():
            keep &= row.lengths == tokens
        for row in rows.values():
            found = row.select(np.flatnonzero(keep)).flat.reshape(-1, tokens)
            keep[keep] = (found != tokenizer.unknown_id).all(axis=1)
        flat = [rows[place].select(np.flatnonzero(keep)).flat for place in places]
        ids = np.stack([own.reshape(-1, tokens) for own in flat])
        padded = np.pad(ids, ((0, 0), (0, 0), (0, 2 - tokens)), constant_values=-1)
        known = tuple(text for text, kept in zip(texts, keep, strict=True) if kept)
        return cls(known, torch.from_numpy(padded))

    @classmethod
    def whole(
        cls, tokenizer: TextTokenizer, encoders: Sequence[Encoder], ideographs: bool = False
    ) -> WordTable:
        """Make the table of a vocabulary's real words; ``ideographs`` count if the texts have some.

        See `pet.encoding.scripts.is_word`.
        """
        texts = (text.strip() for text in tokenizer.token_texts)
        words = dict.fromkeys(text for text in texts if is_word(text, ideographs))
        return cls.of(list(words), tokenizer, encoders)

    @property
    def lengths(self) -> Tensor:
        """Number of tokens of every word, (K,)."""
        return (self.ids[0] >= 0).sum(dim=1)

    @property
    def has_pairs(self) -> bool:
        """Whether some words are two tokens."""
        return bool((self.ids[..., 1] >= 0).any())

    def with_more(self, other: WordTable) -> WordTable:
        """Return the table with another one's words behind its own."""
        own = set(self.texts)
        new = [index for index, text in enumerate(other.texts) if text not in own]
        texts = tuple(other.texts[index] for index in new)
        return WordTable(self.texts + texts, torch.cat([self.ids, other.ids[:, new]], dim=1))

    def select(self, columns: Tensor) -> WordTable:
        """Return the table of the words at these columns, in this order."""
        return WordTable(
            tuple(self.texts[column] for column in columns.tolist()), self.ids[:, columns]
        )

    def __len__(self) -> int:
        return len(self.texts)


def mask_encoder(pvp: PVP, backbone: LanguageModel, max_length: int, masks: int = 1) -> Encoder:
    """Return the encoder of a pattern, with one mask or several."""
    length = min(max_length, backbone.max_length)
    return Encoder(backbone.tokenizer, pvp.pattern.parts, length, masks, answer=pvp.some_word)


def mask_states(backbone: LanguageModel, encoder: Encoder, chunk: Chunk) -> Tensor:
    """Return the decoder inputs at the masks of every text of a chunk: (N, M, E).

    Slots are untrained: they hold their words, or common words of the vocabulary without any.
    """
    encoded = encoder.encode(chunk)
    starts = encoder.soft_starts
    soft = make_template(SoftSpec("words", "vocabulary"), backbone, starts) if starts else None
    return encoded.each(
        backbone.compute,
        lambda batch: backbone.mask_states(batch if soft is None else soft.fill(batch)),
    )


def log_probabilities(
    backbone: LanguageModel, states: Tensor, words: Tensor, cells: int = CELLS
) -> Iterator[tuple[slice, Tensor]]:
    """Yield log-probabilities of words among the whole vocabulary, a few texts at a time.

    That of two tokens is the sum over both masks, which are read in one pass.

    Parameters
    ----------
    backbone : LanguageModel
        The model.
    states : Tensor (N, 1, E) or (N, 3, E)
        Decoder inputs at the mask; then at the two masks of a word of two tokens.
    words : Tensor (K, 2)
        Token ids; the second is -1 for words of one token.
    cells : int
        Logits in memory at once.

    Yields
    ------
    tuple
        The rows of ``states``, a slice, and their log-probabilities (B, K).
    """
    step = max(1, cells // (backbone.tokenizer.vocabulary_size * states.shape[1]))
    first, second = words.to(states.device).unbind(dim=1)
    pair = second >= 0
    for start in range(0, len(states), step):
        rows = slice(start, start + step)
        logs = backbone.vocabulary_logits(states[rows]).log_softmax(dim=-1)
        found = logs[:, 0, first]
        if states.shape[1] > 1:
            found[:, pair] = logs[:, 1, first[pair]] + logs[:, 2, second[pair]]
        yield rows, found
