"""Patterns ranked on labelled examples: figures as naive loops give them, and honest doubt."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from golden import Naive
from sklearn.model_selection import RepeatedStratifiedKFold
from toy import BAD, GOOD, NEW, Files, labelled_rows, pet, toy_task, write_jsonl

from pet.backbone import held, load_backbone
from pet.config import BackboneConfig, RankConfig, Settings
from pet.data import Data, Example, Pool
from pet.errors import DataError
from pet.evaluation.bootstrap import bootstrap_means, paired_bootstrap
from pet.evaluation.ranking import compare, held_out, log_likelihoods, rank_patterns
from pet.seeds import derived_seed

Pair = list[tuple[Any, Any]]
EXAMPLES = [Example({"text": row["text"]}, row["label"]) for row in labelled_rows()]
TARGETS = np.array([0] * 5 + [1] * 5)


def halvings(targets: Any, count: int, seed: int = 0) -> list[Pair]:
    splitter = RepeatedStratifiedKFold(n_splits=2, n_repeats=count, random_state=seed)
    splits = list(splitter.split(targets, targets))
    return [splits[n : n + 2] for n in range(0, len(splits), 2)]


def cross_entropy(row: list[float], label: int, temperature: float) -> float:
    scaled = [value / temperature for value in row]
    top = max(scaled)
    return top + math.log(sum(math.exp(value - top) for value in scaled)) - scaled[label]


def naive_log_likelihoods(scores: Any, pair: Pair, targets: Any) -> list[float]:
    """The temperature is the best of a fine grid; one example after the other."""
    found = [0.0] * len(targets)
    grid = [math.exp(n / 400) for n in range(-1200, 1201)]
    for inside, outside in pair:

        def objective(temperature: float, inside: Any = inside) -> float:
            loss = sum(cross_entropy(scores[n].tolist(), targets[n], temperature) for n in inside)
            return loss / len(inside) + 10 / len(inside) * math.log(temperature) ** 2

        best = min(grid, key=objective)
        for n in outside:
            found[n] = -cross_entropy(scores[n].tolist(), targets[n], best)
    return found


def naive_held_out(raw: Any, pair: Pair, targets: Any) -> Any:
    scores = raw.copy()
    for inside, outside in pair:
        for verbalizer in range(len(raw)):
            for label in range(raw.shape[2]):
                means = [
                    np.mean([raw[verbalizer, n, label] for n in inside if targets[n] == own])
                    for own in sorted({int(targets[n]) for n in inside})
                ]
                for n in outside:
                    scores[verbalizer, n, label] -= np.mean(means)
    return scores


@pytest.mark.parametrize("scale", [0.1, 1.0, 20.0])
def test_log_likelihoods_equal_a_naive_search(scale: float) -> None:
    generator = np.random.default_rng(1)
    targets = generator.permutation(np.repeat([0, 1, 2], 8))
    scores = scale * (generator.normal(size=(24, 3)) + np.eye(3)[targets]).astype(np.float32)
    (pair,) = halvings(targets, 1)
    wanted = naive_log_likelihoods(scores, pair, targets)
    np.testing.assert_allclose(log_likelihoods(scores, pair, targets), wanted, atol=5e-3)


def test_held_out_scores_equal_a_naive_count() -> None:
    generator = np.random.default_rng(2)
    targets = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2])
    raw = generator.normal(size=(2, 9, 3)).astype(np.float32)
    for pair in halvings(targets, 3):
        wanted = naive_held_out(raw, pair, targets)
        np.testing.assert_allclose(held_out(raw, targets, pair), wanted, atol=1e-6)


def test_series_share_their_draws() -> None:
    values = np.random.default_rng(3).normal(size=(3, 4, 11))
    together = bootstrap_means(values, 700, 5)
    assert together.shape == (700, 3)
    for n in range(3):
        np.testing.assert_allclose(together[:, n], bootstrap_means(values[n : n + 1], 700, 5)[:, 0])
    mean, low, high, _ = paired_bootstrap(values[0], values[1], 700, 5)
    gaps = together[:, 0] - together[:, 1]
    assert mean == pytest.approx(values[0].mean() - values[1].mean())
    np.testing.assert_allclose(np.percentile(gaps, [2.5, 97.5]), [low, high], atol=1e-12)


def synthetic(signals: list[float], n: int, seed: int = 0) -> tuple[Any, Any, list[Pair]]:
    """Scores (P, 4, N, 2) of patterns that see the label this clearly through noise."""
    generator = np.random.default_rng(seed)
    targets = np.repeat([0, 1], n // 2)
    noise = generator.normal(size=(len(signals), 1, n, 2))
    scores = noise + np.array(signals)[:, None, None, None] * np.eye(2)[targets]
    return np.repeat(scores, 4, axis=1).astype(np.float32), targets, halvings(targets, 4)


def test_a_pattern_that_is_far_better_is_the_best_and_equals_share() -> None:
    (clear, blind, other) = compare(*synthetic([3.0, 0.0, 0.0], 60), 1)
    assert clear[4] > 0.999
    assert clear[1] <= clear[0] <= clear[2]
    assert clear[0] > max(blind[0], other[0]) + 0.2
    assert clear[3] > 0.9
    assert abs(blind[3] - 0.5) < 0.2
    assert blind[0] == pytest.approx(-math.log(2), abs=0.1)


def test_few_examples_leave_doubt_and_many_remove_it() -> None:
    few, many = (compare(*synthetic([1.5, 1.0], n, 4), 1) for n in (12, 2000))
    assert 0.02 < few[0][4] < 0.98
    assert many[0][4] > 0.99
    assert few[0][4] + few[1][4] == pytest.approx(1)
    assert many[0][2] - many[0][1] < (few[0][2] - few[0][1]) / 4


def test_the_scale_of_the_scores_hardly_matters() -> None:
    scores, targets, pairs = synthetic([1.5], 200, 2)
    (mild,), (loud,) = (compare(part, targets, pairs, 1) for part in (scores, 3 * scores))
    assert mild[0] == pytest.approx(loud[0], abs=0.02)


@pytest.fixture(scope="module")
def ranking_settings(lively_bert: str) -> Settings:
    return Settings(backbone=BackboneConfig(lively_bert, "cpu", "fp32"))


def test_everything_equals_the_naive_way(lively_bert: str, ranking_settings: Settings) -> None:
    naive = Naive(lively_bert)
    around = [("{} It was", "."), ("Just", "! {}")]
    words = [["bad", "terrible"], ["good", "great"]]

    def label_scores(texts: list[str], pattern: int) -> Any:
        before, after = around[pattern]
        return np.array(
            [
                [
                    np.mean([naive.word_logit(before.format(t), w, after.format(t)) for w in own])
                    for own in words
                ]
                for t in texts
            ],
            np.float32,
        )

    pool = Pool(lambda: (Example({"text": text}) for text in NEW))
    found = rank_patterns(
        toy_task(), ranking_settings, Data(EXAMPLES, (), pool), RankConfig(halvings=3)
    )
    assert (found.examples, found.halvings, found.trained) == (10, 3, False)
    pairs = halvings(TARGETS, 3, derived_seed(13, 7))
    shifted = []
    for own in sorted(found.patterns, key=lambda own: own.pattern):
        raw = label_scores([*BAD, *GOOD], own.pattern)
        likelihoods, right = [], []
        for pair in pairs:
            scores = naive_held_out(raw[None], pair, TARGETS)[0]
            likelihoods += naive_log_likelihoods(scores, pair, TARGETS)
            right += (scores.argmax(axis=1) == TARGETS).tolist()
        assert own.log_likelihood == pytest.approx(np.mean(likelihoods), abs=1e-3)
        assert own.accuracy == pytest.approx(np.mean(right), abs=1e-9)
        assert own.low <= own.log_likelihood <= own.high
        offset = (raw[:5].mean(axis=0) + raw[5:].mean(axis=0)) / 2
        shifted.append(label_scores(NEW, own.pattern) - offset)
    same = np.mean(shifted[0].argmax(axis=1) == shifted[1].argmax(axis=1))
    assert [own.agreement for own in found.patterns] == pytest.approx([same, same])
    assert found.patterns[0].log_likelihood - found.patterns[1].log_likelihood > 0.004
    assert sum(own.best for own in found.patterns) == pytest.approx(1)
    ordered = [own.log_likelihood for own in found.patterns]
    assert ordered == sorted(ordered, reverse=True)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["positive"] * 4, "found 4 examples of 1 label"),
        ([], "found 0 examples of 0 labels"),
        (["positive", "positive", "negative"], "Only one labelled example of 'negative'"),
    ],
)
def test_what_cannot_be_held_out_is_told(
    labels: list[str], message: str, ranking_settings: Settings
) -> None:
    examples = [Example({"text": f"text {n}"}, label) for n, label in enumerate(labels)]
    with pytest.raises(DataError, match=message):
        rank_patterns(toy_task(), ranking_settings, Data(examples), RankConfig())


def test_a_loaded_backbone_is_not_loaded_again(
    lively_bert: str, ranking_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, config = Data(EXAMPLES), RankConfig(halvings=2)
    expected = rank_patterns(toy_task(), ranking_settings, data, config)
    loaded = load_backbone(lively_bert, "cpu", "fp32")
    loaded.weights.put(
        {"cls.predictions.bias": torch.randn(len(loaded.hf_tokenizer))}
    )  # a member's
    monkeypatch.setattr(held, "load_backbone", None)
    found = rank_patterns(toy_task(), ranking_settings, data, config, backbone=loaded)
    assert found == expected


def test_the_command_shows_and_writes_a_ranking(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    asked = ["patterns", "--task", files.task, "--train", files.train, "--backbone", tiny_bert]
    asked += ["--device", "cpu", "--unlabeled", files.unlabeled, "--unlabeled-limit", 20]
    target = tmp_path / "ranking.json"
    shown = pet(*asked, "--json", target)
    assert shown.code == 0, shown.err
    figures = json.loads(target.read_text("utf-8"))
    rows = figures["patterns"]
    assert sorted(row["pattern"] for row in rows) == [0, 1, 2, 3]
    assert all(20 * row["agreement"] == pytest.approx(round(20 * row["agreement"])) for row in rows)
    lines = shown.out.splitlines()
    assert [line[0] for line in lines[2:6]] == [str(row["pattern"]) for row in rows]
    assert "10 examples, 20 random halvings, patterns without training" in shown.out
    first = rows[0]
    assert f"pattern {first['pattern']} is the best with {100 * first['best']:.1f} %" in shown.out
    assert set(figures["sure"]) <= {0, 1, 2, 3}
    assert sum(r["best"] for r in rows if r["pattern"] in figures["sure"]) >= 0.95
    assert f"--patterns {','.join(map(str, sorted(figures['sure'])))} ..." in shown.err
    assert pet(*asked, "--json", "-").out == target.read_text("utf-8")
    lines = Path(files.train).read_text("utf-8").splitlines(keepends=True)
    parts = [tmp_path / "first.jsonl", tmp_path / "second.jsonl"]
    for part, own in zip(parts, (lines[:3], lines[3:]), strict=True):
        part.write_text("".join(own), "utf-8")
    asked[asked.index("--train") : asked.index("--train") + 2] = ["--train", parts[0]]
    assert pet(*asked, "--train", parts[1], "--json", "-").out == target.read_text("utf-8")


def test_patterns_are_trained_on_each_half(files: Files, tiny_bert: str) -> None:
    asked = ["patterns", "--task", files.task, "--train", files.train, "--backbone", tiny_bert]
    asked += ["--device", "cpu", "--patterns", "0-1", "--trained", "--json", "-"]
    short = json.loads(pet(*asked, "--max-steps", 1, "--halvings", 1).out)
    long = pet(*asked, "--max-steps", 12, "--halvings", 1, "--learning-rate", 0.01)
    assert long.code == 0, long.err
    trained = json.loads(long.out)
    assert trained["trained"]
    assert trained["halvings"] == 1
    assert [row["agreement"] for row in trained["patterns"]] == [None, None]
    assert trained["patterns"] != short["patterns"]


def test_one_pattern_alone_is_sure_and_agrees_with_nobody(files: Files, tiny_bert: str) -> None:
    shown = pet(
        "patterns", "--task", files.task, "--train", files.train, "--backbone", tiny_bert,
        "--patterns", 2, "--unlabeled", files.unlabeled, "--halvings", 2,
    )  # fmt: skip
    assert shown.code == 0, shown.err
    assert "pattern 2 is the best with 100.0 % probability; with 95 % it is one of 2." in shown.out


def test_labels_with_one_example_end_in_one_message(tmp_path: Path, files: Files) -> None:
    rows = [{"text": "a", "label": "positive"}, {"text": "b", "label": "negative"}]
    data = write_jsonl(tmp_path / "two.jsonl", rows)
    result = pet("patterns", "--task", files.task, "--train", data)
    assert result.code == 1
    assert "Only one labelled example of 'negative', 'positive'" in result.err
    assert "Traceback" not in result.err
