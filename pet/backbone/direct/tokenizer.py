"""A saved BERT tokenizer, read by the package tokenizers alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from tokenizers import Tokenizer

_FILE, _SETTINGS = "tokenizer.json", "tokenizer_config.json"
_SPECIAL = ("unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


class DirectTokenizer:
    """A tokenizer with the part of transformers' class that `pet` uses.

    Parameters
    ----------
    folder : Path
        Folder with tokenizer.json and tokenizer_config.json.

    Raises
    ------
    ValueError
        When it is of another class, or has settings of which `_KNOWN` does not tell.
    """

    model_input_names = ("input_ids", "token_type_ids", "attention_mask")

    def __init__(self, folder: Path) -> None:
        self.backend_tokenizer = Tokenizer.from_file(str(folder / _FILE))
        self.init_kwargs: dict[str, Any] = json.loads((folder / _SETTINGS).read_bytes())
        other = {key for key in self.init_kwargs if key not in _KNOWN}
        if other or self.init_kwargs.get("tokenizer_class") not in _CLASSES:
            raise ValueError(f"not read here: {sorted(other)}")
        self.model_max_length = int(self.init_kwargs["model_max_length"])
        self._special = {name: str(self.init_kwargs[name]) for name in _SPECIAL}

    def __len__(self) -> int:
        return int(self.backend_tokenizer.get_vocab_size())

    def __call__(
        self,
        text: str,
        pair: str | None = None,
        add_special_tokens: bool = True,
        split_special_tokens: Literal[False] = False,
    ) -> dict[str, list[int]]:
        """Return the ids of a text, or of two, and the numbers of their segments."""
        found = self.backend_tokenizer.encode(text, pair, add_special_tokens=add_special_tokens)
        return {"input_ids": found.ids, "token_type_ids": found.type_ids}

    @property
    def mask_token(self) -> str:
        """The mask, as text."""
        return self._special["mask_token"]

    @property
    def mask_token_id(self) -> int:
        """The mask."""
        return self._id("mask_token")

    @property
    def pad_token_id(self) -> int:
        """What fills up rows."""
        return self._id("pad_token")

    @property
    def unk_token_id(self) -> int:
        """What stands for text that the tokenizer does not know."""
        return self._id("unk_token")

    @property
    def all_special_ids(self) -> list[int]:
        """All special tokens."""
        return [self._id(name) for name in _SPECIAL]

    def get_vocab(self) -> dict[str, int]:
        """Return all tokens."""
        return self.backend_tokenizer.get_vocab()

    def save_pretrained(self, folder: Path) -> None:
        """Write both files."""
        self.backend_tokenizer.save(str(folder / _FILE))
        settings = {**self.init_kwargs, "model_max_length": self.model_max_length}
        text = json.dumps(settings, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        (folder / _SETTINGS).write_text(text, encoding="utf-8")

    def _id(self, name: str) -> int:
        token: int | None = self.backend_tokenizer.token_to_id(self._special[name])
        if token is None:
            raise ValueError(f"the vocabulary lacks {self._special[name]!r}")
        return token


_CLASSES = ("BertTokenizer", "BertTokenizerFast")
# Settings whose effect is in tokenizer.json, or that pet does not use.
_KNOWN = {
    *_SPECIAL, "backend", "clean_up_tokenization_spaces", "do_basic_tokenize", "do_lower_case",
    "is_local", "local_files_only", "model_max_length", "never_split", "pad_token_type_id",
    "padding_side", "split_special_tokens", "strip_accents", "tokenize_chinese_chars",
    "tokenizer_class", "truncation_side",
}  # fmt: skip
