"""Seen examples are those that the run has on record; a damaged record is one message."""

from __future__ import annotations

from pathlib import Path

import pytest

from pet.data import Data, Example
from pet.errors import RunError
from pet.evaluation.seen import seen_texts
from pet.runs import RunFolder


def test_the_labelled_examples_of_a_run_are_seen(tmp_path: Path) -> None:
    run = RunFolder.start(tmp_path, {})
    assert seen_texts(run.path / "classifier") is None
    train, dev = Example({"text": "a"}, "yes"), Example({"text": "b"}, "no")
    run.write_json(run.labelled, Data([train], [dev]).labelled())
    assert seen_texts(run.path) == {train.key, dev.key}


@pytest.mark.parametrize("plain", [{"train": []}, [], {"train": [{}], "dev": []}, {"train": 1}])
def test_a_record_of_labelled_examples_that_is_none_is_named(plain: object, tmp_path: Path) -> None:
    run = RunFolder.start(tmp_path, {})
    run.write_json(run.labelled, plain)
    with pytest.raises(RunError, match=r"labelled\.json: damaged"):
        seen_texts(run.path)
