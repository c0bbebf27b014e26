"""The second round: texts that unlike members agree on, what is learned, and when there is none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from killing import same_files
from safetensors.torch import load_file
from toy import NOUNS, labelled_rows, toy_task

from pet import PVP, Example, Task, Verbalizer
from pet.config import Settings
from pet.data import Data, Pool
from pet.evaluation.run_report import run_report
from pet.members import MemberRecord, executing
from pet.model import Ensemble
from pet.pipeline import asked, finished, from_members, generations, run, second_round
from pet.pipeline.second_round import agreed_rows, balanced_draw
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
    return go(
        tmp_path_factory.mktemp("twice") / "run", beside, Data(TRAIN, pool=pool()), second_round=1
    )


def naive_agreed(
    scores: Sequence[Any], kinds: Sequence[str], weights: Sequence[float], labels: int
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
    return [[text for _, text in sorted(of_label)] for of_label in found]


@limits(max_examples=60, deadline=None)
@given(st.integers(2, 4), st.integers(0, 30), st.integers(0, 2**32 - 1))
def test_agreed_texts_are_those_of_a_naive_search(labels: int, texts: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    kinds, weights = ["cloze", "cloze", "contrastive"], [0.5, 0.5, 1.0]
    sizes = [texts, 5]  # two chunks
    chunks = [[generator.normal(size=(v, n, labels)).astype(np.float32) for v in (2, 1, 1)]
              for n in sizes]  # fmt: skip
    ensemble = Ensemble(tuple(weights), (1.0, 1.0, 1.0))
    names = [f"label {number}" for number in range(labels)]
    found = agreed_rows(iter(chunks), ensemble, kinds, names)
    together = [np.concatenate(parts, axis=1) for parts in zip(*chunks, strict=True)]
    assert [found[name] for name in names] == naive_agreed(together, kinds, weights, labels)


def test_the_second_round_starts_anew_and_takes_all_steps(twice: RunFolder) -> None:
    assert read(twice, "ensemble.json")["members"] == [f"gen-1/{name}" for name in MEMBERS]
    for number, steps in ((0, 3), (1, 5)):  # the first takes half of them
        records = [MemberRecord.read(twice, f"gen-{number}/{name}") for name in MEMBERS]
        assert [record.steps for record in records] == [steps] * 3


def test_draws_follow_from_the_scores_of_the_first_round(twice: RunFolder) -> None:
    draws = read(twice, "members/gen-1/draws.json")
    first = [f"gen-0/{name}" for name in MEMBERS]
    assert list(draws) == [f"gen-1/{name}" for name in MEMBERS]
    assert all(draw == draws["gen-1/contrastive"] for draw in draws.values())
    draw = draws["gen-1/contrastive"]
    assert draw["labellers"] == first
    spreads = [MemberRecord.read(twice, name).spread or 0.0 for name in first]
    scores = [
        np.load(twice.path / f"members/{name}/scores/000000.npy") / spread * np.mean(spreads)
        for name, spread in zip(first, spreads, strict=True)
    ]
    kinds = ["cloze", "cloze", "contrastive"]
    agreed = naive_agreed(scores, kinds, [0.5, 0.5, 1.0], 2)
    shots = [sum(example.label == label for example in TRAIN) for label in TASK.labels]
    rows = [draw["rows"][label] for label in TASK.labels]
    assert rows == [of[: len(own)] for of, own in zip(agreed, rows, strict=True)]
    assert all(len(own) <= count for own, count in zip(rows, shots, strict=True))
    assert sum(map(len, rows))
    drawn = read(twice, "members/gen-1/generation.json")["drawn"]
    assert list(drawn.values()) == [len(own) for own in rows]


@limits(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), min_size=2, max_size=5),
       st.integers(1, 5))  # fmt: skip
def test_a_draw_is_in_the_ratio_of_the_labelled_texts(
    counts: list[tuple[int, int]], factor: int
) -> None:
    agreed = {str(number): count for number, (count, _) in enumerate(counts)}
    labelled = {str(number): count for number, (_, count) in enumerate(counts)}
    drawn = balanced_draw(agreed, labelled, factor)
    scarcest = min(agreed[label] / labelled[label] for label in agreed)
    for label, count in drawn.items():
        assert count <= min(agreed[label], factor * labelled[label])
        if scarcest >= factor:
            assert count == factor * labelled[label]
        elif scarcest >= 1:
            assert abs(count - scarcest * labelled[label]) < 1
        else:  # as many as there are labelled ones, where there are as many
            assert count == min(agreed[label], labelled[label])


def test_a_label_without_examples_is_not_drawn() -> None:
    assert balanced_draw({"a": 9, "b": 9, "c": 9}, {"a": 2, "b": 3}, 2) == {"a": 4, "b": 6, "c": 0}


def test_members_learn_from_what_was_drawn(
    twice: RunFolder, beside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*given: Any) -> dict[str, int]:
        return dict.fromkeys(TASK.labels, 0)

    monkeypatch.setattr(second_round, "balanced_draw", nothing)
    without = go(tmp_path / "run", beside, Data(TRAIN, pool=pool()), second_round=1)
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


def test_the_first_round_labels_a_sample_without_repetitions(
    beside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: dict[str, Any] = {}
    plain = executing.train_member

    def noted(backbone: Any, spec: Any, work: Any, drawn: Any, *more: Any) -> Any:
        learned[spec.name] = drawn
        return plain(backbone, spec, work, drawn, *more)

    monkeypatch.setattr(executing, "train_member", noted)
    monkeypatch.setattr(second_round, "_SAMPLE", 30)
    repeated = [TEXTS[0]] * 40 + TEXTS
    data = Data(TRAIN, pool=Pool(lambda: (Example(texts) for texts in repeated)))
    folder = go(tmp_path / "run", beside, data, second_round=1)
    scored = [
        np.load(folder.path / f"members/gen-{number}/pattern-0/scores/000000.npy").shape[1]
        for number in (0, 1)
    ]
    assert scored[0] < 30  # most of the 30 that were drawn are the repeated text
    assert scored[1] == len(repeated)
    rows = read(folder, "members/gen-1/draws.json")["gen-1/pattern-1"]["rows"]
    expected = [(repeated[row], label) for label, own in rows.items() for row in own]
    assert [(e.texts, e.label) for e in learned["gen-1/pattern-1"]] == expected
    assert expected
    assert len({texts["text"] for texts, _ in expected}) == len(expected)
    assert not learned["gen-0/pattern-1"]


def test_drawn_texts_weigh_as_much_as_the_labelled_ones_of_their_label() -> None:
    examples = [Example({"text": "a"}, "x", 2.0), Example({"text": "b"}, "x", 4.0),
                Example({"text": "c"}, "y", 0.5)]  # fmt: skip
    assert generations._mean_weights(examples) == {"x": 3.0, "y": 0.5}


@pytest.mark.parametrize(
    "lost", ["gen-0/pattern-0", "gen-0/contrastive/scores", "gen-0/generation.json", "gen-1"]
)
def test_what_is_lost_is_made_again(
    twice: RunFolder, beside: str, tmp_path: Path, lost: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(twice.path, copy)
    target = copy / "members" / lost
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    assert not finished(RunFolder(copy)) or lost.endswith("scores")
    go(copy, beside, Data(TRAIN, pool=pool()), second_round=1)
    files = same_files(copy / "members", twice.path / "members")
    assert any(str(file).startswith(lost.split("/")[0]) for file in files)


@pytest.mark.parametrize(
    "values",
    [
        {"weighting": "accuracy"},
        {"weighting": "learned", "folds": 2},
        {"temper": "folds", "folds": 2},
        {"combine_members": "vote"},
        {"max_steps": 1},
    ],
)
def test_two_rounds_go_with_other_settings(
    values: dict[str, Any], beside: str, tmp_path: Path
) -> None:
    data = Data(TRAIN, TRAIN[:2], pool())
    folder = go(tmp_path / "run", beside, data, patterns="0", second_round=2, **values)
    assert read(folder, "ensemble.json")["members"] == ["gen-1/pattern-0", "gen-1/contrastive"]
    assert finished(folder)


def test_figures_before_training_do_not_profit_from_drawn_texts(
    twice: RunFolder, beside: str, tmp_path: Path
) -> None:
    once = go(tmp_path / "run", beside, Data(TRAIN, pool=pool()), second_round=0)
    first, second = (
        MemberRecord.read(place, name).accuracy_before
        for place, name in ((once, "contrastive"), (twice, "gen-1/contrastive"))
    )
    assert first == second


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


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"second_round": 0},
        {"second_round": 3, "members": "cloze"},
        {"second_round": 3, "method": "single"},
    ],
)
def test_there_is_one_round_without_unlike_members(
    values: dict[str, Any], beside: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = go(tmp_path / "run", beside, Data(TRAIN, pool=pool()), patterns="0", **values)
    assert (folder.path / "members" / "pattern-0").is_dir()
    assert not (folder.path / "members" / "gen-0").exists()
    assert ("second_round" in caplog.text) is bool(values.get("second_round"))
    assert finished(folder)


def test_there_is_one_round_without_unlabelled_text_and_of_several_labels(
    beside: str, tmp_path: Path
) -> None:
    folder = go(tmp_path / "one", beside, Data(TRAIN), second_round=3)
    assert not (folder.path / "members" / "gen-0").exists()
    words = Verbalizer({"yes": ["yes"], "no": ["no"]})
    asks = PVP("{text} is {label} ? {mask}", words)
    several = Task("several", ["warm", "sad"], ["text"], [asks], kind="multi-label")
    train = [Example({"text": "the film was warm"}, ("warm",)), Example({"text": "a room"}, ())]
    folder = go(tmp_path / "two", beside, Data(train, pool=pool()), several, second_round=3)
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
@given(st.integers(1, 40), st.integers(1, 45), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_a_sample_is_in_order_and_has_no_text_twice(
    texts: int, size: int, different: int, seed: int
) -> None:
    source = [Example({"text": str(number % different)}) for number in range(texts)]
    sample = second_round._sample(Pool(lambda: iter(source)), size, seed)
    assert list(sample) == sorted(sample)
    assert all(source[row] is example for row, example in sample.items())
    found = [example.key for example in sample.values()]
    assert len(found) == len(set(found)) <= size
    if size >= texts:
        assert set(found) == {example.key for example in source}


def test_the_student_starts_from_the_trained_member_most_like_the_ensemble(
    beside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[Any] = []
    plain = from_members.distil

    def noted(*given: Any) -> Any:
        learned.append(given[-1]())
        return plain(*given)

    monkeypatch.setattr(from_members, "distil", noted)
    folder = go(tmp_path / "run", beside, Data(TRAIN, pool=pool()), second_round=0)
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


@pytest.mark.parametrize("members", [["pattern-0"], ["gen-1/pattern-0"]])
def test_a_student_of_another_ensemble_begins_anew(tmp_path: Path, members: list[str]) -> None:
    folder = RunFolder.start(tmp_path / "run", {"of": "a test"})
    ensemble = {"members": ["gen-1/pattern-0"], "weights": [1.0]}
    folder.write_json(folder.ensemble, {**ensemble, "members": members})
    begun = folder.path / folder.checkpoint
    begun.write_bytes(b"of a student that was cut off")
    from_members._keep_ensemble(folder, ensemble)
    assert begun.exists() is (members == ensemble["members"])
    assert read(folder, "ensemble.json") == ensemble
