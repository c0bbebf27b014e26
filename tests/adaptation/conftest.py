"""The tiny BERT without its head."""

from __future__ import annotations

import pytest
from tiny import bert_tokenizer
from transformers import AutoModelForMaskedLM


@pytest.fixture(scope="session")
def encoder(tiny_bert: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tiny BERT without its head."""
    folder = tmp_path_factory.mktemp("encoder")
    AutoModelForMaskedLM.from_pretrained(tiny_bert).base_model.save_pretrained(folder)
    bert_tokenizer().save_pretrained(folder)
    return str(folder)
