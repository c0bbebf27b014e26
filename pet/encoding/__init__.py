"""Encoding: batched tokenisation, shortening, and batches that waste little on padding."""

from pet.encoding.batches import Batch, Encoded, LabelSlot, within_budget
from pet.encoding.chunk import Chunk, FieldTokens
from pet.encoding.encoder import Encoder
from pet.encoding.joining import join
from pet.encoding.ragged import Ragged
from pet.encoding.seams import AFTER_SPACE, Before
from pet.encoding.token_runs import before_mask
from pet.encoding.tokenizer import TextTokenizer
from pet.types import Ints

__all__ = [
    "AFTER_SPACE",
    "Batch",
    "Before",
    "Chunk",
    "Encoded",
    "Encoder",
    "FieldTokens",
    "Ints",
    "LabelSlot",
    "Ragged",
    "TextTokenizer",
    "before_mask",
    "join",
    "within_budget",
]
