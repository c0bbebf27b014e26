"""Tiny random masked LMs of many architectures, built in code and saved as plain folders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import transformers
from tiny import PIECES, WORDS, bert_tokenizer, randomise
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

MAX_LENGTH = 64

SpecialTokens = dict[str, str]
_BERT_SPECIAL = {
    "pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}  # fmt: skip
_ROBERTA_SPECIAL = {
    "cls_token": "<s>", "pad_token": "<pad>", "sep_token": "</s>", "unk_token": "<unk>",
    "mask_token": "<mask>",
}  # fmt: skip


def _finish(
    tokenizer: Tokenizer, special: SpecialTokens, second_segment: int, double: bool
) -> PreTrainedTokenizerFast:
    """Add the frame of special tokens; ``double`` puts two separators between the segments."""
    cls, sep = special["cls_token"], special["sep_token"]
    middle = f"{sep} {sep}" if double else sep
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {middle} $B:{second_segment} {sep}:{second_segment}",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (cls, sep)],
    )
    names = ["input_ids", "attention_mask"]
    if second_segment:
        names.insert(1, "token_type_ids")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=names, **special)


def word_pieces(segments: bool = True) -> PreTrainedTokenizerFast:
    """WordPiece in the manner of BERT; knows `tiny.WORDS` and spells out every other word."""
    tokenizer = Tokenizer.from_str(bert_tokenizer().backend_tokenizer.to_str())
    return _finish(tokenizer, _BERT_SPECIAL, int(segments), double=False)


def mpnet_word_pieces() -> PreTrainedTokenizerFast:
    """WordPiece with the special tokens of RoBERTa, in the manner of MPNet."""
    vocabulary = [*_ROBERTA_SPECIAL.values(), *WORDS, *PIECES, *(f"##{p}" for p in PIECES)]
    ids = {token: number for number, token in enumerate(dict.fromkeys(vocabulary))}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return _finish(tokenizer, _ROBERTA_SPECIAL, 0, double=True)


def byte_pairs(special: SpecialTokens, second_segment: int, double: bool) -> Any:
    """Byte-level BPE in the manner of RoBERTa; words of `tiny.WORDS` are one token after a space.

    Without the space most of them are not: the space in front of a word counts.
    """
    vocabulary = [*special.values(), *sorted(pre_tokenizers.ByteLevel.alphabet())]
    merges = []
    for word in WORDS:
        grown = "Ġ"
        for letter in word:
            merges.append((grown, letter))
            grown += letter
            vocabulary.append(grown)
    ids = {token: number for number, token in enumerate(dict.fromkeys(vocabulary))}
    tokenizer = Tokenizer(models.BPE(ids, list(dict.fromkeys(merges))))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return _finish(tokenizer, special, second_segment, double)


def sentence_pieces(special: SpecialTokens, second_segment: int, double: bool) -> Any:
    """Unigram with "▁" for spaces in the manner of XLM-R, ALBERT and DeBERTa-v2."""
    pieces = [(token, 0.0) for token in special.values()]
    pieces += [(f"▁{word}", -3.0) for word in WORDS if len(word) > 1]
    pieces += [(letter, -8.0) for letter in dict.fromkeys(["▁", *PIECES, *",.!?:()[]'-/"])]
    tokenizer = Tokenizer(
        models.Unigram(pieces, list(special.values()).index(special["unk_token"]))
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return _finish(tokenizer, special, second_segment, double)


@dataclass(frozen=True)
class Family:
    """One architecture: its configuration's name, tokenizer and what makes it special."""

    architecture: str
    tokenizer: Callable[[], Any]
    options: dict[str, Any]
    longest: int = MAX_LENGTH
    separate_head: bool = True
    own_attention: bool = False  # does not look its attention function up by name
    idle: frozenset[str] = frozenset()  # parameters that the architecture has and never uses


def _sizes(**more: Any) -> dict[str, Any]:
    return {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "max_position_embeddings": MAX_LENGTH,
        **more,
    }


def _roberta_bpe() -> Any:
    return byte_pairs(_ROBERTA_SPECIAL, 0, double=True)


