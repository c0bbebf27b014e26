"""help(PETClassifier): every parameter is explained, and nothing that is none."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from typing import Any

import pytest

from pet.classifier import PETClassifier
from pet.config import CONFIGS, Settings
from pet.errors import for_python

EXPLAINED = inspect.cleandoc(PETClassifier.__doc__ or "").split("Attributes\n---")[0]
ENTRIES = dict(re.findall(r"^(\w+) : (.+(?:\n    .+)+)", EXPLAINED, re.MULTILINE))
SETTINGS = [
    item
    for part in (Settings, *CONFIGS.values())
    for item in fields(part)
    if "help" in item.metadata
]


def test_every_parameter_is_explained_and_nothing_else() -> None:
    parameters = list(inspect.signature(PETClassifier).parameters)
    assert sorted(ENTRIES) == sorted(parameters) == sorted(PETClassifier().get_params())


@pytest.mark.parametrize("item", SETTINGS, ids=lambda item: item.name)
def test_the_explanation_is_the_help_of_the_setting(item: Any) -> None:
    kind, *lines = ENTRIES[item.name].splitlines()
    assert " ".join(line.strip() for line in lines) == for_python(item.metadata["help"])
    assert not any(len(line) > 92 for line in lines)
    if item.default is None:
        assert kind.endswith(", optional")
    else:
        shown = ",".join(item.default) if isinstance(item.default, tuple) else item.default
        assert kind.endswith((f', default "{shown}"', f", default {shown}"))


def test_types_are_those_of_the_settings() -> None:
    assert ENTRIES["max_steps"].startswith("int, optional\n")
    assert ENTRIES["warmup"].startswith("float, default 0.1\n")
    assert ENTRIES["patterns"].startswith("sequence of int, or str, optional\n")
    assert ENTRIES["soft"].startswith('sequence of str, or str, default "none"\n')
    assert ENTRIES["temper"].startswith('{"none", "agreement", "folds"}, default "agreement"\n')


def test_no_earlier_name_and_no_option_is_shown() -> None:
    assert "--" not in EXPLAINED.replace("----------", "")
    for item in SETTINGS:
        assert f"\n{item.metadata['formerly']} :" not in EXPLAINED
