"""Frame: the special tokens around a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pet.errors import BackboneError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


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
