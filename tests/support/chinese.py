"""A tiny BERT that reads Chinese characters, each a token, as bert-base-chinese does."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForMaskedLM, BertTokenizerFast

# From the most frequent to the rarest, as such vocabularies are.
CHARACTERS = (
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年"
    "好很差错坏糟糕总之酒店房间服务热情干净早餐丰富位置方便非常满意下次还床舒安静又脏旧"
    "态度再空调没修冷价格太贵新闻体育财经科技制评论吗题目前后句话意思相同矛盾无关真棒"
)
KANA = (
    "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもよらりるれろわをんでー"
)
HANGUL = "가나다은는이을서울책영화"
LATIN = "abcdefghijklmnopqrstuvwxyz0123456789"
PUNCTUATION = "，。！？、；：（）《》“”—…,.!?:;()[]'\"-/%"
WORDS = ["ai", "app", "good", "bad", "it", "was", "great", "##ai", "##app"]
VOCABULARY = list(
    dict.fromkeys(
        [
            *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
            *CHARACTERS, *PUNCTUATION, *LATIN, *KANA, *HANGUL,
            *(f"##{letter}" for letter in LATIN + KANA + HANGUL),
            *WORDS,
        ]
    )
)  # fmt: skip


def chinese_tokenizer() -> BertTokenizerFast:
    """A WordPiece tokenizer with Chinese characters; kana, hangul and Latin are spelled out."""
    ids = {token: number for number, token in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    return BertTokenizerFast(tokenizer_object=tokenizer)


def save_chinese_bert(folder: Path, seed: int = 0) -> Path:
    """Write a random 2-layer masked LM with these characters."""
    torch.manual_seed(seed)
    tokenizer = chinese_tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    model = BertForMaskedLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(3.0)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
