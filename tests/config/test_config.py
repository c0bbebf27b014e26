"""Settings: defaults, limits, and names that are unique everywhere."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pet.config import (
    CONFIGS,
    BackboneConfig,
    DistillationConfig,
    EnsembleConfig,
    LMConfig,
    Settings,
    TemplateConfig,
    TrainingConfig,
    WordSearchConfig,
    choices_of,
    deciding,
    default_learning_rate,
)
from pet.errors import UsageError

ALL = [(part, item) for part in CONFIGS.values() for item in fields(part)]


@pytest.mark.parametrize("part", CONFIGS.values())
def test_defaults_are_valid(part: Any) -> None:
    assert part() == part()


def test_a_name_is_unique_across_all_configurations() -> None:
    names = [item.name for _, item in ALL] + ["method", "seed", "patterns", "jobs"]
    assert len(names) == len(set(names))


def test_what_is_asked_of_a_run_is_all_but_where_it_is_computed() -> None:
    everything, found = asdict(Settings()), deciding(Settings())
    assert everything["backbone"].pop("device") == "auto"
    assert everything.pop("jobs") == 1
    assert everything.pop("save_precision") == "fp32"
    assert found == everything


def test_every_setting_explains_itself_in_one_line() -> None:
    for _, item in ALL:
        text = item.metadata["help"]
        assert text.endswith("."), item.name
        assert "\n" not in text, item.name


def test_settings_hold_one_object_of_every_configuration() -> None:
    for name, part in CONFIGS.items():
        assert getattr(Settings(), name) == part()


@pytest.mark.parametrize(
    ("part", "item"), [pair for pair in ALL if pair[1].metadata["low"] is not None]
)
def test_a_number_below_its_limit_is_refused(part: Any, item: Any) -> None:
    low = item.metadata["low"]
    assert getattr(part(**{item.name: low}), item.name) == low
    for wrong in (low - 1, float("nan"), "many", True):
        with pytest.raises(UsageError, match=f"{item.name} must be a number from {low:g}"):
            part(**{item.name: wrong})


@pytest.mark.parametrize(
    ("part", "item"),
    [
        (part, item)
        for part in (*CONFIGS.values(), LMConfig)
        for item in fields(part)
        if item.metadata["above"] is not None
    ],
)
def test_a_number_at_its_open_limit_is_refused(part: Any, item: Any) -> None:
    above = item.metadata["above"]
    assert getattr(part(**{item.name: above + 1e-9}), item.name) == above + 1e-9
    for wrong in (above, above - 1, float("nan"), "many", True):
        with pytest.raises(UsageError, match=f"{item.name} must be a number above {above:g}"):
            part(**{item.name: wrong})


@pytest.mark.parametrize(
    ("part", "item"),
    [
        (part, item)
        for part in (*CONFIGS.values(), LMConfig, WordSearchConfig)
        for item in fields(part)
        if item.metadata["high"] is not None or item.metadata["below"] is not None
    ],
)
def test_a_share_above_its_limit_is_refused(part: Any, item: Any) -> None:
    high, below = item.metadata["high"], item.metadata["below"]
    largest = high if below is None else below - 1e-9
    rest = {"random_share": 0.0, "mask_share": 0.0}
    values = {name: rest[name] for name in rest if part is LMConfig and name != item.name}
    assert getattr(part(**{**values, item.name: largest}), item.name) == largest
    limit = f"to {high:g}" if below is None else f"below {below:g}"
    for wrong in (largest + 1e-6, 2, float("nan")):
        with pytest.raises(UsageError, match=f"{item.name} must be a number from .* {limit}, not"):
            part(**{item.name: wrong})


def test_every_number_has_a_limit() -> None:
    for _, item in ALL:
        if str(item.type).startswith(("int", "float")):
            assert (item.metadata["low"] is None) != (item.metadata["above"] is None), item.name


class _Odd:
    """Nothing that a setting could be."""


@pytest.mark.parametrize(("part", "item"), [*ALL, *((Settings, f) for f in fields(Settings)[:3])])
@pytest.mark.parametrize("wrong", [_Odd(), [_Odd()], b"pet", {"a": 1}, [[1]], [None], 1j])
def test_a_value_of_another_type_is_refused_by_its_setting(
    part: Any, item: Any, wrong: Any
) -> None:
    with pytest.raises(UsageError, match=rf"^{item.name}( must be|=.* is unknown)"):
        part(**{item.name: wrong})


def test_numbers_of_numpy_and_paths_become_plain_values() -> None:
    training = TrainingConfig(max_steps=np.int64(3), learning_rate=np.float32(0.5))
    assert (type(training.max_steps), training.max_steps) == (int, 3)
    assert (type(training.learning_rate), training.learning_rate) == (float, 0.5)
    assert TrainingConfig(dropout=np.bool_(True)).dropout is True
    assert type(TrainingConfig(max_steps=20.0).max_steps) is int
    assert BackboneConfig(backbone=Path("models") / "mine").backbone == str(Path("models/mine"))
    assert Settings(patterns=np.array([2, 0])).patterns == (2, 0)


@pytest.mark.parametrize(
    ("given", "patterns"),
    [("0,2-3", (0, 2, 3)), ("all", None), (None, None), ([1], (1,)), (range(2), (0, 1))],
)
def test_patterns_are_numbers_or_a_text_as_on_the_command_line(given: Any, patterns: Any) -> None:
    assert Settings(patterns=given).patterns == patterns


@pytest.mark.parametrize("given", ["0,x", "", [], [0, 0], 3, np.array(3), ["0"], [-1], [1.5]])
def test_what_names_no_patterns_is_refused(given: Any) -> None:
    with pytest.raises(UsageError, match="patterns"):
        Settings(patterns=given)


def test_a_list_may_be_a_text_as_on_the_command_line() -> None:
    assert EnsembleConfig(readout="words, prototypes").readout == ("words", "prototypes")
    assert EnsembleConfig(readout=["words"]).readout == ("words",)
    assert TemplateConfig(soft="none,words,none").soft == ("none", "words")


@pytest.mark.parametrize(
    ("part", "item"), [pair for pair in ALL if choices_of(pair[0], pair[1].name)]
)
def test_a_choice_outside_the_list_is_refused_with_the_nearest(part: Any, item: Any) -> None:
    several = str(item.type).startswith("tuple")
    choices = choices_of(part, item.name)
    for choice in choices:
        value = (choice,) if several else choice
        assert getattr(part(**{item.name: value}), item.name) == value
    wrong = choices[0] + "x"
    with pytest.raises(UsageError, match=f"{item.name}='{wrong}' is unknown(?s:.*)Did you mean"):
        part(**{item.name: (choice, wrong) if several else wrong})
    for wrong_number in ((), (choice, choice)) if several else ():
        with pytest.raises(UsageError, match="one or more different values"):
            part(**{item.name: wrong_number})


def test_all_of_the_loss_cannot_be_masked_lm_loss() -> None:
    assert TrainingConfig(lm_weight=0.99).lm_weight == 0.99
    with pytest.raises(UsageError, match="lm_weight"):
        TrainingConfig(lm_weight=1.0)


def test_an_optional_number_may_be_left_open() -> None:
    assert TrainingConfig(learning_rate=None).learning_rate is None
    assert DistillationConfig(distill_learning_rate=0.5).distill_learning_rate == 0.5


def test_unknown_method_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"method='zeroshot' is unknown(?s:.*)'zero-shot'"):
        Settings(method="zeroshot")  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [-1, 1.5, "13", None])
def test_seed_that_cannot_start_a_generator_is_refused(seed: Any) -> None:
    with pytest.raises(UsageError, match="seed"):
        Settings(seed=seed)


def test_configurations_cannot_be_changed_in_place() -> None:
    config = TrainingConfig()
    with pytest.raises(FrozenInstanceError):
        config.max_steps = 3  # type: ignore[misc]
    assert replace(config, max_steps=3).max_steps == 3
    assert config.max_steps == TrainingConfig().max_steps


def test_a_changed_copy_is_validated_too() -> None:
    with pytest.raises(UsageError, match="batch_size"):
        replace(TrainingConfig(), batch_size=0)


def test_flat_values_find_their_configuration() -> None:
    settings = Settings.from_flat(
        {
            "method": "single",
            "seed": 3,
            "patterns": (0, 2),
            "backbone": "roberta-base",
            "max_steps": 7,
            "weighting": "learned",
            "distill_temperature": 1.5,
        }
    )
    assert settings == Settings(
        method="single",
        seed=3,
        patterns=(0, 2),
        backbone=BackboneConfig(backbone="roberta-base"),
        training=TrainingConfig(max_steps=7),
        ensemble=EnsembleConfig(weighting="learned"),
        distillation=DistillationConfig(distill_temperature=1.5),
    )


def test_no_flat_values_give_the_defaults() -> None:
    assert Settings.from_flat({}) == Settings()


def test_flat_values_are_not_used_up() -> None:
    values = {"max_steps": 7, "seed": 2}
    Settings.from_flat(values)
    assert values == {"max_steps": 7, "seed": 2}


@pytest.mark.parametrize("name", ["max_stepps", "training", "low"])
def test_unknown_flat_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"Unknown setting '{name}'"):
        Settings.from_flat({name: 1})


def test_flat_values_are_validated() -> None:
    with pytest.raises(UsageError, match="max_steps"):
        Settings.from_flat({"max_steps": -1})


@pytest.mark.parametrize(("width", "rate"), [(1024, 1e-5), (768, 1.6e-5), (384, 5e-5)])
def test_default_learning_rate_meets_its_known_points(width: int, rate: float) -> None:
    assert default_learning_rate(width) == pytest.approx(rate, rel=0.03)


@pytest.mark.parametrize(
    ("settings", "soft", "examples", "steps"),
    [
        ({}, False, 32, 30),
        ({}, False, 96, 48),  # four passes in batches of 8
        ({"max_steps": 7}, False, 96, 7),
        ({}, True, 32, 100),
        ({"scope": "bias"}, False, 32, 100),
        ({"scope": "prompt"}, False, 32, 30),  # without slots it is the whole model
        ({"scope": "prompt"}, True, 1000, 500),
    ],
)
def test_members_of_few_examples_take_the_steps_that_their_rate_is_for(
    settings: dict[str, Any], soft: bool, examples: int, steps: int
) -> None:
    assert Settings.from_flat(settings).training.steps_for(examples, soft=soft) == steps
