"""Vocabulary at the mask: which tokens are words, and how likely each is.

Each pattern is one forward pass over the texts. Of it only the decoder inputs at the mask, (N, E),
are kept, which are small. Logits over the vocabulary are computed for a few texts at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pet.backbone import LanguageModel
from pet.encoding import Chunk, Encoder, TextTokenizer
from pet.scoring.soft import make_template
from pet.scoring.soft.template import SoftSpec
from pet.task import PVP

# Logits in memory at once; 16 MiB in fp32.
CELLS = 2**22
_LEAST_LETTERS = 2


@dataclass(frozen=True)
class WordTable:
    """K words that are one token at the mask of each of P patterns: ``ids`` is (P, K)."""

    texts: tuple[str, ...]
    ids: Tensor

    @classmethod
    def single_tokens(
        cls, texts: Sequence[str], tokenizer: TextTokenizer, encoders: Sequence[Encoder]
    ) -> WordTable:
        """Make the table of those texts that are one known token in all patterns."""
        # In some vocabularies a word is another token if no space stands before it.
        places = [encoder.mask_before for encoder in encoders]
        tokens = {place: tokenizer.texts(texts, place) for place in set(places)}
        keep = np.ones(len(texts), dtype=bool)
        for rows in tokens.values():
            single = rows.lengths == 1
            keep &= single
            keep[single] &= rows.flat[rows.starts[:-1][single]] != tokenizer.unknown_id
        ids = np.stack([tokens[place].flat[tokens[place].starts[:-1][keep]] for place in places])
        known = tuple(text for text, kept in zip(texts, keep, strict=True) if kept)
        return cls(known, torch.from_numpy(ids))

    @classmethod
    def whole(cls, tokenizer: TextTokenizer, encoders: Sequence[Encoder]) -> WordTable:
        """Make the table of a vocabulary's real words: two or more letters, nothing else."""
        texts = (text.strip() for text in tokenizer.token_texts)
        words = dict.fromkeys(
            text for text in texts if text.isalpha() and len(text) >= _LEAST_LETTERS
        )
        return cls.single_tokens(list(words), tokenizer, encoders)

    def select(self, columns: Tensor) -> WordTable:
        """Return the table of the words at these columns, in this order."""
        return WordTable(
            tuple(self.texts[column] for column in columns.tolist()), self.ids[:, columns]
        )

    def __len__(self) -> int:
        return len(self.texts)


def mask_encoder(pvp: PVP, backbone: LanguageModel, max_length: int) -> Encoder:
    """Return the encoder of a pattern with one mask."""
    length = min(max_length, backbone.max_length)
    return Encoder(backbone.tokenizer, pvp.pattern.parts, length, answer=pvp.some_word)


def mask_states(backbone: LanguageModel, encoder: Encoder, chunk: Chunk) -> Tensor:
    """Return the decoder inputs at the mask of every text of a chunk: (N, E).

    Slots are untrained: they hold their words, or common words of the vocabulary without any.
    """
    encoded = encoder.encode(chunk)
    starts = encoder.soft_starts
    soft = make_template(SoftSpec("words", "vocabulary"), backbone, starts) if starts else None
    return encoded.each(
        backbone.compute,
        lambda batch: backbone.mask_states(batch if soft is None else soft.fill(batch))[:, 0],
    )


def log_probabilities(
    backbone: LanguageModel, states: Tensor, ids: Tensor, cells: int = CELLS
) -> Iterator[tuple[slice, Tensor]]:
    """Yield log-probabilities of words among the whole vocabulary, a few texts at a time.

    Parameters
    ----------
    backbone : LanguageModel
        The model.
    states : Tensor (N, E)
        Decoder inputs at the mask.
    ids : Tensor (K,)
        Token ids.
    cells : int
        Logits in memory at once.

    Yields
    ------
    tuple
        The rows of ``states``, a slice, and their log-probabilities (B, K).
    """
    step = max(1, cells // backbone.tokenizer.vocabulary_size)
    columns = ids.to(states.device)
    for start in range(0, len(states), step):
        rows = slice(start, start + step)
        logits = backbone.vocabulary_logits(states[rows])
        yield rows, logits.log_softmax(dim=-1)[:, columns]
