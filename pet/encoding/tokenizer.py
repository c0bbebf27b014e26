"""Tokenisation of texts, never into special tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pet.encoding.characters import begins_character
from pet.encoding.frame import Frame
from pet.encoding.ragged import Ragged
from pet.encoding.seams import AFTER_LETTER, AFTER_MARK, AFTER_SPACE, START, Before, stand_ins, tail
from pet.encoding.slow import SlowTokenizer
from pet.errors import BackboneError
from pet.types import Ints

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


# Texts that begin in different ways show whether it matters what stands before them.
_PROBES = ("a", "The", "it", "1", "24", "(", "中", "か", "가")
_USUAL = (START, Before("", " "), AFTER_LETTER, AFTER_MARK)


class TextTokenizer:
    """A tokenizer that finds no special tokens inside a text.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerBase
        Any, but causal models need one with a `tokenizers` backend.
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
        self._backend = _backend_of(tokenizer, open_ended)
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
        self._words: dict[tuple[str, Before], tuple[int, ...]] = {}
        self._alike: dict[Before, Before] = {}

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

    def word_ids(self, text: str, before: Before = AFTER_SPACE) -> list[int]:
        """Return the token ids of a short piece, behind what stands before it.

        White space at its end that goes with the next piece, `glue`, is left out.
        """
        key = (text, before)
        if key not in self._words:
            self._words[key] = tuple(self._piece(text, before))
        return list(self._words[key])

    def glue(self, text: str) -> str:
        """Return the white space at a text's end that the tokenizer gives to the next word."""
        blank = text[len(text.rstrip()) :]
        if not blank:
            return ""
        probe = self._backend.encode(f"x{blank}x", add_special_tokens=False)
        word = probe.word_ids[-1]
        spans = zip(probe.word_ids, probe.offsets, strict=True)
        start = min(left for number, (left, _) in spans if number == word)
        if start == 0:  # the tokenizer splits nothing into words
            return " " if blank.endswith(" ") else ""
        return blank[start - 1 :]

    def with_known_blanks(self, text: str) -> str:
        """Put a space for white space, such as line breaks, that the tokenizer does not know."""
        for blank in set(re.findall(r"[^\S ]", text)):
            if self.unknown_id in self._ids(f"x{blank}x") and self.unknown_id not in self._ids("x"):
                text = re.sub(rf"\s*{re.escape(blank)}\s*", " ", text)
        return text

    def _piece(self, text: str, before: Before) -> list[int]:
        piece = before.glued + text
        end = len(piece) - len(self.glue(text))
        # White space depends on what follows it.
        whole = piece + "x" if text[-1:].isspace() else piece
        for anchor in (before.anchor, *stand_ins(before.anchor)):
            ids = self._behind(anchor, whole, end)
            if ids is not None:
                return ids
        return self._behind("", whole, end) or []

    def _behind(self, anchor: str, piece: str, end: int) -> list[int] | None:
        """Return the ids of ``piece[:end]``; None if one token spans anchor and piece."""
        encoding = self._backend.encode(anchor + piece, add_special_tokens=False)
        first = len(anchor)
        if any(left < first < right for left, right in encoding.offsets):
            return None
        spans = zip(encoding.ids, encoding.offsets, strict=True)
        return [token for token, (left, right) in spans if first <= left and right <= first + end]

    def alike(self, before: Before) -> Before:
        """Return the usual `Before` behind which texts are the same tokens, if there is one.

        So that texts, of which there are many, are tokenised once for most patterns.
        """
        if before not in self._alike:
            self._alike[before] = before
            tokens = self._of_probes(before)
            usual = (known for known in _USUAL if self._of_probes(known) == tokens)
            self._alike[before] = next(usual, before)
        return self._alike[before]

    def _of_probes(self, before: Before) -> list[list[int]]:
        return [self.word_ids(probe, before) for probe in _PROBES]

    def word_pieces(self, word: str, before: Before = AFTER_SPACE) -> list[str]:
        """Return a word's tokens as text, for people to look at."""
        return [str(self._backend.id_to_token(token)) for token in self.word_ids(word, before)]

    @cached_property
    def token_texts(self) -> tuple[str, ...]:
        """Texts of all tokens of the vocabulary, each decoded alone."""
        rows = [[token] for token in range(self.vocabulary_size)]
        return tuple(self._backend.decode_batch(rows))

    @cached_property
    def begins_character(self) -> NDArray[np.bool_] | None:
        """For every token whether a character begins with it; None if one always does."""
        return begins_character(self._backend)

    def ends(self, tokens: Ints) -> NDArray[np.str_]:
        """Return the last character of each token's text, (T,)."""
        known, inverse = np.unique(tokens, return_inverse=True)
        texts = self._backend.decode_batch([[token] for token in known.tolist()])
        return np.array([tail(text) or " " for text in texts], dtype=np.str_)[inverse]

    def texts(self, texts: Sequence[str], before: Before = START) -> Ragged:
        """Tokenise texts behind what stands before them, in batches."""
        before = self.alike(before)
        prefix, head = before.anchor + before.glued, self._ids(before.anchor)
        rows: list[Ints] = []
        # Encodings are a hundred times larger than their ids, so only a few are made at a time.
        for start in range(0, len(texts), 512):
            own = texts[start : start + 512]
            batch = [prefix + text for text in own] if prefix else list(own)
            encodings = self._backend.encode_batch_fast(batch, add_special_tokens=False)
            for text, encoding in zip(own, encodings, strict=True):
                ids = encoding.ids
                if head:
                    clean = ids[: len(head)] == head and self.unknown_id not in head
                    ids = ids[len(head) :] if clean else self._piece(text, before)
                rows.append(np.asarray(ids, dtype=np.int64))
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


def _backend_of(tokenizer: PreTrainedTokenizerBase, open_ended: bool) -> Any:
    """Return what tokenises texts: a `tokenizers.Tokenizer`, or one in Python that is like it."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        if open_ended or not hasattr(tokenizer, "tokenize"):
            raise BackboneError(
                f"{type(tokenizer).__name__} has no fast version (no tokenizer.json), which models "
                "that read from left to right need.",
                "Choose one that has, or a masked language model.",
            )
        return SlowTokenizer(tokenizer)
    # A copy, because transformers changes these settings at every call.
    state = json.loads(backend.to_str())
    state["post_processor"] = None  # some move the offsets of tokens
    own = Tokenizer.from_str(json.dumps(state))
    own.encode_special_tokens = True
    own.no_truncation()
    own.no_padding()
    return own
