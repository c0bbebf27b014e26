"""Suggestions: measures as naive loops give them, a streamed choice, files train reads back."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import BAD, NEW, Files, labelled_rows, pet, toy_task, train, write_jsonl

from pet.config import SuggestConfig
from pet.data import Columns, Example, Pool, examples_from
from pet.data.labelling import original_rows, write_unlabelled
from pet.errors import UsageError
from pet.members import MemberSet
from pet.runs import RunFolder
from pet.search.panel import Judgement, Panel
from pet.search.suggestion import MEASURES, spread_out, suggest
from pet.task import Verbalizer


def judgement(seed: int, members: int = 3, texts: int = 9, labels: int = 4) -> Judgement:
    generator = np.random.default_rng(seed)
    weights = generator.dirichlet(np.ones(members))
    shares = generator.dirichlet(np.full(labels, 0.5), size=(members, texts))
    return Judgement(shares, weights, generator.dirichlet(np.ones(labels), size=texts))


def naive(by: str, seen: Judgement, n: int) -> float:
    """One text, one label, one member after the other."""
    together = seen.together[n].tolist()
    if by == "entropy":
        return -sum(p * math.log(p) for p in together if p > 0)
    if by == "margin":
        first, second = sorted(together, reverse=True)[:2]
        return 1 - (first - second)
    if by == "confidence":
        return 1 - max(together)
    members = [rows[n].tolist() for rows in seen.members]
    mixture = [
        sum(w * p[c] for w, p in zip(seen.weights, members, strict=True))
        for c in range(len(together))
    ]
    differ = 0.0
    for weight, own in zip(seen.weights, members, strict=True):
        gap = sum(p * math.log(p / q) for p, q in zip(own, mixture, strict=True) if p > 0)
        differ += weight * gap
    if by == "disagreement":
        return differ
    ballots: dict[int, float] = {}
    for weight, own in zip(seen.weights, members, strict=True):
        ballots[own.index(max(own))] = ballots.get(own.index(max(own)), 0.0) + weight
    return -sum(v * math.log(v) for v in ballots.values()) + 1e-6 * differ


@pytest.mark.parametrize("by", MEASURES)
def test_every_measure_equals_a_naive_loop(by: str) -> None:
    for seed in range(5):
        seen = judgement(seed)
        wanted = [naive(by, seen, n) for n in range(9)]
        np.testing.assert_allclose(MEASURES[by](seen), wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("by", MEASURES)
def test_measures_are_least_where_all_are_sure_and_most_where_nobody_knows(by: str) -> None:
    sure, torn = np.array([1.0, 0.0]), np.array([0.5, 0.5])
    one, other = np.array([0.9, 0.1]), np.array([0.1, 0.9])
    members = np.stack([np.stack([sure, one]), np.stack([sure, other])])
    values = MEASURES[by](Judgement(members, np.array([0.5, 0.5]), np.stack([sure, torn])))
    assert values[0] == pytest.approx(0, abs=1e-12)
    assert values[1] > 0.3


class StubPanel(Panel):
    """Judges by a table, so that the choice alone is tested; a text's vector is its number."""

    def __init__(self, judged: Judgement, size: int) -> None:
        object.__setattr__(self, "judged", judged)
        object.__setattr__(self, "chunk", size)

    task = property(lambda self: toy_task())
    size = property(lambda self: 3)

    def judge(self, pool: Pool, progress: Any = None) -> Iterator[tuple[list[Example], Judgement]]:
        start = 0
        for examples in pool.chunks(self.chunk):  # type: ignore[attr-defined]
            rows = slice(start, start + len(examples))
            own = self.judged  # type: ignore[attr-defined]
            yield examples, Judgement(own.members[:, rows], own.weights, own.together[rows])
            start += len(examples)

    def embed(self, texts: Sequence[Any]) -> Any:
        return np.array([[len(text["text"]), 1.0] for text in texts], np.float32)


def pool_of(texts: Sequence[str]) -> Pool:
    return Pool(lambda: (Example({"text": text}) for text in texts))


