"""The record of a member: read back as it was written, and as earlier editions wrote it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pet.config import TrainingConfig
from pet.errors import RunError
from pet.members import MemberRecord, MemberResult, PatternSpec
from pet.runs import RunFolder
from pet.scoring.soft.template import SoftSpec
from pet.task import PVP, Verbalizer

WORDS = Verbalizer({"no": ["bad"], "yes": ["good"]})
RESULT = MemberResult("m", {}, 0.25, 0.5, 3, 0.75, 1.5, ((0.5, -0.5),), 0.125, 7, 9)


def spec(soft: SoftSpec | None) -> PatternSpec:
    shown = {"no": [{"text": "a cold room"}], "yes": [{"text": "a warm room"}]}
    pvp = PVP("{text} {mask}", WORDS)
    return PatternSpec("m", 1, pvp, 13, TrainingConfig(), 64, "words", shown, soft)


@pytest.mark.parametrize("soft", [None, SoftSpec("deep", 13)])
def test_what_is_written_is_read(soft: SoftSpec | None, tmp_path: Path) -> None:
    folder, record = RunFolder(tmp_path), MemberRecord.from_result(spec(soft), RESULT)
    folder.write_json(folder.member("m").record, record.to_dict())
    read = MemberRecord.read(folder, "m")
    assert json.dumps(read.to_dict()) == json.dumps(record.to_dict())
    assert json.dumps(read.result({}).figures()) == json.dumps(RESULT.figures())
    assert ("soft" in read.to_dict()) == (soft is not None)
    assert read.demonstrations["yes"] == [{"text": "a warm room"}]


def test_what_an_edition_before_did_not_record_has_its_default() -> None:
    plain = {"pattern": 0, "name": "m", "accuracy_before": None, "accuracy_after": 0.5,
             "steps": 7, "loss": 0.25, "seconds": 61.5, "of another edition": 1}  # fmt: skip
    record = MemberRecord.from_dict(plain)
    assert (record.readout, record.offsets, record.trained) == ("words", None, 0)


@pytest.mark.parametrize("content", ["{}", "[]", '{"name": "m"}'])
def test_a_damaged_record_is_named(content: str, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    file = folder.member("m").record
    folder.write_text(file, content)
    with pytest.raises(RunError, match=f"{file}: damaged: (?s:.)*Remove .*members/m; the same"):
        MemberRecord.read(folder, "m")
