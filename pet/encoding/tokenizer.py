"""Batched tokenisation of text that stays text, and the special tokens around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pet.encoding.ragged import Ragged
from pet.errors import BackboneError
from pet.types import Ints


class TextTokenizer:
    """A fast tokenizer that takes text as text: no special tokens are found inside it.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerBase
        With a `tokenizers` backend.
    mask_token : str, optional
        Stands for the mask where it is not the tokenizer's own mask token.
    open_ended : bool
        For models that read from left to right: nothing stands for the mask and nothing follows
        it, the last token predicts the label word.
    """

    def __init__(
        self, tokenizer: Any, mask_token: str | None = None, open_ended: bool = False
    ) -> None:
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise BackboneError(
                f"{type(tokenizer).__name__} has no fast tokenizer; pet needs a tokenizer.json."
            )
        # A copy, because transformers switches these settings of its own at every call.
        self._backend = Tokenizer.from_str(backend.to_str())
        self._backend.encode_special_tokens = True
        self._backend.no_truncation()
        self._backend.no_padding()
        self.open_ended = open_ended
        # How a mask is spelled out, if only for inputs without content.
        self.mask_text: str = mask_token or tokenizer.mask_token or "[MASK]"
        self.mask_id: int | None = tokenizer.mask_token_id
        if mask_token is not None:
            self.mask_id = tokenizer.convert_tokens_to_ids(mask_token)
        self.pad_id: int = tokenizer.pad_token_id or 0
        self.unknown_id: int | None = tokenizer.unk_token_id
        self.special_ids: tuple[int, ...] = tuple(sorted(set(tokenizer.all_special_ids)))
        # Some models hold their special tokens as ordinary pieces and so find them in text.
        self._never_text = [number for number in self.special_ids if number != self.unknown_id]
        self.vocabulary_size = len(tokenizer)
        self.has_segments = not open_ended and "token_type_ids" in tokenizer.model_input_names
        if open_ended:
            self._single = self._pair = Frame.open(tokenizer)
            if tokenizer.pad_token_id is None:  # a token that no text has
                self.pad_id = self._single.before[-1]
        else:
            self._single = Frame.probe(tokenizer, pair=False)
            self._pair = Frame.probe(tokenizer, pair=True)
        # Some tokenizers take the start of every text for the start of a word, with or without
        # a space.
        self.space_counts = self._ids("a x")[len(self._ids("a")) :] != self._ids("x")

    def frame(self, pair: bool) -> Frame:
        """The special tokens around one segment or two."""
        return self._pair if pair else self._single

    def mask_ids(self, n_masks: int) -> tuple[int, ...]:
        """Tokens that stand for the mask of a word of so many tokens."""
        if self.open_ended:
            return ()
        if self.mask_id is None:
            raise BackboneError("This backbone's tokenizer has no mask token.")
        return (self.mask_id,) * n_masks

    def _ids(self, text: str) -> list[int]:
        return list(self._backend.encode(text, add_special_tokens=False).ids)

    def piece(self, text: str, after_space: bool, first: bool, anchor: str = "x") -> list[int]:
        """Token ids of words in the middle of a sentence.

        Some tokenizers mark the start of every text they see as the start of a word; a piece that
        is glued to what stands before it is therefore cut out of a text with an anchor: one
        character of the kind that stands there.
        """
        if after_space:
            return self._ids(" " + text if self.space_counts else text)
        if first:
            return self._ids(text)
        anchored = self._backend.encode(anchor + text, add_special_tokens=False)
        if any(start < 1 < end for start, end in anchored.offsets):
            return self._ids(text)
        spans = zip(anchored.ids, anchored.offsets, strict=True)
        return [number for number, (start, _) in spans if start >= 1]

    def pieces(self, word: str) -> list[str]:
        """Return a word's tokens as text, for people to look at."""
        return [str(self._backend.id_to_token(number)) for number in self.piece(word, True, False)]

    @cached_property
    def token_texts(self) -> tuple[str, ...]:
        """Every token of the vocabulary alone, as text."""
        rows = [[number] for number in range(self.vocabulary_size)]
        return tuple(self._backend.decode_batch(rows))

    def texts(self, texts: Sequence[str], after_space: bool) -> Ragged:
        """Tokenise many texts at once."""
        if after_space and self.space_counts:
            texts = [" " + text for text in texts]
        rows: list[Ints] = []
        # The tokenizer's own objects are a hundred times larger than the ids: few at a time.
        for start in range(0, len(texts), 512):
            part = list(texts[start : start + 512])
            encodings = self._backend.encode_batch_fast(part, add_special_tokens=False)
            rows += [np.asarray(encoding.ids, dtype=np.int64) for encoding in encodings]
        return self._as_text(Ragged.of(rows))

    def words(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]] | None = None
    ) -> tuple[Ragged, NDArray[np.bool_], NDArray[np.bool_]]:
        """Tokenise many texts; also tell which of the flat tokens (T,) start a word, and which lie
        in the given spans (start, end) of their text's characters."""
        encodings = self._backend.encode_batch(list(texts), add_special_tokens=False)
        words = Ragged.of([[word or 0 for word in encoding.word_ids] for encoding in encodings])
        starts = np.diff(words.flat, prepend=-1) != 0
        starts[words.starts[:-1][words.lengths > 0]] = True
        inside = np.zeros(len(words.flat), dtype=np.bool_)
        every = zip(texts, encodings, words.starts, spans or (), strict=False)
        for text, encoding, first, own in every:
            lefts, rights = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2).T
            for start, end in own:
                # A space before a word may be a token of its own, and goes with it.
                found = (lefts < end) & (rights > start - text[:start].endswith(" "))
                inside[first : first + len(found)] |= found
        return self._as_text(Ragged.of([encoding.ids for encoding in encodings])), starts, inside

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
    def probe(cls, tokenizer: Any, pair: bool) -> Frame:
        """Read off an encoded probe what surrounds segments: the rule is the tokenizer's own."""
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
            kinds = output.get("token_type_ids", [0] * len(ids))
            segment = int(kinds[at + len(first) + len(between)])
        return cls(tuple(ids[:at]), tuple(between), tuple(rest), segment)

    @classmethod
    def open(cls, tokenizer: Any) -> Frame:
        """The frame of a text that goes on: a start, a line break between segments, no end."""
        first = tokenizer("a", add_special_tokens=False)["input_ids"]
        ids = list(tokenizer("a")["input_ids"])
        before = ids[: next(i for i in range(len(ids)) if ids[i : i + len(first)] == first)]
        if not before:
            # Without one, an empty text would be no input at all. Where documents were packed in
            # training, the token that ends one is what stands before the next.
            starts = (tokenizer.bos_token_id, tokenizer.eos_token_id)
            before = [number for number in starts if number is not None][:1]
        if not before:
            raise BackboneError(
                f"{type(tokenizer).__name__} has no token that starts or ends a text."
            )
        line_break = tokenizer("a\na", add_special_tokens=False)["input_ids"][1:-1]
        if tokenizer.unk_token_id in line_break:
            line_break = []
        return cls(tuple(before), tuple(line_break), (), 0)
