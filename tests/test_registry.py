"""Registries: what they hold, what they refuse, and that settings know their names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pet.config import (
    SOFT_KINDS,
    SOFT_RECIPES,
    EnsembleConfig,
    StudyConfig,
    SuggestConfig,
    TemplateConfig,
    TrainingConfig,
    choices_of,
)
from pet.config.files import FILE_FORMATS
from pet.config.study import BASELINES as BASELINE_NAMES
from pet.data.formats import FORMATS
from pet.errors import UsageError
from pet.evaluation.metrics import METRICS
from pet.evaluation.study.baselines import BASELINES
from pet.members.kinds import CLOZE, MEMBER_KINDS
from pet.members.objectives import OBJECTIVES
from pet.model.combiners import COMBINERS
from pet.registry import Registry
from pet.scoring.readouts import READOUTS, Readout
from pet.scoring.soft import KINDS
from pet.search.suggestion import MEASURES
from pet.task.kinds import KINDS as TASK_KINDS_REGISTRY
from pet.task.task import METRIC_NAMES, TASK_KINDS

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("registry", "names"),
    [
        (COMBINERS, choices_of(EnsembleConfig, "combine_members")),
        (COMBINERS, choices_of(EnsembleConfig, "combine_verbalizers")),
        (READOUTS, choices_of(EnsembleConfig, "readout")),
        (MEMBER_KINDS, [n for n in choices_of(EnsembleConfig, "members") if n != CLOZE]),
        (OBJECTIVES, choices_of(TrainingConfig, "objective")),
        (TASK_KINDS_REGISTRY, TASK_KINDS.built_in),
        (FORMATS, FILE_FORMATS.built_in),
        (METRICS, METRIC_NAMES.built_in),
        (MEASURES, choices_of(SuggestConfig, "by")),
        (KINDS, SOFT_KINDS.built_in),
        (
            KINDS,
            [
                n
                for n in choices_of(TemplateConfig, "soft")
                if n not in ("none", *SOFT_RECIPES.built_in)
            ],
        ),
        (BASELINES, BASELINE_NAMES.built_in),
    ],
)
def test_a_registry_and_the_names_of_its_settings_are_the_same_set(
    registry: Registry[Any], names: Any
) -> None:
    assert list(registry) == list(names) == list(registry.built_in)


def test_a_study_compares_every_baseline_and_soft_kind() -> None:
    assert {*BASELINES, *KINDS} < {*choices_of(StudyConfig, "methods")}


@pytest.fixture
def shapes() -> Registry[Any]:
    return Registry("shapes", "shape", {"disc": max, "box": min}, arguments=("width", "height"))


def test_a_registry_is_a_mapping(shapes: Registry[Any]) -> None:
    assert shapes["disc"] is max
    assert dict(shapes) == {"disc": max, "box": min}
    assert "disc" in shapes
    assert shapes.get("cone") is None


def test_an_unknown_name_is_answered_with_the_nearest(shapes: Registry[Any]) -> None:
    with pytest.raises(UsageError, match=r"^Unknown shape 'dics'.\n  Did you mean 'disc'\?$"):
        shapes["dics"]


def test_what_is_registered_is_found(shapes: Registry[Any]) -> None:
    def cone(width: float, height: float) -> float:
        return width * height

    assert shapes.register("cone", cone) is cone
    assert shapes["cone"] is cone
    assert list(shapes) == ["disc", "box", "cone"]
    assert shapes.built_in == ("disc", "box")


@pytest.mark.parametrize(
    ("name", "entry", "message"),
    [
        ("disc", min, "There is a shape 'disc' already"),
        ("", min, "'' cannot name a shape"),
        ("a,b", min, "'a,b' cannot name a shape"),
        (" disc", min, "' disc' cannot name a shape"),
        (3, min, "3 cannot name a shape"),
        ("cone", 3, r"The shape 'cone' must be a function of \(width, height\), found 3"),
        ("cone", lambda width: width, r"must be a function of \(width, height\), found <function"),
    ],
)
def test_what_a_registry_cannot_hold_is_refused(
    shapes: Registry[Any], name: Any, entry: Any, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        shapes.register(name, entry)
    assert list(shapes) == ["disc", "box"]


def test_a_registry_of_classes_or_objects_says_of_which() -> None:
    with pytest.raises(UsageError, match="'mine' must be a subclass of Readout, found <class 'int"):
        Registry("classes", "class", {}, subclasses_of=Readout).register("mine", int)
    with pytest.raises(UsageError, match="'mine' must be an object of the class int, found '3'"):
        Registry("objects", "object", {}, holds=int).register("mine", "3")


def test_only_kinds_of_tasks_know_which_kinds_there_are() -> None:
    """What depends on the kind of a task is asked of its class, not found out from outside."""
    question = re.compile(
        r"is_multi_label|is_ordinal|(targets|predicted|labels)\.ndim"
        r"|kind (==|!=) .(single|ordinal|multi-label)"
    )
    asking = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / "pet").rglob("*.py"))
        if not path.is_relative_to(ROOT / "pet/task")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if question.search(line)
    ]
    # There targets are shares of labels where they are not label numbers, whatever the kind.
    assert [place.split(":")[0] for place in asking] == ["pet/model/temperature.py"]
