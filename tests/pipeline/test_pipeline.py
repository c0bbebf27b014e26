"""What each method does, step by step, and what is not done twice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from toy import NEW, labelled_rows, toy_task

from pet import PVP, Example, Verbalizer
from pet.config import Settings
from pet.data import Data, Pool
from pet.errors import DataError, RunError
from pet.members import PatternSpec, executing, specs_of
from pet.model import EnsembleModel, SequenceClassifier, load_model
from pet.model.run_members import trained_members
from pet.model.weighting import accuracy_weights
from pet.pipeline import asked, from_members, run
from pet.runs import RunFolder

TASK = toy_task()
TRAIN = [Example({"text": row["text"]}, row["label"]) for row in labelled_rows()]
TEXTS = [{"text": text} for text in NEW]


def new_pool() -> Pool:
    return Pool(lambda: iter([Example(texts) for texts in TEXTS]))


def settings(backbone: str = "pet-mini", **values: Any) -> Settings:
    flat = {"backbone": backbone, "device": "cpu", "precision": "fp32", "max_steps": 2}
    return Settings.from_flat({**flat, "distill_epochs": 1, **values})


def start(folder: Path, how: Settings, data: Data) -> RunFolder:
    return RunFolder.start(folder, asked(TASK, how, data))


def members_of(folder: RunFolder) -> dict[str, dict[str, Any]]:
    places = sorted((folder.path / "members").iterdir())
    return {place.name: json.loads((place / "member.json").read_text("utf-8")) for place in places}


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[PatternSpec, Sequence[Example]]]:
    """Every call of train_member from now on: its spec and examples."""
    calls: list[tuple[PatternSpec, Sequence[Example]]] = []
    original = executing.train_member

    def train_member(backbone: Any, spec: PatternSpec, work: Any, *more: Any, **named: Any) -> Any:
        calls.append((spec, work.data.train))
        return original(backbone, spec, work, *more, **named)

    monkeypatch.setattr(executing, "train_member", train_member)
    return calls


@pytest.mark.parametrize(
    ("method", "repetitions", "names", "scope", "steps"),
    [
        ("pet", 1, ["pattern-0", "pattern-1"], "full", 2),
        ("pet", 2, ["pattern-0-0", "pattern-0-1", "pattern-1-0", "pattern-1-1"], "full", 2),
        ("zero-shot", 2, ["pattern-0", "pattern-1"], "full", 0),
        ("head", 1, ["pattern-0", "pattern-1"], "head", 2),
        ("single", 2, ["pattern-0"], "full", 2),
    ],
)
def test_each_method_has_its_members(
    method: str, repetitions: int, names: list[str], scope: str, steps: int
) -> None:
    specs = specs_of(TASK, settings(method=method, repetitions=repetitions))
    assert [spec.name for spec in specs] == names
    assert {spec.training.scope for spec in specs} == {scope}
    assert {spec.training.max_steps for spec in specs} == {steps}
    assert len({spec.seed for spec in specs}) == len(specs)


def test_a_member_does_not_depend_on_which_others_there_are() -> None:
    alone = specs_of(TASK, settings(patterns=(1,)))
    among = specs_of(TASK, settings(patterns=(0, 1)))
    assert alone == among[1:]
    assert specs_of(TASK, settings(patterns=(1, 0))) == among[::-1]


def test_single_trains_the_first_chosen_pattern() -> None:
    (spec,) = specs_of(TASK, settings(method="single", patterns=(1, 0)))
    assert (spec.name, spec.pvp) == ("pattern-1", TASK.pvps[1])


def test_repetitions_differ_and_the_same_seed_repeats_them(tiny_bert: str, tmp_path: Path) -> None:
    how, data = settings(tiny_bert, repetitions=2, patterns=(0,), max_steps=3), Data(TRAIN)
    weights = []
    for name in ("a", "b"):
        model = run(TASK, how, data, start(tmp_path / name, how, data))
        assert isinstance(model, EnsembleModel)
        weights.append(model.members.weights)
    first, second = weights[0]["pattern-0-0"], weights[0]["pattern-0-1"]
    assert any(not torch.equal(first[name], second[name]) for name in first)
    for member, tensors in weights[0].items():
        assert all(torch.equal(tensors[name], weights[1][member][name]) for name in tensors)


def test_zero_shot_trains_nothing_but_records_accuracy(tiny_bert: str, tmp_path: Path) -> None:
    how, data = settings(tiny_bert, method="zero-shot"), Data(TRAIN)
    folder = start(tmp_path / "run", how, data)
    run(TASK, how, data, folder)
    for member in members_of(folder).values():
        assert member["steps"] == 0
        assert member["accuracy_before"] == member["accuracy_after"]
    assert not list(folder.path.rglob("weights.safetensors"))


def test_head_changes_only_what_stands_after_the_encoder(tiny_bert: str, tmp_path: Path) -> None:
    how, data = settings(tiny_bert, method="head"), Data(TRAIN)
    model = run(TASK, how, data, start(tmp_path / "run", how, data))
    assert isinstance(model, EnsembleModel)
    for weights in model.members.weights.values():
        assert weights
        assert all(name.startswith("cls.") for name in weights)


def test_an_ensemble_is_saved_with_the_untrained_backbone(tiny_bert: str, tmp_path: Path) -> None:
    how, data = settings(tiny_bert), Data(TRAIN)
    folder = start(tmp_path / "run", how, data)
    run(TASK, how, data, folder)
    saved = load_file(folder.path / "classifier" / "backbone" / "model.safetensors")
    original = load_file(Path(tiny_bert) / "model.safetensors")
    assert saved.keys() == original.keys()
    assert all(torch.equal(saved[name], original[name]) for name in saved)


def test_fine_tune_has_no_members(tiny_bert: str, tmp_path: Path, trained: list[Any]) -> None:
    how, data = settings(tiny_bert, method="fine-tune"), Data(TRAIN)
    folder = start(tmp_path / "run", how, data)
    run(TASK, how, data, folder)
    assert trained == []
    assert not folder.has("members")
    assert not folder.has("ensemble.json")


@pytest.mark.parametrize("method", ["pet", "head", "fine-tune"])
@pytest.mark.parametrize("with_pool", [False, True])
def test_what_run_returns_is_what_is_saved(
    method: str, with_pool: bool, tiny_bert: str, tmp_path: Path
) -> None:
    how, data = (
        settings(tiny_bert, method=method),
        Data(TRAIN, (), new_pool() if with_pool else None),
    )
    folder = start(tmp_path / "run", how, data)
    model = run(TASK, how, data, folder)
    loaded = load_model(folder.path, "cpu", "fp32")
    np.testing.assert_array_equal(loaded.scores(TEXTS), model.scores(TEXTS))
    distilled = method == "pet" and with_pool
    assert isinstance(loaded, SequenceClassifier) == (distilled or method == "fine-tune")


def test_accuracy_weights_are_the_accuracies_before_training(
    tiny_bert: str, tmp_path: Path
) -> None:
    how, data = settings(tiny_bert, weighting="accuracy"), Data(TRAIN[:7])
    folder = start(tmp_path / "run", how, data)
    run(TASK, how, data, folder)
    before = [member["accuracy_before"] for member in members_of(folder).values()]
    assert folder.read_json("ensemble.json")["weights"] == list(accuracy_weights(before))
    assert sum(before) > 0


def test_learned_weights_come_from_members_that_did_not_see_the_examples(
    tiny_bert: str, tmp_path: Path, trained: list[tuple[PatternSpec, Sequence[Example]]]
) -> None:
    how, data = settings(tiny_bert, weighting="learned", folds=3), Data(TRAIN)
    folder = start(tmp_path / "run", how, data)
    model = run(TASK, how, data, folder)
    found = folder.read_json("ensemble.json")
    assert isinstance(model, EnsembleModel)
    parts = zip(model.members.scores(TEXTS), found["weights"], found["temperatures"], strict=True)
    expected = sum(w * scores.mean(axis=0) / t for scores, w, t in parts)
    np.testing.assert_allclose(model.scores(TEXTS), expected, atol=1e-5)
    assert sum(found["weights"]) == pytest.approx(1)
    assert min(found["weights"]) > 0
    assert min(found["temperatures"]) > 0
    names = [spec.name for spec, _ in trained]
    assert names[:2] == ["pattern-0", "pattern-1"]
    for pattern in ("pattern-0", "pattern-1"):
        parts = [examples for spec, examples in trained if spec.name.startswith(f"{pattern} fold")]
        assert len(parts) == 3
        left_out = [[e for e in TRAIN if e not in part] for part in parts]
        assert sorted(e.key for part in left_out for e in part) == sorted(e.key for e in TRAIN)
        assert all({e.label for e in part} == {"negative", "positive"} for part in parts)


def test_the_fold_trainings_do_not_change_the_members(tiny_bert: str, tmp_path: Path) -> None:
    scores = []
    for weighting in ("uniform", "learned"):
        how, data = settings(tiny_bert, weighting=weighting, patterns=(0, 1)), Data(TRAIN)
        model = run(TASK, how, data, start(tmp_path / weighting, how, data))
        assert isinstance(model, EnsembleModel)
        scores.append(model.members.scores(TEXTS))
    for plain, learned in zip(*scores, strict=True):
        np.testing.assert_array_equal(plain, learned)


@pytest.mark.parametrize(
    "more",
    [
        {"weighting": "learned"},
        {"temper": "folds"},
        {"method": "fine-tune", "temper": "folds"},
    ],
)
def test_too_few_examples_for_folds_are_refused_before_anything_is_trained(
    more: dict[str, Any], tiny_bert: str, tmp_path: Path, trained: list[Any]
) -> None:
    how, data = settings(tiny_bert, **more), Data(TRAIN[4:8])
    folder = start(tmp_path / "run", how, data)
    with pytest.raises(DataError, match="two labelled examples of every label"):
        run(TASK, how, data, folder)
    assert trained == []
    assert not folder.has("log.jsonl")  # nor was a classifier fine-tuned


@pytest.mark.parametrize(
    ("method", "more", "named"),
    [
        ("pet", {"weighting": "accuracy", "distill_temperature": 1.0}, None),
        ("pet", {"growth": 3}, "growth"),
        ("single", {"weighting": "accuracy", "distill_epochs": 1}, "weighting, distill_epochs"),
        ("zero-shot", {"scope": "head", "readout": ("words",)}, "max_steps, scope"),
        ("head", {"scope": "bias", "learning_rate": 1e-3}, "scope"),
        ("fine-tune", {"patterns": (1,), "dropout": True, "objective": "adapet"}, None),
    ],
)
def test_settings_that_a_method_does_not_read_are_named(
    method: str,
    more: dict[str, Any],
    named: str | None,
    tiny_bert: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    how = Settings.from_flat(
        {"method": method, "backbone": tiny_bert, "device": "cpu", "max_steps": 1, **more}
    )
    data = Data(TRAIN)
    run(TASK, how, data, start(tmp_path / "run", how, data))
    found = [own.getMessage() for own in caplog.records if "does not use" in own.getMessage()]
    if method == "fine-tune":
        named = "patterns, objective"
    assert found == ([f"method {method} does not use {named}"] if named else [])


def test_yes_and_no_count_as_much_as_label_words(tiny_bert: str, tmp_path: Path) -> None:
    answer = Verbalizer({"yes": ["good", "warm"], "no": ["bad"]})
    asking = PVP("{text} is it {label} ? {mask} .", answer)
    task = replace(TASK, pvps=[*TASK.pvps, asking])
    how, data = settings(tiny_bert), Data(TRAIN)
    folder = RunFolder.start(tmp_path / "run", asked(task, how, data))
    run(task, how, data, folder)
    spreads = [figures["spread"] for figures in members_of(folder).values()]
    scales = folder.read_json("ensemble.json")["temperatures"]
    assert scales == pytest.approx([spread / np.mean(spreads) for spread in spreads])


def test_finished_members_are_not_trained_again(
    tiny_bert: str, tmp_path: Path, trained: list[tuple[PatternSpec, Sequence[Example]]]
) -> None:
    how, data = settings(tiny_bert), Data(TRAIN, (), new_pool())
    folder = start(tmp_path / "run", how, data)
    expected = run(TASK, how, data, folder).scores(TEXTS)
    assert [spec.name for spec, _ in trained] == ["pattern-0", "pattern-1"]
    # As if the run had been cut off at different moments.
    for gone, again in (
        (["classifier"], []),
        (["classifier", "ensemble.json"], []),
        (["classifier", "ensemble.json", "members/pattern-1/scores"], []),
        (["classifier", "members/pattern-1/member.json"], ["pattern-1"]),
        (["classifier", "members/pattern-0", "members/pattern-1/scores"], ["pattern-0"]),
    ):
        trained.clear()
        for name in gone:
            (folder.path / name).rename(tmp_path / f"{len(list(tmp_path.iterdir()))}.gone")
        model = run(TASK, how, data, RunFolder.start(folder.path, asked(TASK, how, data)))
        assert [spec.name for spec, _ in trained] == again
        np.testing.assert_array_equal(model.scores(TEXTS), expected)


def test_a_pool_larger_than_one_chunk_is_scored_in_shards_and_aligned(
    tiny_bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pool.chunks, "__defaults__", (7,))
    how, data = settings(tiny_bert, temper="none"), Data(TRAIN, (), new_pool())
    folder = start(tmp_path / "run", how, data)
    seen: list[tuple[list[str], np.ndarray]] = []
    original = from_members.distil

    def distil(work: Any, scores_of: Any, *more: Any) -> Any:
        for examples, scores in zip(work.data.pool.chunks(), scores_of(), strict=True):
            seen.append(([example.texts["text"] for example in examples], scores))
        return original(work, scores_of, *more)

    monkeypatch.setattr(from_members, "distil", distil)
    run(TASK, how, data, folder)
    assert [len(texts) for texts, _ in seen] == [7, 7, 7, 6]
    assert [text for texts, _ in seen for text in texts] == NEW
    ensemble = trained_members(folder, "cpu", "fp32")
    expected = ensemble.scores(TEXTS)
    assert np.abs(expected[0] - expected[-1]).max() > 1e-3  # else misalignment would not show
    np.testing.assert_allclose(np.concatenate([part for _, part in seen]), expected, atol=1e-5)
    for name, own in zip(members_of(folder), ensemble.members.scores(TEXTS), strict=True):
        shards = list(folder.shards(f"members/{name}/scores"))
        np.testing.assert_allclose(np.concatenate(shards, axis=1), own, atol=1e-5)


def test_trained_members_are_the_ensemble_of_the_run(tiny_bert: str, tmp_path: Path) -> None:
    how, data = settings(tiny_bert, combine_members="vote", patterns=(1, 0)), Data(TRAIN)
    folder = start(tmp_path / "run", how, data)
    model = run(TASK, how, data, folder)
    assert isinstance(model, EnsembleModel)
    loaded = trained_members(folder, "cpu", "fp32")
    assert loaded.ensemble == model.ensemble
    assert [spec.name for spec in loaded.members.specs] == ["pattern-1", "pattern-0"]
    np.testing.assert_array_equal(loaded.scores(TEXTS), model.scores(TEXTS))


def test_without_unlabelled_text_it_is_told_that_nothing_is_distilled(
    tiny_bert: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for data in (Data(TRAIN), Data(TRAIN, (), Pool(lambda: iter(())))):
        caplog.clear()
        how = settings(tiny_bert, patterns=(0,))
        model = run(TASK, how, data, start(tmp_path / str(data.pool is None), how, data))
        assert isinstance(model, EnsembleModel)
        assert "nothing is distilled" in caplog.text


def test_masked_lm_loss_needs_and_uses_unlabelled_text(tiny_bert: str, tmp_path: Path) -> None:
    how = settings(tiny_bert, lm_weight=0.5, patterns=(0,))
    with pytest.raises(DataError, match="lm_weight needs unlabelled text"):
        run(TASK, how, Data(TRAIN), start(tmp_path / "without", how, Data(TRAIN)))
    data = Data(TRAIN, (), new_pool())
    losses = {}
    for name, own in (("lm", how), ("plain", settings(tiny_bert, patterns=(0,)))):
        folder = start(tmp_path / name, own, data)
        run(TASK, own, data, folder)
        losses[name] = members_of(folder)["pattern-0"]["loss"]
    assert losses["lm"] > losses["plain"]  # log(vocabulary) against log(2)


def test_the_log_has_one_line_a_finished_step(tiny_bert: str, tmp_path: Path) -> None:
    how, data = settings(tiny_bert), Data(TRAIN, (), new_pool())
    folder = start(tmp_path / "run", how, data)
    run(TASK, how, data, folder)
    lines = (folder.path / "log.jsonl").read_text("utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    assert [event["event"] for event in events] == ["member", "member", "distilled"]
    assert events[-1]["steps"] == 1


def test_the_fingerprint_of_the_data_sees_every_change() -> None:
    base = Data(TRAIN, TRAIN[:2], new_pool()).fingerprint()
    assert base == Data(list(TRAIN), TRAIN[:2], new_pool()).fingerprint()
    relabelled = [replace(TRAIN[0], label="positive"), *TRAIN[1:]]
    shorter = Pool(lambda: iter([Example(texts) for texts in TEXTS[:-1]]))
    for other in (
        Data(TRAIN[::-1], TRAIN[:2], new_pool()),
        Data(relabelled, TRAIN[:2], new_pool()),
        Data(TRAIN, TRAIN[:3], new_pool()),
        Data(TRAIN, TRAIN[:2], shorter),
        Data(TRAIN, TRAIN[:2], None),
    ):
        assert other.fingerprint() != base


def test_members_of_another_edition_of_the_embedded_model_are_refused(tmp_path: Path) -> None:
    how, data = settings(method="zero-shot", patterns=(0,)), Data(TRAIN)
    folder = start(tmp_path / "run", how, data)
    run(TASK, how, data, folder)
    trained_members(folder, "cpu", "fp32")
    record = folder.read_json("run.json")
    record["asked"]["edition"] -= 1
    folder.write_json("run.json", record)
    with pytest.raises(RunError, match="another edition of pet-mini"):
        trained_members(folder, "cpu", "fp32")
    with pytest.raises(RunError, match="edition"):
        start(tmp_path / "run", how, data)
    assert "edition" not in asked(TASK, settings("other"), data)
    load_model(folder.path, "cpu", "fp32")  # which is whole
