"""Spans that a seq2seq LM writes, against all spans tried one by one."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
import torch
from tiny_t5 import EXAMPLES, WORDS, save_tiny_t5
from toy import toy_task

from pet import PVP, Example, Pattern, Task, Verbalizer
from pet.errors import BackboneError
from pet.search.spans import SpanWriter, written_templates

ALLOWED = range(6, 6 + len(WORDS))
LABEL_WORDS = {"positive": "good", "negative": "bad"}


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> SpanWriter:
    return SpanWriter.load(save_tiny_t5(tmp_path_factory.mktemp("t5")), "cpu")


@torch.no_grad()
def naive(writer: SpanWriter, template: str, most: int) -> dict[str, float]:
    """Mean log-probability of all pairs of spans of at most so many tokens, one row at a time."""
    pairs = [
        (one, two)
        for length in range(most + 1)
        for cut in range(length + 1)
        for one in product(ALLOWED, repeat=cut)
        for two in product(ALLOWED, repeat=length - cut)
    ]
    targets = torch.tensor(
        [[3, *one, 4, *two, 5] + [-100] * (most - len(one + two)) for one, two in pairs]
    )
    total = torch.zeros(len(pairs))
    for example in EXAMPLES:
        filled = template.format(**example.texts, word=LABEL_WORDS[str(example.label)])
        ids = writer.tokenizer(filled, return_tensors="pt")["input_ids"]
        logits = writer.model(input_ids=ids.expand(len(pairs), -1), labels=targets).logits
        logs = logits.log_softmax(-1).gather(2, targets.clamp_min(0)[:, :, None])[:, :, 0]
        total += logs.masked_fill(targets == -100, 0)[:, 1:].sum(dim=1)
    text = writer.tokenizer.decode
    return {
        f"{text(list(one))}|{text(list(two))}": float(score) / len(EXAMPLES)
        for (one, two), score in zip(pairs, total, strict=True)
    }


def spans_of(template: str) -> str:
    one, two = template.replace("{{", "{").replace("{text}", "").split("{mask}")
    return f"{one.strip()}|{two.strip()}"


def test_beams_find_the_spans_that_fit_all_examples_together(writer: SpanWriter) -> None:
    found = written_templates(writer, toy_task(), EXAMPLES, LABEL_WORDS, 400, 2, 64)
    after = {spans_of(t): s for t, s in found.items() if t.startswith("{text}")}
    before = {spans_of(t): s for t, s in found.items() if t.endswith("{text}")}
    assert len(after) + len(before) == len(found)
    for got, template in (
        (after, "{text} <extra_id_0> {word} <extra_id_1>"),
        (before, "<extra_id_0> {word} <extra_id_1> {text}"),
    ):
        expected = naive(writer, template, 2)
        best = sorted(expected, key=lambda spans: -expected[spans])
        assert list(got)[:40] == best[:40]
        assert [got[s] for s in best[:40]] == pytest.approx([expected[s] for s in best[:40]], 1e-4)
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_templates_are_patterns_of_the_task_and_narrow_beams_are_fewer(writer: SpanWriter) -> None:
    words = Verbalizer({"negative": ["bad"], "positive": ["good"]})
    pair = Task("pair", ["negative", "positive"], ["text", "more"],
                [PVP("{text} {mask} {more:keep}", words)])  # fmt: skip
    examples = [Example({**e.texts, "more": "it was"}, e.label) for e in EXAMPLES]
    found = written_templates(writer, pair, examples, LABEL_WORDS, 3, 4, 4)
    assert 3 <= len(found) <= 9
    for template in found:
        assert Pattern(template).fields == ("text", "more")
        assert "{more:keep}" in template
    shapes = {t.index("{mask}") > t.index("{more") for t in found}
    assert len(shapes) == 2
    assert found == written_templates(writer, pair, examples, LABEL_WORDS, 3, 4, 4)


def test_a_model_without_sentinels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="cannot fill spans"):
        SpanWriter.load(save_tiny_t5(tmp_path, sentinels=2), "cpu")
