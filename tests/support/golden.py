"""Scores computed the naive way: one text, one row, the full vocabulary, plain transformers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer


class Naive:
    """A BERT-like masked LM and its tokenizer, used the obvious way."""

    def __init__(self, folder: str) -> None:
        self.model = AutoModelForMaskedLM.from_pretrained(folder, attn_implementation="eager")
        self.model.eval()
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)

    def ids(self, text: str) -> list[int]:
        """Token ids of a text, without special tokens; a mask token in it is only characters."""
        words = self.tokenizer.mask_token[1:-1].lower()
        text = text.replace(self.tokenizer.mask_token, f"[ {words} ]")
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def row(self, before: str, masks: int, after: str) -> tuple[list[int], list[int]]:
        """[CLS] before [MASK]... after [SEP], and where the masks are."""
        start = [self.tokenizer.cls_token_id, *self.ids(before)]
        row = [*start, *[self.tokenizer.mask_token_id] * masks, *self.ids(after)]
        return [*row, self.tokenizer.sep_token_id], [len(start) + n for n in range(masks)]

    @torch.no_grad()
    def logits(self, row: list[int]) -> torch.Tensor:
        """(L, V)."""
        logits: torch.Tensor = self.model(
            input_ids=torch.tensor([row]), attention_mask=torch.ones(1, len(row)).long()
        ).logits[0]
        return logits

    def word_logit(self, before: str, word: str, after: str) -> float:
        """The logit of a word that is one token."""
        row, (place,) = self.row(before, 1, after)
        (number,) = self.ids(word)
        return float(self.logits(row)[place, number])

    def word_log_probability(self, before: str, word: str, after: str, decoding: str) -> float:
        """Sum of the log-probabilities of a word's tokens, its masks filled one by one."""
        tokens = self.ids(word)
        row, places = self.row(before, len(tokens), after)
        waiting = list(range(len(tokens)))
        if decoding == "parallel":
            logs = self.logits(row).log_softmax(-1)
            return sum(float(logs[places[n], tokens[n]]) for n in waiting)
        total = 0.0
        while waiting:
            logs = self.logits(row).log_softmax(-1)
            sure = {n: float(logs[places[n], tokens[n]]) for n in waiting}
            n = waiting[0] if decoding == "left-to-right" else max(waiting, key=sure.__getitem__)
            total += sure[n]
            row[places[n]] = tokens[n]
            waiting.remove(n)
        return total


def combine(
    scores: Mapping[str, float], words: Mapping[str, Mapping[str, float]], how: str
) -> list[float]:
    """Label scores from word scores, label by label, as `pet.scoring.scorer` says."""
    if how == "vote":
        return vote([sorted((scores[w] for w in own), reverse=True) for own in words.values()])
    out = []
    for own in words.values():
        if how == "mean":
            out.append(sum(a * scores[w] for w, a in own.items()) / sum(own.values()))
        elif how == "max":
            out.append(max(scores[w] for w in own))
        else:
            total = sum(own.values())
            out.append(math.log(sum(a / total * math.exp(scores[w]) for w, a in own.items())))
    return out


def vote(ranked: Sequence[Sequence[float]]) -> list[float]:
    """A soft vote for each rank of words.

    The labels' best words run against each other, then their second best, and so on; a label with
    fewer words enters its weakest again. The score is the log of the mean share of the votes.
    """
    rounds = max(len(own) for own in ranked)
    shares = [0.0] * len(ranked)
    for rank in range(rounds):
        entered = [math.exp(own[min(rank, len(own) - 1)]) for own in ranked]
        for label, votes in enumerate(entered):
            shares[label] += votes / sum(entered) / rounds
    return [math.log(share) for share in shares]
