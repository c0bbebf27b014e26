"""A distilled run and an ensemble, trained by the command."""

from __future__ import annotations

import pytest
from toy import Files, train


@pytest.fixture(scope="module")
def distilled(files: Files, tiny_bert: str) -> str:
    result = train(files, tiny_bert, files.folder / "run", "--unlabeled", files.unlabeled)
    assert result.code == 0, result.err
    return str(files.folder / "run")


@pytest.fixture(scope="module")
def ensemble(files: Files, tiny_bert: str) -> str:
    result = train(files, tiny_bert, files.folder / "ensemble")
    assert result.code == 0, result.err
    return str(files.folder / "ensemble")
