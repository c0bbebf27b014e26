"""The second round: texts that unlike members agree on, what is learned, and when there is none."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from safetensors.torch import load_file
from toy import NOUNS, labelled_rows, toy_task

from pet import PVP, Example, Task, Verbalizer
from pet.config import Settings
from pet.data import Data, Pool
from pet.evaluation.run_report import run_report
from pet.members import MemberRecord
from pet.model import Ensemble
from pet.pipeline import asked, finished, from_members, run, second_round
from pet.pipeline.second_round import agreed_rows
from pet.runs import RunFolder

TASK = toy_task()
TRAIN = [Example({"text": row["text"]}, row["label"]) for row in labelled_rows()]
TEXTS = [
    {"text": f"{start} {noun} was {how}"}
    for start in ("this", "one")
    for noun in NOUNS
    for how in ("warm", "cold")
]
MEMBERS = ("pattern-0", "pattern-1", "contrastive")


def pool() -> Pool:
    return Pool(lambda: (Example(texts) for texts in TEXTS))


def go(folder: Path, backbone: str, data: Data, task: Task = TASK, **values: Any) -> RunFolder:
    settings = Settings.from_flat(
        {
            "backbone": backbone, "device": "cpu", "precision": "fp32", "max_steps": 5,
            "batch_size": 2, "learning_rate": 1e-3, "distill_epochs": 1, **values,
        }
    )  # fmt: skip
    place = RunFolder.start(folder, asked(task, settings, data))
    run(task, settings, data, place)
    return place


def read(folder: RunFolder, name: str) -> Any:
    return json.loads((folder.path / name).read_text("utf-8"))


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory, beside: str) -> RunFolder:
    """A run of three members in two rounds."""
    return go(tmp_path_factory.mktemp("twice") / "run", beside, Data(TRAIN, pool=pool()), agreed=3)


def naive_agreed(
    scores: Sequence[Any], kinds: Sequence[str], weights: Sequence[float], labels: int, most: int
) -> list[list[int]]:
    """Text by text: the texts of a label that all kinds name, by the probability of all members."""
    found: list[list[tuple[float, int]]] = [[] for _ in range(labels)]
    for text in range(scores[0].shape[1]):
        members = [one[:, text].astype(float).mean(axis=0) for one in scores]
        total = sum(w * m for w, m in zip(weights, members, strict=True)) / sum(weights)
        shares = np.exp(total - total.max())
        best = int(total.argmax())
        named = {
            int(
                np.sum(
                    [m for m, k in zip(members, kinds, strict=True) if k == kind], axis=0
                ).argmax()
            )
            for kind in kinds
        }
        if named == {best}:
            found[best].append((-shares[best] / shares.sum(), text))
    return [[text for _, text in sorted(of_label)[:most]] for of_label in found]


@limits(max_examples=60, deadline=None)
@given(st.integers(2, 4), st.integers(0, 30), st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_agreed_texts_are_those_of_a_naive_search(
    labels: int, texts: int, most: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    kinds, weights = ["cloze", "cloze", "contrastive"], [0.5, 0.5, 1.0]
    sizes = [texts, 5]  # two chunks
    chunks = [[generator.normal(size=(v, n, labels)).astype(np.float32) for v in (2, 1, 1)]
              for n in sizes]  # fmt: skip
    ensemble = Ensemble(tuple(weights), (1.0, 1.0, 1.0))
    names = [f"label {number}" for number in range(labels)]
    found = agreed_rows(iter(chunks), ensemble, kinds, names, most)
    together = [np.concatenate(parts, axis=1) for parts in zip(*chunks, strict=True)]
    assert [found[name] for name in names] == naive_agreed(together, kinds, weights, labels, most)


def test_the_second_round_starts_anew_and_takes_all_steps(twice: RunFolder) -> None:
    assert read(twice, "ensemble.json")["members"] == [f"gen-1/{name}" for name in MEMBERS]
    for number, steps in ((0, 3), (1, 5)):  # the first takes half of them
        records = [MemberRecord.read(twice, f"gen-{number}/{name}") for name in MEMBERS]
        assert [record.steps for record in records] == [steps] * 3


def test_draws_follow_from_the_scores_of_the_first_round(twice: RunFolder) -> None:
    draws = read(twice, "members/gen-1/draws.json")
    first = [f"gen-0/{name}" for name in MEMBERS]
    assert draws["labellers"] == first
    assert draws["texts"] == len(TEXTS)
    spreads = [MemberRecord.read(twice, name).spread or 0.0 for name in first]
    scores = [
        np.load(twice.path / f"members/{name}/scores/000000.npy") / spread * np.mean(spreads)
        for name, spread in zip(first, spreads, strict=True)
    ]
    kinds = ["cloze", "cloze", "contrastive"]
    expected = naive_agreed(scores, kinds, [0.5, 0.5, 1.0], 2, 3)
    assert [draws["rows"][label] for label in TASK.labels] == expected
    assert sum(map(len, expected))
    drawn = read(twice, "members/gen-1/generation.json")["drawn"]
    assert drawn == {label: len(draws["rows"][label]) for label in TASK.labels}


def test_members_learn_from_what_was_drawn(
    twice: RunFolder, beside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*given: Any) -> dict[str, list[int]]:
        return {label: [] for label in TASK.labels}

    monkeypatch.setattr(second_round, "agreed_rows", nothing)
    without = go(tmp_path / "run", beside, Data(TRAIN, pool=pool()), agreed=3)
    for name in MEMBERS:
        files = [
            load_file(place.path / f"members/gen-1/{name}/weights.safetensors")
            for place in (twice, without)
        ]
        assert any((files[0][key] != files[1][key]).any() for key in files[0])
        same = [
            (place.path / f"members/gen-0/{name}/weights.safetensors").read_bytes()
            for place in (twice, without)
        ]
        assert same[0] == same[1]


def test_the_first_round_labels_a_sample_of_many_texts(
    beside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_round, "_LEAST", 5)
    folder = go(tmp_path / "run", beside, Data(TRAIN, pool=pool()), agreed=2)
    assert read(folder, "members/gen-1/draws.json")["texts"] == 8  # 2 x 2 texts of 2 labels
    scored = [
        np.load(folder.path / f"members/gen-{number}/pattern-0/scores/000000.npy").shape[1]
        for number in (0, 1)
    ]
    assert scored == [8, len(TEXTS)]


def test_both_rounds_are_in_the_report_with_the_weights_of_their_kinds(
    twice: RunFolder, beside: str
) -> None:
    tests = [Example(texts, label) for texts, label in zip(TEXTS, TASK.labels * 99, strict=False)]
    settings = Settings.from_flat({"backbone": beside, "device": "cpu", "precision": "fp32"})
    report = run_report(twice, settings, Data(TRAIN, pool=pool()), tests)
    (first, _) = report.generation_tests()
    names = [f"gen-0/{name}" for name in MEMBERS]
    spreads = [MemberRecord.read(twice, name).spread or 0.0 for name in names]
    scores = [
        weight * np.load(twice.path / f"members/{name}/scores/000000.npy")[0] / spread
        for name, spread, weight in zip(names, spreads, (0.25, 0.25, 0.5), strict=True)
    ]
    right = np.sum(scores, axis=0).argmax(axis=1) == np.arange(len(tests)) % 2
    assert first[1] is not None
    assert first[1].accuracy == pytest.approx(right.mean())


@pytest.mark.parametrize("values", [{"agreed": 0}, {"members": "cloze"}, {"method": "single"}])
def test_there_is_one_round_without_unlike_members(
    values: dict[str, Any], beside: str, tmp_path: Path
) -> None:
    folder = go(tmp_path / "run", beside, Data(TRAIN, pool=pool()), patterns="0", **values)
    assert (folder.path / "members" / "pattern-0").is_dir()
    assert not (folder.path / "members" / "gen-0").exists()
    assert finished(folder)


def test_there_is_one_round_without_unlabelled_text_and_of_several_labels(
    beside: str, tmp_path: Path
) -> None:
    folder = go(tmp_path / "one", beside, Data(TRAIN))
    assert not (folder.path / "members" / "gen-0").exists()
    words = Verbalizer({"yes": ["yes"], "no": ["no"]})
    asks = PVP("{text} is {label} ? {mask}", words)
    several = Task("several", ["warm", "sad"], ["text"], [asks], kind="multi-label")
    train = [Example({"text": "the film was warm"}, ("warm",)), Example({"text": "a room"}, ())]
    folder = go(tmp_path / "two", beside, Data(train, pool=pool()), several)
    assert not (folder.path / "members" / "gen-0").exists()


def test_a_finished_run_of_two_rounds_lacks_nothing(
    twice: RunFolder, rewritten: Callable[[RunFolder, str], None]
) -> None:
    assert finished(twice)
    rewritten(twice, "members/gen-0/generation.json")
    assert not finished(twice)


@pytest.fixture
def rewritten() -> Any:
    """Take a record away, and put it back afterwards."""
    kept: list[tuple[Path, bytes]] = []

    def away(folder: RunFolder, name: str) -> None:
        file = folder.path / name
        kept.append((file, file.read_bytes()))
        file.unlink()

    yield away
    for file, content in kept:
        file.write_bytes(content)


@limits(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(1, 45), st.integers(1, 45), st.integers(0, 2**32 - 1))
def test_a_sample_of_a_pool_is_in_order_and_none_is_twice(
    texts: int, limit: int, size: int, seed: int
) -> None:
    source = [Example({"text": str(number)}) for number in range(texts)]
    whole = Pool(lambda: iter(source), limit=limit, seed=1)
    sampled = whole.sample(size, seed)
    numbers = [int(example.texts["text"]) for example in sampled]
    assert len(numbers) == len(sampled) == min(size, len(whole))
    assert numbers == sorted(set(numbers))
    assert set(numbers) <= {int(example.texts["text"]) for example in whole}
    assert numbers == [int(example.texts["text"]) for example in whole.sample(size, seed)]


def test_the_student_starts_from_the_trained_member_most_like_the_ensemble(
    beside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[Any] = []
    plain = from_members.distil

    def noted(*given: Any) -> Any:
        learned.append(given[-1])
        return plain(*given)

    monkeypatch.setattr(from_members, "distil", noted)
    folder = go(tmp_path / "run", beside, Data(TRAIN, pool=pool()), agreed=0)
    weights = read(folder, "ensemble.json")
    scores = [
        np.load(folder.path / f"members/{name}/scores/000000.npy").mean(axis=0) / temperature
        for name, temperature in zip(MEMBERS, weights["temperatures"], strict=True)
    ]
    both = sum(w * s for w, s in zip(weights["weights"], scores, strict=True)).argmax(axis=1)
    likest = MEMBERS[int(np.argmax([(s.argmax(axis=1) == both).mean() for s in scores]))]
    expected = load_file(folder.path / f"members/{likest}/weights.safetensors")
    assert learned[0].keys() == expected.keys()
    assert all((learned[0][name] == expected[name]).all() for name in expected)
