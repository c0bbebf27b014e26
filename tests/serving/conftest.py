"""What the tests of serving share: services that are closed, and a run to serve."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from toy import Files, train

from pet.config import ServingConfig
from pet.serving import Served, Service, load_served

Make = Callable[..., Service]


@pytest.fixture
def make() -> Iterator[Make]:
    """Make services that are closed in the end."""
    made: list[Service] = []

    def new(
        load: Callable[[], Served], config: ServingConfig | None = None, **more: object
    ) -> Service:
        made.append(Service(load, config, **more))  # type: ignore[arg-type]
        return made[-1]

    yield new
    for service in made:
        service.close()


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_bert: str) -> Path:
    """A run of two members and the classifier that was distilled from them."""
    folder = tmp_path_factory.mktemp("served")
    files = Files.write(folder)
    more = ("--unlabeled", files.unlabeled, "--patterns", "0-1")
    result = train(files, tiny_bert, folder / "run", *more)
    assert result.code == 0, result.err
    return folder / "run"


@pytest.fixture(scope="session")
def served(run: Path) -> Served:
    return load_served(run, "cpu", "fp32")