@given(st.integers(0, 2**16), st.integers(1, 9), st.integers(1, 25), st.sampled_from([*MEASURES]))
@settings(deadline=None, max_examples=60)
def test_a_streamed_choice_is_the_head_of_the_sorted_pool(
    seed: int, number: int, chunk: int, by: str
) -> None:
    seen = judgement(seed, texts=20, labels=2)
    texts = [f"text {n}" for n in range(20)]
    known = [Example({"text": text}) for text in texts[3:6]]
    config = SuggestConfig(by, 1)  # type: ignore[arg-type]
    found = suggest(StubPanel(seen, chunk), pool_of(texts), number, config, 0, known)
    free = [n for n in range(20) if n not in (3, 4, 5)]
    best = sorted(free, key=lambda n: (-MEASURES[by](seen)[n], n))[:number]
    assert [own.example.texts["text"] for own in found] == [texts[n] for n in best]
    assert [own.value for own in found] == pytest.approx(MEASURES[by](seen)[best].tolist())
    assert [own.guess for own in found] == [
        toy_task().labels[int(seen.together[n].argmax())] for n in best
    ]


def test_of_equal_texts_one_is_suggested() -> None:
    seen = judgement(1, texts=12, labels=2)
    texts = ["twice", "other", "twice", *(f"text {n}" for n in range(8)), "twice"]
    found = suggest(StubPanel(seen, 4), pool_of(texts), 12, SuggestConfig(candidates=1), 0)
    assert sorted(own.example.texts["text"] for own in found) == sorted(set(texts))


def test_near_copies_are_not_suggested_together() -> None:
    # The ten most uncertain texts are copies but for their last letter.
    seen = judgement(2, texts=40, labels=2)
    unsure = np.full((40, 2), 0.5)
    unsure[10:] = [0.7, 0.3]
    seen = Judgement(seen.members, seen.weights, unsure)
    texts = [f"a copy {chr(97 + n)}" for n in range(10)] + ["x" * (30 * n) for n in range(1, 31)]
    plain = suggest(StubPanel(seen, 40), pool_of(texts), 5, SuggestConfig(candidates=1), 0)
    assert [own.example.texts["text"] for own in plain] == texts[:5]
    spread = suggest(StubPanel(seen, 40), pool_of(texts), 5, SuggestConfig(candidates=8), 0)
    assert sum("copy" in own.example.texts["text"] for own in spread) == 1
    assert [own.value for own in spread] == sorted((own.value for own in spread), reverse=True)


