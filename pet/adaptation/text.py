"""The text of an adaptation: rows to train on, and rows that are held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pet.adaptation.corpus import Corpus
from pet.adaptation.heldout import HeldOut
from pet.adaptation.packing import Packer, RowStream, TokenRows
from pet.backbone import MaskedLM
from pet.config import LMConfig
from pet.errors import UsageError

_HELD_OUT_ROWS = 512


@dataclass(frozen=True)
class Text:
    """A corpus packed for a backbone: an endless stream of rows, and at most 512 held-out rows."""

    packer: Packer
    stream: RowStream
    held_out: HeldOut

    @classmethod
    def packed(
        cls,
        corpus: Corpus,
        backbone: MaskedLM,
        config: LMConfig,
        seed: int,
        place: Mapping[str, TokenRows] | None,
    ) -> Self:
        """Pack a corpus.

        Parameters
        ----------
        corpus : Corpus
            The documents.
        backbone : MaskedLM
            Its tokenizer is used.
        config : LMConfig
            Length and marks of rows, size of the shuffle buffer.
        seed : int
            Seed of the choice of held-out rows.
        place : mapping, optional
            State of the stream in an adaptation that goes on; see `RowStream.state`.

        Raises
        ------
        UsageError
            When a row has no room for text.
        DataError
            When the tokenizer knows no token of the text.
        """
        packer = Packer(backbone.tokenizer, config.length, config.whole_word, config.cloze)
        if packer.room < 1:
            raise UsageError(
                f"A row of {packer.length} tokens has no room for text.", "Use `--length`."
            )
        stream = RowStream(corpus, packer, config.shuffle_buffer, place)
        held_out = HeldOut(backbone, packer.sample(corpus.held_out(), _HELD_OUT_ROWS, seed))
        return cls(packer, stream, held_out)
