"""A command that is asked to end does so in order: one message, nothing temporary left."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import Any

import pytest
from toy import Files, pet, train

from pet.members import executing


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_that_ends_is_an_ordinary_exit(
    name: str, files: Files, tiny_bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = signal.Signals[name]

    def ended(*given: Any, **more: Any) -> None:
        with tempfile.TemporaryDirectory(dir=tmp_path):
            os.kill(os.getpid(), number)
            raise AssertionError("the signal was not obeyed")

    monkeypatch.setattr(executing, "train_member", ended)
    before = signal.signal(number, signal.SIG_DFL)  # the tests may themselves run under nohup
    try:
        result = train(files, tiny_bert, tmp_path / "run", "--patterns", "0")
        after = signal.getsignal(number)
    finally:
        signal.signal(number, before)
    assert (result.code, result.out) == (128 + number, "")
    assert result.err.strip().startswith("Interrupted. What was finished is kept")
    assert os.listdir(tmp_path) == ["run"]
    assert not list((tmp_path / "run").rglob("*.part"))
    assert after is signal.SIG_DFL


def test_a_signal_that_is_ignored_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        seen = []
        monkeypatch.setattr("pet.cli.cli.main", lambda **_: seen.append(signal.getsignal(1)))
        pet("tasks")
        assert seen == [signal.SIG_IGN]
    finally:
        signal.signal(signal.SIGHUP, before)
