"""Packed rows: documents end to end in rows of one length, drawn from a bounded shuffle buffer.

The place in the text is known, so an interrupted run goes on with the same rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from pet.adaptation.corpus import Corpus
from pet.encoding import Ragged, TextTokenizer
from pet.errors import DataError
from pet.types import Ints

# A row is (2, L): token ids, and marks of `STARTS` and `ASKED`.
TokenRows = NDArray[np.int32]
STARTS, ASKED = 1, 2  # a word starts; its token is always to be predicted
_TOKENISED_AT_ONCE = 64  # documents
_MARKED = re.compile(r"\{mask:([^{}]+)\}")


class Packer:
    """Turns documents into tokens, and tokens into rows of one length.

    A row is the model's opening tokens, text, and its closing tokens. Documents are separated by
    the last closing token, which is the separator in all families known here.

    Parameters
    ----------
    tokenizer : TextTokenizer
        The backbone's tokenizer.
    length : int
        Tokens of a row, special tokens included: L.
    words : bool
        Mark the starts of words; otherwise every token counts as a word.
    cloze : bool
        Mark words that are written ``{mask:word}``: they are always to be predicted.
    """

    def __init__(
        self, tokenizer: TextTokenizer, length: int, words: bool = False, cloze: bool = False
    ) -> None:
        frame = tokenizer.frame(pair=False)
        self._tokenizer = tokenizer
        self._words = words
        self._cloze = cloze
        self._before = _unmarked_row(frame.before)
        self._after = _unmarked_row(frame.after)
        self._separator = self._after[:, -1:]
        self.special = np.array(tokenizer.special_ids, dtype=np.int32)
        self.length = length
        self.room = length - len(frame.before) - len(frame.after)

    def tokens(self, documents: Sequence[str]) -> TokenRows:
        """Return the tokens of documents, each with its separator: (2, T)."""
        if self._words or self._cloze:
            texts, spans = (
                zip(*map(unmarked, documents), strict=True) if self._cloze else (documents, None)
            )
            ragged, starts, asked = self._tokenizer.words(texts, spans)
            marks = STARTS * (starts if self._words else 1) + ASKED * asked
        else:
            ragged = self._tokenizer.texts(documents)
            marks = np.full(len(ragged.flat), STARTS)
        both = np.stack([ragged.flat, marks]).astype(np.int32)
        ends = ragged.starts[1:][ragged.lengths > 0]
        return np.insert(both, np.repeat(ends, self._separator.shape[1]), self._separator, axis=1)

    def row(self, tokens: TokenRows) -> TokenRows:
        """Put the special tokens around at most ``room`` tokens: (2, L) or shorter."""
        return np.concatenate([self._before, tokens, self._after], axis=1)

    def has_text(self, row: TokenRows) -> bool:
        """Whether some token is not special, and so can be predicted."""
        return not bool(np.isin(row[0], self.special).all())

    def sample(self, documents: Iterator[str], count: int, seed: int) -> Ragged:
        """Pack documents and keep a random sample of at most ``count`` rows of token ids."""
        generator = np.random.default_rng(seed)
        kept: list[Ints] = []
        seen = 0
        tokens = np.zeros((2, 0), np.int32)
        ended = False
        while not ended:
            texts = list(islice(documents, _TOKENISED_AT_ONCE))
            ended = len(texts) < _TOKENISED_AT_ONCE
            tokens = np.concatenate([tokens, self.tokens(texts)], axis=1) if texts else tokens
            while tokens.shape[1] >= self.room or (ended and tokens.shape[1]):
                row, tokens = self.row(tokens[:, : self.room]), tokens[:, self.room :]
                if not self.has_text(row):
                    continue
                ids = row[0].astype(np.int64)
                if len(kept) < count:
                    kept.append(ids)
                elif (at := int(generator.integers(seen + 1))) < count:
                    kept[at] = ids
                seen += 1
        return Ragged.pack([row.tolist() for row in kept])


class RowStream:
    """Endless rows for training, drawn at random from a buffer that the text refills.

    Parameters
    ----------
    corpus : Corpus
        Text, read again and again, each time in another order.
    packer : Packer
        Makes the rows.
    buffer : int
        Most rows in the buffer; it never has more than the text.
    state : mapping, optional
        Result of `state` in the run that goes on here.

    Raises
    ------
    DataError
        When the tokenizer knows no token of the text.
    """

    def __init__(
        self,
        corpus: Corpus,
        packer: Packer,
        buffer: int,
        state: Mapping[str, TokenRows] | None = None,
    ) -> None:
        self._corpus = corpus
        self._packer = packer
        self._has_text = True
        if state is not None:
            self._epoch, self._read = (int(place) for place in state["place"])
            self._documents = corpus.epoch(self._epoch, self._read)
            self._tokens, self.buffer = state["tokens"], state["buffer"]
            return
        self._epoch = self._read = 0
        self._documents = corpus.epoch(0)
        self._tokens = np.zeros((2, 0), np.int32)
        self._has_text = False
        rows: list[TokenRows] = []
        # At most one reading of the text fills the buffer, so no row is in it twice.
        while len(rows) < buffer and (
            not rows or self._epoch == 0 or self._tokens.shape[1] >= packer.room
        ):
            rows.append(self._row())
        self.buffer = np.stack(rows)

    def state(self) -> dict[str, TokenRows]:
        """Return everything that decides the next rows, as arrays."""
        return {
            "place": np.array([self._epoch, self._read], np.int32),
            "tokens": np.ascontiguousarray(self._tokens),
            "buffer": self.buffer,
        }

    def draw(self, count: int, generator: np.random.Generator) -> TokenRows:
        """Draw rows: (count, 2, L)."""
        rows = np.empty((count, *self.buffer.shape[1:]), np.int32)
        for index, at in enumerate(generator.integers(len(self.buffer), size=count)):
            rows[index] = self.buffer[at]
            self.buffer[at] = self._row()
        return rows

    def _row(self) -> TokenRows:
        room = self._packer.room
        while True:
            while self._tokens.shape[1] < room:
                self._read_on()
            row, self._tokens = self._packer.row(self._tokens[:, :room]), self._tokens[:, room:]
            if self._packer.has_text(row):
                return row

    def _read_on(self) -> None:
        texts = list(islice(self._documents, _TOKENISED_AT_ONCE))
        self._read += len(texts)
        if texts:
            new = self._packer.tokens(texts)
            self._has_text = self._has_text or self._packer.has_text(new)
            self._tokens = np.concatenate([self._tokens, new], axis=1)
        if len(texts) < _TOKENISED_AT_ONCE:
            if not self._has_text:
                raise DataError(
                    "The backbone's tokenizer knows no token of the text.",
                    "Choose a backbone that was trained on the text's language.",
                )
            self._epoch, self._read = self._epoch + 1, 0
            self._documents = self._corpus.epoch(self._epoch)


def unmarked(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Replace ``{mask:word}`` by the word: the plain text, and spans (start, end) of the words."""
    texts: list[str] = []
    spans: list[tuple[int, int]] = []
    length = 0
    for index, piece in enumerate(_MARKED.split(text)):
        if index % 2:  # a marked word
            spans.append((length, length + len(piece)))
        texts.append(piece)
        length += len(piece)
    return "".join(texts), spans


def _unmarked_row(ids: Sequence[int]) -> TokenRows:
    """Return special tokens as a row (2, T) in which every token starts a word."""
    return np.stack([np.array(ids, np.int32), np.full(len(ids), STARTS, np.int32)])
