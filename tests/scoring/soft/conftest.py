"""The families as backbones for soft templates; each is made once."""

from __future__ import annotations

from typing import Any

import pytest
from families import FAMILIES, Family, save_family
from softened import takes

from pet.backbone import MaskedLM
from pet.scoring.soft import KINDS


@pytest.fixture(scope="session")
def load(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Function from a family's name to its backbone; each is made once."""
    made: dict[str, MaskedLM] = {}

    def get(name: str) -> MaskedLM:
        if name not in made:
            family: Family = FAMILIES[name]
            folder = save_family(family, tmp_path_factory.mktemp("soft") / name, seed=3)
            made[name] = MaskedLM.load(str(folder), "cpu", "fp32")
        made[name].weights.put({})
        made[name].weights.trainable(())
        return made[name]

    return get


@pytest.fixture(params=FAMILIES)
def backbone(request: pytest.FixtureRequest, load: Any) -> MaskedLM:
    found: MaskedLM = load(request.param)
    return found


@pytest.fixture(
    params=[(f, k) for f in FAMILIES for k in KINDS if takes(f, k)], ids=lambda pair: "-".join(pair)
)
def case(request: pytest.FixtureRequest, load: Any) -> tuple[MaskedLM, str]:
    """A backbone and a kind that it takes."""
    family, kind = request.param
    return load(family), kind


@pytest.fixture
def bert(load: Any) -> MaskedLM:
    found: MaskedLM = load("bert")
    return found