def test_one_row_of_every_clump_is_chosen_and_equal_points_do_not_run_short() -> None:
    generator = np.random.default_rng(0)
    centres = np.array([[0, 0], [50, 0], [0, 50], [50, 50]], np.float32)
    points = np.repeat(centres, 6, axis=0) + generator.normal(0, 0.1, (24, 2)).astype(np.float32)
    chosen = spread_out(points, np.ones(24), 4, 3)
    assert [row // 6 for row in chosen] == [0, 1, 2, 3]
    for group in range(4):  # it is the row nearest to its clump's mean
        own = points[6 * group : 6 * group + 6]
        gaps = np.linalg.norm(own - own.mean(axis=0), axis=1)
        assert chosen[group] - 6 * group == gaps.argmin()
    values = np.array([0.1, 0.5, 0.4, 0.3, 0.2, 0.6])
    assert spread_out(np.zeros((6, 2), np.float32), values, 3, 0) == [1, 2, 5]


def test_a_heavy_row_draws_its_clusters_centre() -> None:
    points = np.array([[0.0], [1.0], [2.0], [100.0], [101.0], [102.0]], np.float32)
    heavy = np.array([9.0, 0.1, 0.1, 0.1, 0.1, 9.0])
    assert spread_out(points, np.ones(6), 2, 0) == [1, 4]
    assert spread_out(points, heavy, 2, 0) == [0, 5]


@pytest.fixture(scope="module")
def run(files: Files, tiny_bert: str) -> str:
    more = ["--unlabeled", files.unlabeled, "--patterns", "0-1"]
    result = train(files, tiny_bert, files.folder / "run", *more)
    assert result.code == 0, result.err
    return str(files.folder / "run")


def test_scores_of_the_runs_own_pool_are_read_not_computed(
    run: str, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = Panel.load(run, "cpu")
    rows = Columns(panel.task, {}, "ignored")
    own = Pool(lambda: examples_from(files.unlabeled, rows), panel.labelled().train)
    other = pool_of([*NEW[::-1], "one more"])
    config = SuggestConfig("disagreement", 2)
    computed = suggest(panel, other, 27, config, 1)
    monkeypatch.setattr(MemberSet, "scores", None)
    read = {o.example.key: o.value for o in suggest(panel, own, 27, config, 1)}
    assert len(read) == 27
    for found in computed:
        if found.example.texts["text"] != "one more":
            assert read[found.example.key] == pytest.approx(found.value, abs=2e-3)
    with pytest.raises(TypeError):
        suggest(panel, other, 3, config, 1)


def test_a_run_remembers_what_it_was_trained_on(run: str, files: Files, tmp_path: Path) -> None:
    kept = json.loads((Path(run) / RunFolder.labelled).read_text("utf-8"))
    assert kept["dev"] == []
    assert [own["texts"] for own in kept["train"]] == [{"text": r["text"]} for r in labelled_rows()]
    pool = write_jsonl(tmp_path / "pool.jsonl", [{"text": text} for text in [*BAD, *NEW[:4]]])
    more = write_jsonl(
        tmp_path / "more.jsonl",
        [{"text": NEW[0], "label": "positive"}, {"text": NEW[1], "label": ""}, {"text": NEW[2]}],
    )
    shown = pet("suggest", run, "--unlabeled", pool, "--train", more, "--device", "cpu")
    assert shown.code == 0, shown.err
    assert {json.loads(line)["text"] for line in shown.out.splitlines()} == set(NEW[1:4])
    assert "Only 3 texts are not labelled yet." in shown.err


@pytest.mark.parametrize("ending", ["jsonl", "csv", "tsv"])
def test_the_file_keeps_columns_and_is_read_back_once_filled_in(
    ending: str, run: str, files: Files, tmp_path: Path, tiny_bert: str
) -> None:
    rows = [
        {"id": n, "stars": "positive", "review": f'{text}, "so\tto say"', "when": None}
        for n, text in enumerate(NEW)
    ]
    pool, target = write_jsonl(tmp_path / "pool.jsonl", rows), tmp_path / f"next.{ending}"
    names = ["--column", "text=review", "--column", "label=stars"]
    asked = ["suggest", run, "--unlabeled", pool, "-n", 6, "-o", target, *names]
    shown = pet(*asked, "--device", "cpu")
    assert shown.code == 0, shown.err
    assert f"The labels in {pool} are ignored." in shown.err
    assert len(shown.out.splitlines()) == 8
    text = target.read_text("utf-8")
    if ending == "jsonl":
        found = [json.loads(line) for line in text.splitlines()]
    else:
        delimiter = "\t" if ending == "tsv" else ","
        found = list(csv.DictReader(text.splitlines(keepends=True), delimiter=delimiter))
    assert {len(found), len({str(row["id"]) for row in found})} == {6}
    for row in found:
        kept = rows[int(row["id"])]
        assert row["review"] == kept["review"]
        assert row["stars"] == ""
        assert set(row) == set(kept)
    again = train(files, tiny_bert, tmp_path / "empty", *names, "--train", target)
    assert again.code == 1
    assert "row 1: the label in column 'stars' is empty" in again.err
    filled = [{**row, "stars": ("positive", "negative")[n % 2]} for n, row in enumerate(found)]
    with target.open("w", encoding="utf-8", newline="") as stream:
        write_unlabelled(stream, filled, "nobody", target.name)  # keeps the labels of "stars"
    first = [{"review": row["text"], "stars": row["label"]} for row in labelled_rows()]
    both = ["--train", write_jsonl(tmp_path / "first.jsonl", first), "--train", target]
    again = train(files, tiny_bert, tmp_path / "again", *names, *both, "--patterns", "0")
    assert again.code == 0, again.err
    kept = json.loads((tmp_path / "again" / RunFolder.labelled).read_text("utf-8"))["train"]
    assert len(kept) == len(labelled_rows()) + 6  # both files
    assert pet(*asked).code == 2
    assert "exists; it may hold labels" in pet(*asked).err
    assert pet(*asked, "--force", "--device", "cpu").code == 0


def test_rows_are_the_first_ones_of_their_texts(tmp_path: Path) -> None:
    rows = [{"text": text, "n": n} for n, text in enumerate(["a", "b", "a", "c"])]
    file = write_jsonl(tmp_path / "rows.jsonl", rows)
    wanted = [Example({"text": "c"}), Example({"text": "a"})]
    found = original_rows(wanted, file, Columns(toy_task(), {}, "ignored"))
    assert [row["n"] for row in found] == [3, 0]


def test_a_task_alone_suggests_without_labels(files: Files, tiny_bert: str) -> None:
    asked = ["suggest", "--task", files.task, "--backbone", tiny_bert, "--device", "cpu"]
    shown = pet(*asked, "--unlabeled", files.unlabeled, "-n", 4, "--by", "votes")
    assert shown.code == 0, shown.err
    found = [json.loads(line) for line in shown.out.splitlines()]
    assert len({row["text"] for row in found}) == 4
    assert {row["label"] for row in found} == {""}
    assert pet(*asked, "--unlabeled", files.unlabeled, "-n", 4, "--by", "votes").out == shown.out


def test_a_task_takes_other_label_words_and_chosen_patterns(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    asked = ["suggest", "--task", files.task, "--backbone", tiny_bert, "--device", "cpu"]
    asked += ["--unlabeled", files.unlabeled, "-n", 4]
    alone = pet(*asked, "--patterns", "1", "--by", "votes")
    assert "'votes' compares members; this model has one alone" in alone.err
    words = {"negative": ["good", "great"], "positive": ["bad", "terrible"]}  # the other way round
    Verbalizer(words).save(tmp_path / "words.json")
    guesses = []
    for number, more in enumerate(([], ["--verbalizer", tmp_path / "words.json"])):
        shown = pet(*asked, *more, "-o", tmp_path / f"{number}.jsonl")
        assert shown.code == 0, shown.err
        rows = [re.split(r"  +", line)[:2] for line in shown.out.splitlines()[2:]]
        guesses.append(dict(rows))
    other = {"negative": "positive", "positive": "negative"}
    assert guesses[1] == {text: other[guess] for text, guess in guesses[0].items()}
    missing = pet(*asked, "--patterns", "9")
    assert (missing.code, missing.out) == (2, "")
    assert "has patterns 0 to 3, not 9" in missing.err


def test_a_classifier_alone_suggests_by_entropy_and_refuses_to_compare_members(
    files: Files, tiny_bert: str, run: str
) -> None:
    model = Path(run) / "classifier"
    asked = ["suggest", model, "--unlabeled", files.unlabeled, "-n", 3, "--device", "cpu"]
    assert len(pet(*asked).out.splitlines()) == 3
    refused = pet(*asked, "--by", "votes")
    assert refused.code == 2
    assert "'votes' compares members; this model has one alone" in refused.err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "Expected MODEL or --task"),
        (["RUN", "--task", "reviews"], "Expected MODEL or --task"),
        (["RUN", "--backbone", "pet-mini"], "--backbone goes with --task"),
        (["RUN", "--patterns", "0"], "--patterns goes with --task"),
        (["RUN", "--verbalizer", "words.json"], "--verbalizer goes with --task"),
        (["RUN", "-o", "next.txt"], "ends in .jsonl, .csv, .tsv"),
    ],
)
def test_wrong_use_is_told(more: list[str], message: str, run: str, files: Files) -> None:
    arguments = [run if part == "RUN" else part for part in more]
    result = pet("suggest", *arguments, "--unlabeled", files.unlabeled)
    assert result.code == 2
    assert message in result.err
    assert result.out == ""


def test_measures_that_compare_members_need_two(run: str) -> None:
    panel = Panel.load(Path(run) / "classifier", "cpu")
    with pytest.raises(UsageError, match="has one alone"):
        suggest(panel, pool_of(NEW), 3, SuggestConfig("disagreement"), 0)
