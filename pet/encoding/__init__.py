"""Encoding: batched tokenisation, shortening, and batches that waste little on padding."""

from pet.encoding.batches import Batch, Encoded, LabelSlot, within_budget
from pet.encoding.encoder import Chunk, Encoder, FieldTokens
from pet.encoding.joining import join
from pet.encoding.ragged import Ragged
from pet.encoding.tokenizer import TextTokenizer
from pet.types import Ints

__all__ = [
    "Batch",
    "Chunk",
    "Encoded",
    "Encoder",
    "FieldTokens",
    "Ints",
    "LabelSlot",
    "Ragged",
    "TextTokenizer",
    "join",
    "within_budget",
]
