"""iPET: what is drawn, who labels, how generations follow each other, resume, and the report."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import save_lively_bert
from toy import TASK_FILE, Result, pet, toy_task, write_jsonl

from pet import PETClassifier
from pet.config import IpetConfig
from pet.errors import DataError, PetError, UsageError
from pet.members import executing
from pet.pipeline import ipet as generations
from pet.pipeline.draws import Plan, draw_rows
from pet.seeds import derived_seed

LABELS = ["negative", "positive"]
PATTERNS = (1, 2, 3)


def rows(*starts: str) -> list[dict[str, str]]:
    return [
        {"text": f"{start} {noun} was {how} and {how}", "label": label}
        for start in starts
        for noun in ("phone", "food", "room", "film", "train", "news", "world")
        for how, label in (("warm", "positive"), ("cold", "negative"),
                           ("happy", "positive"), ("sad", "negative"))
    ]  # fmt: skip


POOL = rows("this", "a", "one", "i see the", "we say that the")


def naive_draw(
    scores: Any, wanted: list[int], generator: np.random.Generator, most_likely: int | None = None
) -> dict[str, list[int]]:
    """Row by row: a text of confidence p waits for an exponential time of rate p; first come."""
    shares = [[math.exp(v - max(row)) for v in row] for row in scores.astype(float).tolist()]
    shares = [[v / sum(row) for v in row] for row in shares]
    drawn: dict[str, list[int]] = {}
    for label, count in enumerate(wanted):
        if most_likely is None:
            rows = [n for n, row in enumerate(shares) if row.index(max(row)) == label]
        else:
            taken = {n for own in drawn.values() for n in own}
            rows = [n for n in range(len(shares)) if n not in taken]
            rows = sorted(rows, key=lambda n: -shares[n][label])[:most_likely]
        times = {n: float(generator.exponential()) / shares[n][label] for n in rows}
        drawn[str(label)] = sorted(rows, key=lambda n: times[n])[:count]
    return drawn


@pytest.mark.parametrize("most_likely", [None, 12])
def test_draws_are_those_of_a_naive_implementation(most_likely: int | None) -> None:
    for seed in range(5):
        scores = np.random.default_rng(seed).normal(size=(60, 3)).astype(np.float32)
        wanted = [4, 9, 2]
        chunks = np.array_split(scores, [7, 7, 30])  # one of them empty
        found = draw_rows(chunks, wanted, list("012"), np.random.default_rng(7), most_likely)
        assert found == naive_draw(scores, wanted, np.random.default_rng(7), most_likely)


def test_the_probability_of_a_draw_is_its_share_of_the_confidence() -> None:
    # Two of three texts, one after the other: the chance of each to be among them.
    p = np.array([0.9, 0.6, 0.51])
    scores = np.stack([np.log(p), np.log(1 - p)], axis=1).astype(np.float32)
    expected = [
        sum(p[a] / p.sum() * p[b] / (p.sum() - p[a])
            for a in range(3) for b in range(3) if a != b and own in (a, b))
        for own in range(3)
    ]  # fmt: skip
    generator, times = np.random.default_rng(0), 4000
    counts = np.zeros(3)
    for _ in range(times):
        counts[draw_rows([scores], [2, 0], LABELS, generator)["negative"]] += 1
    np.testing.assert_allclose(counts / times, expected, atol=0.03)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 5), st.integers(0, 80), st.integers(0, 2**32 - 1),
    st.sampled_from([None, 3, 20]), st.data(),
)  # fmt: skip
def test_a_draw_keeps_the_counts_or_names_the_label(
    labels: int, texts: int, seed: int, most_likely: int | None, data: st.DataObject
) -> None:
    names = [f"label {n}" for n in range(labels)]
    wanted = data.draw(st.lists(st.integers(0, 12), min_size=labels, max_size=labels))
    scores = np.random.default_rng(seed).normal(scale=40, size=(texts, labels)).astype(np.float32)
    best = scores.argmax(axis=1) if texts else np.zeros(0, int)

    def available(number: int) -> int:
        if most_likely is None:
            return int((best == number).sum())
        return min(most_likely, texts - sum(wanted[:number]))

    short = [n for n in range(labels) if available(n) < wanted[n]]
    if short:
        n = short[0]
        message = f"{wanted[n]} texts of the label 'label {n}' .* only {available(n)} unlabelled"
        with pytest.raises(DataError, match=message):
            draw_rows([scores], wanted, names, np.random.default_rng(1), most_likely)
        return
    drawn = draw_rows([scores], wanted, names, np.random.default_rng(1), most_likely)
    assert [len(drawn[name]) for name in names] == wanted
    every = [row for own in drawn.values() for row in own]
    assert len(every) == len(set(every))
    if most_likely is None:
        assert all(best[row] == n for n, name in enumerate(names) for row in drawn[name])


@pytest.mark.parametrize(
    "counts", [(5, 5), (10, 10), (16, 16), (4, 4), (1, 3), (200, 100), (600, 600)]
)
@pytest.mark.parametrize("growth", [2, 5, 10])
def test_default_generations_reach_a_thousand_examples(counts: Any, growth: int) -> None:
    plan = Plan.from_config(counts, IpetConfig(growth=growth), 10**6)
    exact = math.log(1000 / sum(counts), growth)
    assert plan.generations == max(1, math.ceil(exact - 1e-9))
    for number in range(1, plan.generations + 1):
        assert plan.wanted(number) == [own * (growth**number - 1) for own in counts]
        assert plan.most_likely(number) is None


def test_default_generations_draw_at_most_half_of_the_text() -> None:
    assert Plan.from_config((16, 16), IpetConfig(), 20000).generations == 3
    assert Plan.from_config((16, 16), IpetConfig(), 2000).generations == 2
    assert Plan.from_config((16, 16), IpetConfig(), 1535).generations == 1
    assert Plan.from_config((16, 16), IpetConfig(), 128).generations == 1


def test_the_start_without_labels_takes_ten_a_label_of_the_hundred_most_likely() -> None:
    plan = Plan.from_config((0, 0, 0), IpetConfig(), 10**6)
    wanted = [plan.wanted(n) for n in range(1, plan.generations + 1)]
    assert wanted == [[10] * 3, [50] * 3, [250] * 3, [1250] * 3]
    assert [plan.most_likely(n) for n in (1, 2, 3)] == [100, None, None]


@pytest.mark.parametrize("generations", [3, 10**9])
def test_a_plan_that_needs_more_text_than_there_is_is_refused_at_once(generations: int) -> None:
    with pytest.raises(DataError, match=r"Generation 2 would draw 240 texts (?s:.*)only 200 unlab"):
        Plan.from_config((5, 5), IpetConfig(generations=generations), 200)


def test_shares_and_factors_are_limited() -> None:
    for wrong in ({"labeller_share": 1.1}, {"growth": 1}, {"generations": 0}):
        with pytest.raises(UsageError, match=next(iter(wrong))):
            IpetConfig(**wrong)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ipet")
    save_lively_bert(folder / "bert")  # it learns the toy task in a few steps
    (folder / "task.py").write_text(TASK_FILE, "utf-8")
    # Twice as many of one label as of the other.
    labelled = rows("the")[:12]
    write_jsonl(folder / "train.jsonl", [r for n, r in enumerate(labelled) if n not in (0, 2, 4)])
    write_jsonl(folder / "pool.jsonl", [{"text": row["text"]} for row in POOL])
    write_jsonl(folder / "test.jsonl", rows("two"))
    return folder


def ipet(place: Path, run: Path, *more: object, train: bool = True, generations: int = 2) -> Result:
    arguments = [
        "train", "--task", place / "task.py", "--backbone", place / "bert", "--method", "ipet",
        "--unlabeled", place / "pool.jsonl", "--patterns", "1-3", "--batch-size", 3,
        "--max-steps", 40, "--learning-rate", 5e-3, "--growth", 3, "--generations", generations,
        "--device", "cpu", "--precision", "fp32", "--distill-epochs", 1, "-o", run, *more,
    ]  # fmt: skip
    return pet(*arguments, *(["--train", place / "train.jsonl"] if train else []))


@pytest.fixture(scope="module")
def finished(place: Path) -> tuple[Path, str]:
    result = ipet(place, place / "run", "--test", place / "test.jsonl")
    assert result.code == 0, result.err
    return place / "run", result.out


def read(run: Path, name: str) -> Any:
    return json.loads((run / name).read_text("utf-8"))


def member_files(run: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted((run / "members").rglob("*")):
        if file.is_file():
            plain = file.read_bytes()
            if file.name == "member.json":
                plain = json.dumps({**json.loads(plain), "seconds": 0}).encode()
            yield str(file.relative_to(run)), plain


def test_nobody_labels_for_itself_and_label_ratios_are_kept(finished: Any) -> None:
    run, _ = finished
    counts = {"negative": 6, "positive": 3}
    for number in (1, 2):
        draws = read(run, f"members/gen-{number}/draws.json")
        assert list(draws) == [f"gen-{number}/pattern-{p}" for p in PATTERNS]
        for name, own in draws.items():
            itself = name.replace(f"gen-{number}", f"gen-{number - 1}")
            assert itself not in own["labellers"]
            assert len(own["labellers"]) == 1
            assert own["labellers"][0].startswith(f"gen-{number - 1}/pattern-")
            drawn = {label: len(rows) for label, rows in own["rows"].items()}
            assert drawn == {label: c * (3**number - 1) for label, c in counts.items()}
        assert len({json.dumps(own["rows"]) for own in draws.values()}) == len(draws)


def test_draws_of_a_run_follow_from_the_scores_it_kept(finished: Any) -> None:
    run, _ = finished
    for number in (1, 2):
        for member, own in read(run, f"members/gen-{number}/draws.json").items():
            pattern = int(member[-1])
            seed = derived_seed(derived_seed(13, 0, pattern, 0), 2, number)
            generator = np.random.default_rng(derived_seed(seed, 3))
            others = [f"gen-{number - 1}/pattern-{p}" for p in PATTERNS if p != pattern]
            labellers = [others[i] for i in generator.choice(2, 1, replace=False)]
            scores = np.mean(
                [np.load(run / f"members/{name}/scores/000000.npy")[0] for name in labellers],
                axis=0,
            )
            wanted = [6 * (3**number - 1), 3 * (3**number - 1)]
            expected = naive_draw(scores, wanted, generator)
            assert own["labellers"] == labellers
            assert [own["rows"][label] for label in LABELS] == list(expected.values())


def test_the_first_generation_is_that_of_plain_pet(finished: Any, place: Path) -> None:
    run, _ = finished
    plain = place / "plain"
    assert ipet(place, plain, "--method", "pet").code == 0
    for pattern in PATTERNS:
        weights = f"pattern-{pattern}/weights.safetensors"
        first = (run / "members" / "gen-0" / weights).read_bytes()
        assert first == (plain / "members" / weights).read_bytes()
        assert first != (run / "members" / "gen-1" / weights).read_bytes()


def test_the_report_has_a_table_of_generations(finished: Any) -> None:
    run, out = finished
    lines = [line.split() for line in out.splitlines()]
    header = next(n for n, line in enumerate(lines) if line[:2] == ["generation", "members"])
    table = lines[header + 2 : header + 5]
    assert [line[:2] for line in table] == [[str(n), "3"] for n in range(3)]
    assert table[0][2] == "-"
    assert " ".join(table[1][2:6]) == "negative 12, positive 6"
    assert " ".join(table[2][2:6]) == "negative 48, positive 24"
    figures = read(run, "metrics.json")
    kept = figures["generations"]
    assert [own["number"] for own in kept] == [0, 1, 2]
    assert kept[2]["drawn"] == {"negative": 48, "positive": 24}
    assert all(0 < own["agreement"] <= 1 and 0 <= own["test_accuracy"] <= 1 for own in kept)
    assert kept[2]["test_accuracy"] == figures["test"]["ensemble"]["accuracy"]
    assert [f"{100 * own['test_accuracy']:.1f}" for own in kept] == [line[-1] for line in table]
    assert list(figures["test"])[-1] == "classifier"
    assert figures["test"]["generation-0"]["n"] == 28


def test_the_ensemble_and_explain_are_of_the_last_generation(finished: Any) -> None:
    run, _ = finished
    names = [f"gen-2/pattern-{p}" for p in PATTERNS]
    assert read(run, "ensemble.json")["members"] == names
    shown = pet("explain", run, "--text", "the film was cold").out
    assert all(f"{name}: " in shown for name in names)
    assert "gen-1" not in shown
    test = read(run, "metrics.json")["test"]
    assert pet("evaluate", run, "--test", run.parent / "test.jsonl").code == 0
    assert test["ensemble"]["n"] == 28


def test_accuracies_are_those_of_the_labelled_examples(finished: Any) -> None:
    run, _ = finished
    for number in (0, 1, 2):
        figures = read(run, f"members/gen-{number}/pattern-1/member.json")
        assert figures["accuracy_before"] * 9 == pytest.approx(
            round(figures["accuracy_before"] * 9)
        )
        assert figures["offsets"]


def test_a_seed_repeats_a_run_and_another_one_does_not(finished: Any, place: Path) -> None:
    run, _ = finished
    assert ipet(place, place / "again").code == 0
    assert list(member_files(place / "again")) == list(member_files(run))
    ipet(place, place / "other", "--seed", 5, "--generations", 1)
    one, two = (read(r, "members/gen-1/draws.json") for r in (run, place / "other"))
    assert one != two


def test_a_run_goes_on_where_it_was_cut_off(
    finished: Any, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = finished
    target = place / "cut"
    trained: list[str] = []
    plain = executing.train_member

    def limited(backbone: Any, spec: Any, *rest: Any) -> Any:
        if len(trained) == limit:
            raise PetError("cut off")
        trained.append(spec.name)
        return plain(backbone, spec, *rest)

    monkeypatch.setattr(executing, "train_member", limited)
    for limit in (2, 4, 8, 99):
        code = ipet(place, target).code
        assert code == (0 if limit == 99 else 1)
    assert trained == [f"gen-{g}/pattern-{p}" for g in range(3) for p in PATTERNS]
    assert list(member_files(target)) == list(member_files(run))
    classifier = "classifier/model.safetensors"
    assert (target / classifier).read_bytes() == (run / classifier).read_bytes()


def test_it_starts_without_any_label(place: Path) -> None:
    result = ipet(place, place / "zero", "--test", place / "test.jsonl", train=False, generations=1)
    assert result.code == 0, result.err
    draws = read(place / "zero", "members/gen-1/draws.json")
    for name, own in draws.items():
        assert {label: len(rows) for label, rows in own["rows"].items()} == dict.fromkeys(
            LABELS, 10
        )
        assert not set(own["rows"]["negative"]) & set(own["rows"]["positive"])
        labeller = own["labellers"][0]
        scores = np.load(place / "zero" / "members" / labeller / "scores" / "000000.npy")[0]
        # From the 100 most likely, of 140.
        order = np.argsort(-(scores[:, 0] - scores[:, 1]), kind="stable")
        assert set(own["rows"]["negative"]) <= set(order[:100].tolist()), name
        assert not (place / "zero" / "members" / labeller / "weights.safetensors").exists()
        figures = read(place / "zero", f"members/{labeller}/member.json")
        assert figures["steps"] == 0
        assert np.shape(figures["offsets"]) == (1, 2)
        assert read(place / "zero", f"members/{name}/member.json")["steps"] == 40
    assert [own["drawn"] for own in read(place / "zero", "metrics.json")["generations"]] == [
        dict.fromkeys(LABELS, 0),
        dict.fromkeys(LABELS, 10),
    ]


def test_from_python_without_labels(place: Path) -> None:
    task = toy_task()
    model = PETClassifier(
        task, method="ipet", backbone=str(place / "bert"), device="cpu", generations=1,
        max_steps=2, distill_epochs=1,
    )  # fmt: skip
    model.fit([], unlabeled=[row["text"] for row in POOL])
    assert model.predict_proba(["a cold room"]).shape == (1, 2)


def test_a_draw_that_cannot_be_filled_names_generation_members_and_label(place: Path) -> None:
    # Untrained members with one word off label next to nothing positive.
    result = ipet(place, place / "short", "--max-steps", 0, "--offsets", "none", generations=2)
    assert result.code == 1
    assert "Error: gen-" in result.err
    assert "labelled by gen-" in result.err
    assert " texts of the label '" in result.err
    assert "Give more unlabelled text" in result.err
    assert "Traceback" not in result.err


def test_without_a_number_of_generations_the_last_is_one_that_could_be_drawn(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def draw(*given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 3:  # the second generation's
            raise DataError("9 texts were wanted.", "Give more.")
        return draw_rows(*given)

    monkeypatch.setattr(generations, "draw_rows", draw)
    arguments = [
        "train", "--task", place / "task.py", "--backbone", place / "bert", "--method", "ipet",
        "--train", place / "train.jsonl", "--unlabeled", place / "pool.jsonl", "--patterns", "1-3",
        "--max-steps", 40, "--batch-size", 3, "--learning-rate", 5e-3, "--growth", 2,
        "--device", "cpu", "--distill-epochs", 1,
    ]  # fmt: skip
    first = pet(*arguments, "-o", tmp_path / "run", "--test", place / "test.jsonl")
    assert first.code == 0, first.err
    assert "9 texts were wanted: generation 1 is the last" in first.err
    assert read(tmp_path / "run", "ensemble.json")["members"][0] == "gen-1/pattern-1"
    (tmp_path / "run" / "classifier").rename(tmp_path / "gone")
    again = pet(*arguments, "-o", tmp_path / "run", "--test", place / "test.jsonl")
    assert again.code == 0, again.err
    assert again.out == first.out
    calls = 0
    result = pet(*arguments, "-o", tmp_path / "two", "--generations", 2)
    assert result.code == 1
    assert "9 texts were wanted." in result.err


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--patterns", "0"], 2, "needs two or more members"),
        (["--generations", 5], 1, "Generation 3 would draw 234 texts for each member"),
        (["--unlabeled-limit", 0], 1, "Method 'ipet' needs unlabelled text"),
        (["--labeller-share", 2], 2, "--labeller-share must be a number"),
        (["--growth", 1], 2, "--growth must be a number from 2"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_trained(
    more: list[Any], code: int, message: str, place: Path, tmp_path: Path
) -> None:
    result = ipet(place, tmp_path / "run", *more)
    assert (result.code, message in result.err) == (code, True), result.err
    assert not (tmp_path / "run" / "members").exists()


def test_repetitions_of_one_pattern_label_for_each_other(place: Path, tmp_path: Path) -> None:
    more = ["--patterns", "2", "--repetitions", 2]
    result = ipet(place, tmp_path / "run", *more, generations=1)
    assert result.code == 0, result.err
    draws = read(tmp_path / "run", "members/gen-1/draws.json")
    assert {name: own["labellers"] for name, own in draws.items()} == {
        "gen-1/pattern-2-0": ["gen-0/pattern-2-1"],
        "gen-1/pattern-2-1": ["gen-0/pattern-2-0"],
    }


@pytest.mark.gpu
def test_generations_run_on_a_gpu(place: Path) -> None:
    result = ipet(place, place / "gpu", "--device", "cuda", generations=1)
    assert result.code == 0, result.err
