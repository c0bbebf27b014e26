"""Masking: the choice of tokens for a masked LM to predict, and the ids that it sees instead."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pet.encoding.tokenizer import TextTokenizer
from pet.errors import BackboneError
from pet.types import Ints

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Masking:
    """Chooses tokens and hides them (Devlin 2019, section 3.1).

    A share ``rate`` of the tokens is chosen. Of these ``mask_share`` become the mask token,
    ``random_share`` a random token, and the rest stay. A word's tokens are chosen together and
    share one fate.
    """

    rate: float
    mask_share: float
    random_share: float
    mask_id: int
    special_ids: tuple[int, ...]
    vocabulary_size: int

    @classmethod
    def from_tokenizer(
        cls, tokenizer: TextTokenizer, rate: float, mask_share: float, random_share: float
    ) -> Masking:
        """Return a masking with the special tokens of a tokenizer.

        Raises
        ------
        BackboneError
            When the tokenizer has no mask token.
        """
        if tokenizer.mask_id is None:
            raise BackboneError(
                "Masked-LM training needs a masked LM; this backbone has no mask token.",
                "Leave out `--lm-weight` or `--objective adapet`, or choose a masked LM such as "
                "roberta-base.",
            )
        return cls(
            rate,
            mask_share,
            random_share,
            tokenizer.mask_id,
            tokenizer.special_ids,
            tokenizer.vocabulary_size,
        )

    @cached_property
    def _normal(self) -> Ints:
        return np.setdiff1d(np.arange(self.vocabulary_size), self.special_ids)

    def __call__(
        self,
        ids: Ints,
        generator: np.random.Generator,
        starts: Flags | None = None,
        asked: Flags | None = None,
    ) -> tuple[Ints, Flags]:
        """Choose tokens of B rows and hide them.

        Special tokens are never chosen and never inserted. At least one token is chosen if any
        token is not special.

        Parameters
        ----------
        ids : array (B, L)
            Token ids.
        generator : numpy.random.Generator
            Random numbers for the choice.
        starts : array (B, L) of bool, optional
            True where a word starts; by default every token is a word.
        asked : array (B, L) of bool, optional
            True where a token is always chosen.

        Returns
        -------
        array (B, L)
            Token ids as the model sees them.
        array (B, L) of bool
            True where a token is to be predicted.
        """
        starts = np.ones(ids.shape, dtype=bool) if starts is None else starts.copy()
        eligible = ~np.isin(ids, self.special_ids)
        starts[:, 0] = True  # a row may begin inside a word
        word = starts.ravel().cumsum().reshape(ids.shape) - 1
        words = int(word[-1, -1]) + 1
        draw = np.where(eligible, generator.random(words)[word], 1.0)
        chosen: Flags = draw < self.rate
        if asked is not None:
            chosen |= asked & eligible
        if not chosen.any() and eligible.any():
            chosen = draw == draw.min()
        fate = generator.random(words)[word]
        other = self._normal[generator.integers(len(self._normal), size=ids.shape)]
        seen = np.where(chosen & (fate < self.mask_share + self.random_share), other, ids)
        seen[chosen & (fate < self.mask_share)] = self.mask_id
        return seen, chosen
