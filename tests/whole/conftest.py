"""Fresh toy files for every test, and a finished run to spoil."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy import Files, train


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files.write(tmp_path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_bert: str) -> Files:
    """The toy files, with a finished run beside them."""
    files = Files.write(tmp_path_factory.mktemp("trained"))
    more = ["--unlabeled", files.unlabeled, "--patterns", "0"]
    assert train(files, tiny_bert, files.folder / "run", *more).code == 0
    return files
