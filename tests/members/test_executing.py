"""Specs for executors: they pickle, name their backbone, and give the same numbers anywhere."""

from __future__ import annotations

import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from toy import Files, toy_task, train, unlabelled_rows, warm_or_cold, write_jsonl

from pet import Example
from pet.backbone import held_backbone, holding
from pet.backbone.held import beside_backbone
from pet.config import BackboneConfig, Settings, TrainingConfig
from pet.data import Columns, Data, Pool, examples_from
from pet.members import MemberRecord, MemberResult, PatternSpec, Work, specs_of
from pet.members.executing import ShardSpec, TrainingSpec, fold_specs, score_fold, score_shard
from pet.members.executing import train as train_spec
from pet.progress import silent
from pet.runs import RunFolder
from pet.training import Checkpoint

TASK = toy_task()
EXAMPLES = [
    Example(example.texts, {"yes": "positive", "no": "negative"}[str(example.label)])
    for example in warm_or_cold()
]


def members() -> list[PatternSpec]:
    settings = Settings(training=TrainingConfig(max_steps=2))
    return specs_of(TASK, settings)


@pytest.fixture
def config(lively_bert: str) -> BackboneConfig:
    return BackboneConfig(lively_bert, "cpu", "fp32")


@pytest.fixture
def data(tmp_path: Path) -> Data:
    source = write_jsonl(tmp_path / "pool.jsonl", unlabelled_rows())
    pool = Pool(partial(examples_from, source, Columns(TASK, {}, "ignored")))
    return Data(EXAMPLES, (), pool)


def test_a_spec_that_was_pickled_trains_the_same_member(
    config: BackboneConfig, data: Data, tmp_path: Path
) -> None:
    folder = RunFolder.start(tmp_path / "run", {"task": "toy"})
    spec = TrainingSpec(
        (members()[0],), config, Work(TASK, data), (), Checkpoint(folder, "members/a")
    )
    again: TrainingSpec = pickle.loads(pickle.dumps(spec))
    assert again.checkpoint is not None
    assert again.checkpoint.folder.path == folder.path
    assert again.work.data.pool is not None
    assert [e.texts for e in again.work.data.pool] == [e.texts for e in data.pool or ()]
    with holding(config):
        (one,), (two,) = (train_spec(own, silent) for own in (spec, again))
    assert one.weights.keys() == two.weights.keys()
    assert all(torch.equal(one.weights[name], two.weights[name]) for name in one.weights)


def test_a_result_pickles_with_its_weights_inside(config: BackboneConfig, data: Data) -> None:
    with holding(config):
        (result,) = train_spec(TrainingSpec((members()[0],), config, Work(TASK, data)), silent)
    plain = pickle.dumps(result)
    assert len(plain) > sum(tensor.nbytes for tensor in result.weights.values())
    again: MemberResult = pickle.loads(plain)
    assert again.figures() == result.figures()
    assert all(torch.equal(again.weights[name], result.weights[name]) for name in result.weights)


def test_shards_are_scored_by_the_member_whatever_was_put_in_between(
    config: BackboneConfig, data: Data, tmp_path: Path
) -> None:
    texts = [example.texts for example in data.pool or ()]
    labels = tuple(TASK.labels)

    def shard(member: PatternSpec, index: int) -> ShardSpec:
        return ShardSpec(member, None, folder, config, labels, index, texts[index : index + 3])

    folder, (one, other) = RunFolder(tmp_path), members()
    for member in (one, other):
        record = MemberRecord(member.name, None, None, 0, 0.0, 0.0, pattern=0)
        folder.write_json(folder.member(member.name).record, record.to_dict())
    with holding(config) as backbone:
        expected = [score_shard(shard(one, 0), silent), score_shard(shard(one, 3), silent)]
        scorer = beside_backbone(backbone)["scorer"]
        score_shard(shard(one, 0), silent)
        assert beside_backbone(backbone)["scorer"] is scorer  # weights are put once a member
        differs = score_shard(shard(other, 0), silent)
        name = next(iter(dict(backbone.model.named_parameters())))
        backbone.weights.put({name: torch.zeros_like(backbone.model.get_parameter(name))})
        found = [score_shard(shard(one, 0), silent), score_shard(shard(one, 3), silent)]
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])
    assert not np.array_equal(differs, expected[0])


def test_folds_are_scored_by_members_that_did_not_see_them(
    config: BackboneConfig, data: Data
) -> None:
    halves = [(np.arange(5), np.arange(5, 10)), (np.arange(5, 10), np.arange(5))]
    specs = fold_specs(members()[0], config, Work(TASK, data), halves)
    assert [spec.name for spec in specs] == ["pattern-0 fold 1", "pattern-0 fold 2"]
    with holding(config):
        scores = score_fold(pickle.loads(pickle.dumps(specs[0])), silent)
    assert scores.shape == (1, 5, 2)


def test_a_thread_holds_one_backbone_and_what_it_held_before_comes_back(
    config: BackboneConfig, tiny_bert: str
) -> None:
    other = BackboneConfig(tiny_bert, "cpu", "fp32")
    with holding(config) as outer:
        beside_backbone(outer)["note"] = 1
        with holding(other) as inner:
            assert held_backbone(other) is inner
            assert beside_backbone(inner) == beside_backbone(outer) == {}
        assert held_backbone(config) is outer
        assert beside_backbone(outer) == {"note": 1}
    assert beside_backbone(outer) == {}


def test_a_process_that_scores_starts_without_scikit_learn() -> None:
    """Only fits need it, and every worker would wait for it."""
    script = "import sys, pet.members.executing; print('sklearn' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.check_output([sys.executable, "-c", script], cwd=root, text=True) == "False\n"


def test_two_processes_give_the_numbers_of_one(files: Files, tiny_bert: str) -> None:
    """Members, shards and folds, in one run: with one thread each the numbers are the same bits."""
    runs = []
    for jobs in (1, 2):
        run = files.folder / f"jobs-{jobs}"
        more = (
            "--unlabeled",
            files.unlabeled,
            "--temper",
            "folds",
            "--folds",
            2,
            "--precision",
            "fp32",
        )
        result = train(files, tiny_bert, run, *more, "--patterns", "0,1", "--jobs", jobs)
        assert result.code == 0, result.err
        runs.append(run)
    one, two = ({f.relative_to(run): f for f in sorted(run.rglob("*"))} for run in runs)
    assert one.keys() == two.keys()
    for name in one:
        if name.suffix in (".npy", ".safetensors"):
            assert one[name].read_bytes() == two[name].read_bytes(), name
    # Where it is computed is no part of what was asked: with other jobs the run is finished too.
    again = train(files, tiny_bert, runs[0], *more, "--patterns", "0,1", "--jobs", 2)
    assert "was finished before" in again.err
