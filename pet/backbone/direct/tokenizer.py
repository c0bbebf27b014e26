"""A saved BERT tokenizer, read by the package tokenizers alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from tokenizers import Tokenizer

_FILE, _SETTINGS = "tokenizer.json", "tokenizer_config.json"
_LONGEST_WORD = 100  # characters; transformers builds no other
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
        self._special: dict[str, str] = {name: self.init_kwargs[name] for name in _SPECIAL}
        if not all(isinstance(token, str) for token in self._special.values()):
            raise ValueError("a special token is not told as plain text")
        self._ids = {name: self._id(name) for name in _SPECIAL}
        self._refuse_rebuilt()

    def _refuse_rebuilt(self) -> None:
        """Refuse a file of which transformers would make another tokenizer.

        From the file it takes the vocabulary alone; the rest follows from the settings.
        """
        built = json.loads(self.backend_tokenizer.to_str())
        settings, model = self.init_kwargs, built["model"]
        as_rebuilt = {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": settings.get("tokenize_chinese_chars", True),
            "strip_accents": settings.get("strip_accents"),
            "lowercase": settings.get("do_lower_case", True),
        }
        if (
            built["normalizer"] != as_rebuilt
            or built["pre_tokenizer"] != {"type": "BertPreTokenizer"}
            or built["padding"] is not None
            or (model["type"], model["continuing_subword_prefix"]) != ("WordPiece", "##")
            or model["max_input_chars_per_word"] != _LONGEST_WORD
            or model["unk_token"] != self._special["unk_token"]
        ):
            raise ValueError("its tokenizer.json says another thing than its settings")

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
        backend, cut = self.backend_tokenizer, self.backend_tokenizer.truncation
        backend.no_truncation()
        try:
            found = backend.encode(text, pair, add_special_tokens=add_special_tokens)
        finally:
            if cut is not None:
                backend.enable_truncation(**cut)
        return {"input_ids": found.ids, "token_type_ids": found.type_ids}

    @property
    def mask_token(self) -> str:
        """Mask token, as text."""
        return self._special["mask_token"]

    @property
    def mask_token_id(self) -> int:
        """Id of the mask token."""
        return self._ids["mask_token"]

    @property
    def pad_token_id(self) -> int:
        """Id of the token that fills up rows."""
        return self._ids["pad_token"]

    @property
    def unk_token_id(self) -> int:
        """Id of the token for text that is not in the vocabulary."""
        return self._ids["unk_token"]

    @property
    def all_special_ids(self) -> list[int]:
        """Ids of all special tokens."""
        return [*self._ids.values()]

    def get_vocab(self) -> dict[str, int]:
        """Return the id of every token."""
        return self.backend_tokenizer.get_vocab()

    def save_pretrained(self, folder: Path) -> None:
        """Write tokenizer.json and tokenizer_config.json."""
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
