"""The families without a mask; each is made once."""

from __future__ import annotations

from typing import Any

import pytest
from other_families import CAUSAL, SEQ2SEQ
from unmasked import Loaded


@pytest.fixture(scope="session")
def load(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Function from a family's name to the loaded family; each is made once."""
    made: dict[str, Loaded] = {}

    def get(name: str) -> Loaded:
        if name not in made:
            made[name] = Loaded(name, tmp_path_factory.mktemp("other") / name)
        made[name].backbone.weights.trainable(())
        made[name].backbone.weights.put({})
        return made[name]

    return get


@pytest.fixture(params=[*CAUSAL, *SEQ2SEQ])
def loaded(request: pytest.FixtureRequest, load: Any) -> Loaded:
    """Each family in turn, with its original weights."""
    family: Loaded = load(request.param)
    return family
