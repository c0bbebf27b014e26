"""Starts of slots: words, words of the labels, common words, or noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from pet.backbone import LanguageModel
from pet.config import SoftStart
from pet.encoding import TextTokenizer
from pet.encoding.scripts import is_ideograph, is_word
from pet.errors import BackboneError, UsageError, did_you_mean
from pet.scoring.soft.template import SoftSpec, word_vectors
from pet.seeds import MemberStream, derived_seed

COMMON = 5_000
_NOISE = 0.5
_SCATTER = 0.5
_SAMPLE = 1000
# Share of a vocabulary's words from which on characters count as words.
_CHINESE = 0.25


def start_vectors(
    backbone: LanguageModel,
    words: Sequence[int | None],
    label_ids: Sequence[int],
    spec: SoftSpec,
) -> Tensor:
    """Make the vectors that T slots start at, (T, E) in fp32.

    Parameters
    ----------
    backbone : LanguageModel
        The model whose word embeddings are taken.
    words : sequence of int or None
        Token that each slot starts as, if its pattern names one; None for pseudo tokens.
    label_ids : sequence of int
        Tokens of the label words, the first words of all labels before their second ones.
    spec : SoftSpec
        ``start`` names the start of pseudo tokens: "label-words", then common words if there are
        too few; "vocabulary", common words; "uniform" in [-0.5, 0.5]; "mask", the mask token.

    Raises
    ------
    UsageError
        When the start is unknown.
    BackboneError
        When the backbone has no mask token to start as.

    Notes
    -----
    Source: Lester et al. 2021, section 3.2, for the first three.
    """
    if spec.start not in get_args(SoftStart):
        raise UsageError(
            f"soft_start={spec.start!r} is unknown.", did_you_mean(spec.start, get_args(SoftStart))
        )
    generator = np.random.default_rng(derived_seed(spec.seed, MemberStream.SLOTS))
    pseudo = sum(word is None for word in words)
    common = common_tokens(backbone.tokenizer)
    drawn = generator.choice(common, size=pseudo, replace=pseudo > len(common)).tolist()
    if spec.start == "label-words":
        named = list(dict.fromkeys(label_ids))[:pseudo]
        drawn[: len(named)] = named
    if spec.start == "mask" and pseudo:
        drawn = [_mask_id(backbone)] * pseudo
    waiting = iter(drawn)
    ids = [next(waiting) if word is None else word for word in words]
    vectors = word_vectors(backbone, torch.tensor(ids, dtype=torch.long))
    if spec.start == "uniform":
        free = torch.tensor([word is None for word in words], device=vectors.device)
        noise = generator.uniform(-_NOISE, _NOISE, vectors.shape)
        vectors = torch.where(free[:, None], torch.from_numpy(noise).to(vectors), vectors)
    return vectors


def _mask_id(backbone: LanguageModel) -> int:
    if not (ids := backbone.tokenizer.mask_ids(1)):
        raise BackboneError(
            f"Backbone {backbone.name!r} reads from left to right and has no mask token for slots "
            "to start as.",
            "Instead of `--soft warp` use `--soft prompt-tuning` and `--readout class-vectors`; "
            "instead of `--soft-start mask`, label-words.",
        )
    return ids[0]


@torch.no_grad()
def scattered(vectors: Tensor, backbone: LanguageModel, seed: int) -> Tensor:
    """Move vectors (T, E) at random, by half the spread of the word embeddings.

    So templates of a mixture differ even if all start as the same words.
    """
    weights = backbone.model.get_input_embeddings().weight.float()
    sample = torch.arange(min(_SAMPLE, len(weights)))
    # Some models scale their embeddings.
    scale = word_vectors(backbone, sample).std() / weights[sample].std()
    spread: Tensor = scale * weights.std()
    noise = np.random.default_rng(derived_seed(seed, MemberStream.SCATTER)).standard_normal(
        vectors.shape
    )
    return vectors + _SCATTER * spread * torch.from_numpy(noise).to(vectors)


def common_tokens(tokenizer: TextTokenizer, count: int = COMMON) -> list[int]:
    """Return the first ``count`` tokens that are words (`pet.encoding.scripts.is_word`).

    Vocabularies are built from the most frequent pieces to the rarest, so these are common words.
    Chinese characters count where they are a good part of the words; vocabularies of other
    languages have some too.
    """
    special = set(tokenizer.special_ids)
    words = [
        (token, is_ideograph(text.strip()))
        for token, text in enumerate(tokenizer.token_texts)
        if token not in special and is_word(text.strip(), ideographs=True)
    ]
    ideographs = sum(single for _, single in words)
    if ideographs < _CHINESE * len(words):
        words = [(token, single) for token, single in words if not single]
    return [token for token, _ in words[:count]] or [
        token for token in range(tokenizer.vocabulary_size) if token not in special
    ]