def _deberta_v2_pieces() -> Any:
    return sentence_pieces(_BERT_SPECIAL, 1, double=False)


_FROM_PAD = MAX_LENGTH + 2  # positions of the RoBERTa family start after the pad token's number, 1
_DEBERTA = {
    "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False,
    "max_relative_positions": -1,
}  # fmt: skip

FAMILIES: dict[str, Family] = {
    "bert": Family("Bert", word_pieces, _sizes()),
    "bert-untied": Family(
        "Bert",
        word_pieces,
        _sizes(tie_word_embeddings=False),
        idle=frozenset({"cls.predictions.bias"}),
    ),
    "roberta": Family("Roberta", _roberta_bpe, _sizes(max_position_embeddings=_FROM_PAD)),
    "xlm-roberta": Family(
        "XLMRoberta",
        lambda: sentence_pieces(_ROBERTA_SPECIAL, 0, double=True),
        _sizes(max_position_embeddings=_FROM_PAD),
    ),
    "camembert": Family(
        "Camembert",
        lambda: sentence_pieces(_ROBERTA_SPECIAL, 0, double=True),
        _sizes(max_position_embeddings=_FROM_PAD),
    ),
    "roberta-prelayernorm": Family(
        "RobertaPreLayerNorm",
        _roberta_bpe,
        _sizes(max_position_embeddings=_FROM_PAD),
        separate_head=False,
    ),
    "distilbert": Family(
        "DistilBert",
        lambda: word_pieces(segments=False),
        {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, "max_position_embeddings": 64},
    ),
    "albert": Family(
        "Albert",
        lambda: sentence_pieces(_BERT_SPECIAL, 1, double=False),
        _sizes(embedding_size=16),
    ),
    "electra": Family("Electra", word_pieces, _sizes(embedding_size=16)),
    "deberta": Family(
        "Deberta",
        lambda: byte_pairs(_BERT_SPECIAL, 1, double=False),
        _sizes(**_DEBERTA),
        own_attention=True,
    ),
    "deberta-v2": Family("DebertaV2", _deberta_v2_pieces, _sizes(**_DEBERTA), own_attention=True),
    "deberta-v2-new-head": Family(
        "DebertaV2", _deberta_v2_pieces, _sizes(legacy=False, **_DEBERTA), own_attention=True
    ),
    "modernbert": Family(
        "ModernBert",
        lambda: byte_pairs(_BERT_SPECIAL, 0, double=False),
        _sizes(
            global_attn_every_n_layers=2, local_attention=8, decoder_bias=True,
            cls_token_id=2, sep_token_id=3, bos_token_id=None, eos_token_id=None,
        ),
    ),
    "mpnet": Family(
        "MPNet", mpnet_word_pieces, _sizes(max_position_embeddings=_FROM_PAD), own_attention=True
    ),
    "megatron-bert": Family("MegatronBert", word_pieces, _sizes(), own_attention=True),
    "roformer": Family(
        "RoFormer",
        word_pieces,
        _sizes(embedding_size=16),
        own_attention=True,
        idle=frozenset({"roformer.encoder.embed_positions.weight"}),  # sinusoids
    ),
    "eurobert": Family(
        "EuroBert",
        lambda: byte_pairs(_BERT_SPECIAL, 0, double=False),
        _sizes(num_key_value_heads=2, mask_token_id=4, bos_token_id=None, eos_token_id=None),
        separate_head=False,
    ),
    "nomic_bert": Family("NomicBert", word_pieces, _sizes()),
}  # fmt: skip
FAMILIES = {
    name: family
    for name, family in FAMILIES.items()
    if hasattr(transformers, f"{family.architecture}ForMaskedLM")
}
MOBILEBERT = Family(
    "MobileBert",
    word_pieces,
    _sizes(embedding_size=16, intra_bottleneck_size=16, trigram_input=True),
)


def save_family(family: Family, folder: Path, seed: int = 0) -> Path:
    """Write a random model of one family, with its tokenizer."""
    tokenizer = family.tokenizer()
    config = getattr(transformers, f"{family.architecture}Config")(
        vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **family.options
    )
    model = getattr(transformers, f"{family.architecture}ForMaskedLM")(config)
    randomise(model, seed)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
