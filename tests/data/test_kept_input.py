"""Standard input that is read more than once leaves nothing behind."""

from __future__ import annotations

import atexit
import io
import os
import tempfile
from pathlib import Path

import pytest

from pet.data import kept_input
from pet.data.kept_input import is_kept, keep_input
from pet.data.readers import rows_of

LINES = b'{"text": "one"}\n{"text": "two"}\n'


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files have no paths here")
def test_the_copy_has_no_name_and_is_read_as_often_as_wanted(temporary: Path) -> None:
    source = keep_input(io.BytesIO(LINES))
    assert is_kept(source)
    assert os.listdir(temporary) == []  # so nothing is left if the process is killed
    first, second = rows_of(source), rows_of(source)  # at the same time
    for text in ("one", "two"):
        assert [next(first)[1]["text"], next(second)[1]["text"]] == [text, text]


def test_elsewhere_it_is_removed_when_the_process_ends(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_exit = []
    monkeypatch.setattr(kept_input.os.path, "exists", lambda path: False)
    monkeypatch.setattr(atexit, "register", lambda call, **more: at_exit.append((call, more)))
    source = keep_input(io.BytesIO(LINES))
    assert Path(source).read_bytes() == LINES
    ((remove, more),) = at_exit
    remove(**more)
    assert os.listdir(temporary) == []
