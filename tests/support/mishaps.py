"""What a command that fails must say, and the members that a run has finished."""

from __future__ import annotations

import re
from typing import Any

import pytest
from toy import Result

from pet.members import executing


def refused(result: Result, *parts: str, code: int = 1) -> None:
    """One message with these parts in it, and the right exit code."""
    assert result.code == code, result.err
    assert result.out == ""
    assert "Traceback" not in result.err
    assert len(re.findall(r"^Error: ", result.err, re.MULTILINE)) == 1
    for part in parts:
        assert part in result.err


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the members that are trained from now on."""
    names: list[str] = []
    original = executing.train_member

    def train_member(backbone: Any, spec: Any, *more: Any, **named: Any) -> Any:
        names.append(spec.name)
        return original(backbone, spec, *more, **named)

    monkeypatch.setattr(executing, "train_member", train_member)
    return names
