"""Causal models and encoder-decoders, loaded through pet and by transformers alone."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
import transformers
from other_families import CAUSAL, SEQ2SEQ, Other, save_other
from tiny import TEXTS
from torch import Tensor

from pet import PVP, Verbalizer
from pet.backbone import CausalLM, load_backbone
from pet.encoding import Chunk
from pet.scoring import PVPScorer

LABELS = ("bad", "good")
SINGLE = Verbalizer({"good": ["great", "wonderful"], "bad": ["terrible"]})
# Unknown words are spelled out, some alike at their beginning.
SPELLED = Verbalizer({"good": ["super", "great", "suave"], "bad": ["dull", "dud"]})
PATTERN = "{a} it was so {b} : {mask}"
SHARING = ("{a} it was {mask}", "{a} all in all {mask}", "question : {a} ? {mask}")


class Loaded:
    """A family saved, loaded through pet and loaded again by transformers alone."""

    def __init__(self, name: str, folder: Path) -> None:
        self.other: Other = {**CAUSAL, **SEQ2SEQ}[name]
        self.folder = save_other(self.other, folder)
        self.backbone = load_backbone(str(folder), "cpu", "fp32")
        head = getattr(transformers, self.other.head)
        self.plain = head.from_pretrained(folder, attn_implementation="eager").eval()
        self.tokenizer = self.backbone.hf_tokenizer

    def scorer(self, verbalizer: Verbalizer = SINGLE, pattern: str = PATTERN) -> PVPScorer:
        return PVPScorer(PVP(pattern, verbalizer), LABELS, self.backbone, 48)

    def chunk(self, texts: list[dict[str, str]] = TEXTS) -> Chunk:
        return Chunk(self.backbone.tokenizer, texts)

    @torch.no_grad()
    def next_logits(self, row: list[int], word: tuple[int, ...]) -> Tensor:
        """Logits (V,) of what follows a beginning of a word, from one unpadded row."""
        if isinstance(self.backbone, CausalLM):
            logits: Tensor = self.plain(torch.tensor([[*row, *word]])).logits[0, -1]
            return logits
        sentinel = self.tokenizer.convert_tokens_to_ids("<extra_id_0>")
        start = [self.plain.config.decoder_start_token_id, sentinel]
        output = self.plain(
            input_ids=torch.tensor([row]), decoder_input_ids=torch.tensor([[*start, *word]])
        )
        return torch.as_tensor(output.logits[0, -1])

    def log_probability(self, row: list[int], word: tuple[int, ...]) -> float:
        """The chain rule, one forward pass a token."""
        return sum(
            float(self.next_logits(row, word[:n]).log_softmax(-1)[token])
            for n, token in enumerate(word)
        )


def rows(scorer: PVPScorer, chunk: Chunk) -> list[list[int]]:
    """Token ids of every text."""
    encoded = scorer.encode(chunk)[1]
    starts = encoded.ids.starts
    return [encoded.ids.flat[a:b].tolist() for a, b in pairwise(starts)]
