"""A distilled run and an ensemble, trained by the command."""

from __future__ import annotations

import pytest
from toy import Files, train


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The toy task's files, the same ones for all tests of the command line."""
    return Files.write(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="session")
def distilled(files: Files, tiny_bert: str) -> str:
    result = train(files, tiny_bert, files.folder / "run", "--unlabeled", files.unlabeled)
    assert result.code == 0, result.err
    return str(files.folder / "run")


@pytest.fixture(scope="session")
def ensemble(files: Files, tiny_bert: str) -> str:
    result = train(files, tiny_bert, files.folder / "ensemble")
    assert result.code == 0, result.err
    return str(files.folder / "ensemble")
