"""A classifier's tokenizer for anybody: it cuts and frames texts as pet's own encoder does."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from tokenizers import processors

from pet.encoding import TextTokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def portable_tokenizer(
    tokenizer: PreTrainedTokenizerBase, text_tokenizer: TextTokenizer, max_length: int
) -> PreTrainedTokenizerBase:
    """Return a copy that carries what `pet.encoding.Encoder` does to the texts of a classifier.

    It cuts at ``max_length`` tokens wherever it is asked to truncate, and takes special tokens that
    a text spells out as plain text. One for models that read from left to right also adds the
    start of a text and the line break between two, and pads.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerBase
        The backbone's tokenizer.
    text_tokenizer : TextTokenizer
        The same tokenizer, as the encoder uses it.
    max_length : int
        Most tokens of an input.
    """
    portable = deepcopy(tokenizer)
    portable.model_max_length = max_length
    portable.truncation_side = "right"
    portable.split_special_tokens = True
    # Only what is among the first arguments of a tokenizer is written.
    portable.init_kwargs |= {"split_special_tokens": True, "truncation_side": "right"}
    backend = getattr(portable, "backend_tokenizer", None)
    if backend is None:  # a tokenizer in Python
        return portable
    backend.enable_truncation(max_length)  # for users of `tokenizers` alone
    if text_tokenizer.open_ended:
        backend.post_processor = _open_frame(text_tokenizer, portable)
        if portable.pad_token is None:
            portable.pad_token = portable.convert_ids_to_tokens(text_tokenizer.pad_id)
    return portable


def _open_frame(
    text_tokenizer: TextTokenizer, tokenizer: PreTrainedTokenizerBase
) -> processors.TemplateProcessing:
    """Return the rule that puts an open text's start before it, and a line break between two."""
    frame = text_tokenizer.frame(pair=True)
    ids = dict.fromkeys((*frame.before, *frame.between))
    tokens = {number: str(tokenizer.convert_ids_to_tokens(number)) for number in ids}
    before, between = (
        [tokens[number] for number in part] for part in (frame.before, frame.between)
    )
    return processors.TemplateProcessing(
        single=[*before, "$A"],
        pair=[*before, "$A", *between, "$B"],
        special_tokens=[(token, number) for number, token in tokens.items()],
    )
