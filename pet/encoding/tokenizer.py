"""Tokenisation of texts, never into special tokens, and the special tokens around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pet.encoding.ragged import Ragged
from pet.errors import BackboneError
from pet.types import Ints

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class TextTokenizer:
    """A fast tokenizer that finds no special tokens inside a text.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerBase
        With a `tokenizers` backend.
    mask_token : str, optional
        Token for the mask; by default the tokenizer's mask token.
    open_ended : bool
        For models that read from left to right: the mask has no token and nothing follows it; the
        last token predicts the label word.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        mask_token: str | None = None,
        open_ended: bool = False,
    ) -> None:
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise BackboneError(
                f"{type(tokenizer).__name__} has no fast tokenizer; pet needs a tokenizer.json."
            )
        # A copy, because transformers changes these settings at every call.
        self._backend = Tokenizer.from_str(backend.to_str())
        self._backend.encode_special_tokens = True
        self._backend.no_truncation()
        self._backend.no_padding()
        self.open_ended = open_ended
        # The mask as text, for inputs without content.
        self.mask_text: str = mask_token or tokenizer.mask_token or "[MASK]"
        self.mask_id: int | None = tokenizer.mask_token_id
        if mask_token is not None:
            self.mask_id = cast(int, tokenizer.convert_tokens_to_ids(mask_token))
        self.pad_id: int = tokenizer.pad_token_id or 0
        self.unknown_id: int | None = tokenizer.unk_token_id
        self.special_ids: tuple[int, ...] = tuple(sorted(set(tokenizer.all_special_ids)))
        # Some models have their special tokens as ordinary ones too, and so find them in text.
        self._never_text = [token for token in self.special_ids if token != self.unknown_id]
        self.vocabulary_size = len(tokenizer)
        self.has_segments = not open_ended and "token_type_ids" in tokenizer.model_input_names
        if open_ended:
            self._single = self._pair = Frame.open(tokenizer)
            if tokenizer.pad_token_id is None:  # a token that no text has
                self.pad_id = self._single.before[-1]
        else:
            self._single = Frame.probe(tokenizer, pair=False)
            self._pair = Frame.probe(tokenizer, pair=True)
        # False for tokenizers that take the start of every text for the start of a word.
        self.space_counts = self._ids("a x")[len(self._ids("a")) :] != self._ids("x")

    def frame(self, pair: bool) -> Frame:
        """Return the special tokens around one segment, or two."""
        return self._pair if pair else self._single

    def mask_ids(self, n_masks: int) -> tuple[int, ...]:
        """Return the mask tokens for a word of ``n_masks`` tokens."""
        if self.open_ended:
            return ()
        if self.mask_id is None:
            raise BackboneError("This backbone's tokenizer has no mask token.")
        return (self.mask_id,) * n_masks

    def _ids(self, text: str) -> list[int]:
        return list(self._backend.encode(text, add_special_tokens=False).ids)

    def word_ids(self, text: str, after_space: bool, first: bool, anchor: str = "x") -> list[int]:
        """Return the token ids of words in the middle of a sentence.

        Some tokenizers mark the start of every text as the start of a word. Words that follow
        without a space are therefore tokenised behind an anchor, which is cut off again.

        Parameters
        ----------
        text : str
            One word or several.
        after_space, first : bool
            Whether a space stands before it; whether nothing stands before it.
        anchor : str
            A character like the one that stands before it, if that is neither.
        """
        if after_space:
            return self._ids(" " + text if self.space_counts else text)
        if first:
            return self._ids(text)
        anchored = self._backend.encode(anchor + text, add_special_tokens=False)
        if any(start < 1 < end for start, end in anchored.offsets):
            return self._ids(text)
        spans = zip(anchored.ids, anchored.offsets, strict=True)
        return [token for token, (start, _) in spans if start >= 1]

    def word_pieces(self, word: str) -> list[str]:
        """Return a word's tokens as text, for people to look at."""
        return [str(self._backend.id_to_token(token)) for token in self.word_ids(word, True, False)]

    @cached_property
    def token_texts(self) -> tuple[str, ...]:
        """Texts of all tokens of the vocabulary, each decoded alone."""
        rows = [[token] for token in range(self.vocabulary_size)]
        return tuple(self._backend.decode_batch(rows))

    def texts(self, texts: Sequence[str], after_space: bool) -> Ragged:
        """Tokenise texts, in batches."""
        if after_space and self.space_counts:
            texts = [" " + text for text in texts]
        rows: list[Ints] = []
        # Encodings are a hundred times larger than their ids, so only a few are made at a time.
        for start in range(0, len(texts), 512):
            batch = list(texts[start : start + 512])
            encodings = self._backend.encode_batch_fast(batch, add_special_tokens=False)
            rows += [np.asarray(encoding.ids, dtype=np.int64) for encoding in encodings]
        return self._as_text(Ragged.pack(rows))

    def words(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]] | None = None
    ) -> tuple[Ragged, NDArray[np.bool_], NDArray[np.bool_]]:
        """Tokenise texts, and find the tokens that start a word and those in given spans.

        Parameters
        ----------
        texts : sequence of str
            N texts.
        spans : sequence, optional
            For each text its spans (start, end), in characters.

        Returns
        -------
        Ragged
            The tokens: N rows, T in all.
        array (T,) of bool
            True where a token starts a word.
        array (T,) of bool
            True where a token lies in a span.
        """
        encodings = self._backend.encode_batch(list(texts), add_special_tokens=False)
        words = Ragged.pack([[word or 0 for word in encoding.word_ids] for encoding in encodings])
        starts = np.diff(words.flat, prepend=-1) != 0
        starts[words.starts[:-1][words.lengths > 0]] = True
        inside = np.zeros(len(words.flat), dtype=np.bool_)
        every = zip(texts, encodings, words.starts, spans or (), strict=False)
        for text, encoding, first, text_spans in every:
            lefts, rights = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2).T
            for start, end in text_spans:
                # A space before a word may be a separate token, and goes with it.
                overlaps = (lefts < end) & (rights > start - text[:start].endswith(" "))
                inside[first : first + len(overlaps)] |= overlaps
        return self._as_text(Ragged.pack([encoding.ids for encoding in encodings])), starts, inside

    def _as_text(self, tokens: Ragged) -> Ragged:
        if self.unknown_id is not None:
            tokens.flat[np.isin(tokens.flat, self._never_text)] = self.unknown_id
        return tokens


