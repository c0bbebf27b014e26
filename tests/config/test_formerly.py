"""Earlier names of settings and of their values: understood everywhere, shown nowhere."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from sklearn.base import clone
from toy import pet

from pet.classifier import PETClassifier
from pet.config import CONFIGS, Settings, deciding
from pet.config.formerly import names_today
from pet.config.settings import recorded_today
from pet.errors import RunError, UsageError
from pet.runs import RunFolder

# Every name and value that options had before, with what it is called today.
RENAMED: list[tuple[str, Any, str, Any]] = [
    ("calibration", "prior", "offsets", "prior"),
    ("calibrate", "folds", "temper", "folds"),
    ("student", "pet-mini", "distill_student", "pet-mini"),
    ("temperature", 3.5, "distill_temperature", 3.5),
    ("soft_length", 3, "soft_slots", 3),
    ("soften", "words", "soft_from_words", True),
    ("soften", "none", "soft_from_words", False),
    ("deep", "add", "soft_deep", "add"),
    ("deep_layers", "1", "soft_deep_layers", "1"),
    ("mixture", 2, "soft_mixture", 2),
    ("scope", "all", "scope", "full"),
    ("scope", "prompt+head", "scope", "head"),
    ("scope", "prompt+bias", "scope", "bias"),
    ("scope", "prompt+lora", "scope", "lora"),
]
EACH = pytest.mark.parametrize(("earlier", "given", "today", "meant"), RENAMED)


def home(name: str) -> str:
    """Name the configuration that a setting belongs to today."""
    (found,) = (key for key, part in CONFIGS.items() if name in {f.name for f in fields(part)})
    return found


def test_the_table_has_every_setting_that_was_renamed() -> None:
    declared = set()
    for part in CONFIGS.values():
        for item in fields(part):
            before = item.metadata["formerly"] or item.name
            if values := item.metadata["formerly_values"]:
                declared |= {(before, old, item.name, new) for old, new in values.items()}
            elif before != item.name:
                declared.add((before, item.name))
    listed = {(row[0], row[2]) if row[0] not in ("scope", "soften") else row for row in RENAMED}
    assert declared == listed


def test_no_earlier_name_is_the_name_of_another_setting() -> None:
    items = [item for part in CONFIGS.values() for item in fields(part)]
    today = {item.name for item in items} | {"method", "seed", "patterns"}
    earlier = [item.metadata["formerly"] for item in items if item.metadata["formerly"]]
    assert not today & {*earlier}
    assert len(earlier) == len(set(earlier))


@EACH
def test_flat_settings_understand_earlier_names(
    earlier: str, given: Any, today: str, meant: Any
) -> None:
    with pytest.warns(FutureWarning, match=rf"{earlier}.* is now {today}"):
        settings = Settings.from_flat({earlier: given})
    assert settings == Settings.from_flat({today: meant})


@EACH
def test_the_classifier_takes_earlier_names_and_shows_todays(
    earlier: str, given: Any, today: str, meant: Any
) -> None:
    with pytest.warns(FutureWarning, match=rf"{earlier}.* is now {today}") as warned:
        model = PETClassifier(**{earlier: given})
    assert {Path(one.filename).name for one in warned} == {Path(__file__).name}
    assert model.get_params()[today] == meant
    assert clone(model).get_params() == model.get_params()
    assert earlier == today or earlier not in model.get_params()
    with pytest.warns(FutureWarning, match=rf"{earlier}.* is now {today}"):
        assert PETClassifier().set_params(**{earlier: given}).get_params()[today] == meant
    assert model.settings() == Settings.from_flat({today: meant})


def test_a_name_that_no_setting_ever_had_is_refused_as_python_does() -> None:
    with pytest.raises(TypeError, match="no parameter 'calibratoin'"):
        PETClassifier(calibratoin="prior")


@EACH
def test_records_of_earlier_runs_are_read_under_todays_names(
    earlier: str, given: Any, today: str, meant: Any
) -> None:
    now = json.loads(json.dumps(deciding(Settings.from_flat({today: meant}))))
    before = {**now, home(today): dict(now[home(today)])}
    del before[home(today)][today]
    before[home(today)][earlier] = given
    assert recorded_today({"settings": before, "data": 1}) == {"settings": now, "data": 1}


def test_a_run_that_was_asked_for_under_earlier_names_goes_on(tmp_path: Path) -> None:
    now = {"settings": deciding(Settings.from_flat({"temper": "folds", "scope": "full"}))}
    before = json.loads(json.dumps(now))
    before["settings"]["ensemble"]["calibrate"] = before["settings"]["ensemble"].pop("temper")
    before["settings"]["training"]["scope"] = "all"
    RunFolder.start(tmp_path / "run", before).write_json("ensemble.json", {})
    assert RunFolder.start(tmp_path / "run", now).asked() == json.loads(json.dumps(now))
    other = {"settings": deciding(Settings.from_flat({"temper": "none"}))}
    with pytest.raises(RunError, match='ensemble.temper: "folds" there, "none" now'):
        RunFolder.start(tmp_path / "run", other)


def test_both_names_of_a_setting_are_one_too_many() -> None:
    with pytest.raises(UsageError, match="calibrate is the earlier name of temper"):
        names_today(CONFIGS["ensemble"], {"calibrate": "none", "temper": "folds"})


@EACH
def test_options_with_earlier_names_work_with_one_line_and_are_not_shown(
    earlier: str, given: Any, today: str, meant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Settings] = []

    def remember(self: Any, flat: dict[str, Any]) -> Settings:
        seen.append(Settings.from_flat(flat))
        raise UsageError("Enough.")

    monkeypatch.setattr("pet.cli.inputs.Inputs.settings", remember)
    option = "--" + earlier.replace("_", "-")
    shown = pet("train", "--task", "reviews", "-o", "out", option, given)
    assert seen == [Settings.from_flat({today: meant})]
    told = shown.err.strip().splitlines()
    assert len(told) == 2
    assert told[0].startswith(f"{option} ")
    assert f" is now --{'no-' if meant is False else ''}{today.replace('_', '-')}" in told[0]
    if earlier != today:
        assert f"{option} " not in pet("train", "--help-all").out