@dataclass(frozen=True)
class Frame:
    """Special tokens before, between and after the segments, and the second segment's number."""

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]
    second_segment: int

    @classmethod
    def probe(cls, tokenizer: PreTrainedTokenizerBase, pair: bool) -> Frame:
        """Find the special tokens in an encoded probe, so that the tokenizer's rules hold."""
        first = tokenizer("a", add_special_tokens=False)["input_ids"]
        output = tokenizer("a", "a") if pair else tokenizer("a")
        ids = list(output["input_ids"])
        at = next(i for i in range(len(ids)) if ids[i : i + len(first)] == first)
        rest = ids[at + len(first) :]
        between: list[int] = []
        segment = 0
        if pair:
            second = next(i for i in range(len(rest)) if rest[i : i + len(first)] == first)
            between, rest = rest[:second], rest[second + len(first) :]
            segments = output.get("token_type_ids", [0] * len(ids))
            segment = int(segments[at + len(first) + len(between)])
        return cls(tuple(ids[:at]), tuple(between), tuple(rest), segment)

    @classmethod
    def open(cls, tokenizer: PreTrainedTokenizerBase) -> Frame:
        """Return the frame of an open text: a start, a line break between segments, no end."""
        first = tokenizer("a", add_special_tokens=False)["input_ids"]
        ids = list(tokenizer("a")["input_ids"])
        before = ids[: next(i for i in range(len(ids)) if ids[i : i + len(first)] == first)]
        if not before:
            # Without a start, an empty text would be no input at all. Models that were trained on
            # packed documents saw the end of one before the start of the next.
            starts = (tokenizer.bos_token_id, tokenizer.eos_token_id)
            before = [token for token in starts if token is not None][:1]
        if not before:
            raise BackboneError(
                f"{type(tokenizer).__name__} has no token that starts or ends a text."
            )
        line_break = tokenizer("a\na", add_special_tokens=False)["input_ids"][1:-1]
        if tokenizer.unk_token_id in line_break:
            line_break = []
        return cls(tuple(before), tuple(line_break), (), 0)
