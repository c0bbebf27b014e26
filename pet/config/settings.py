"""Settings of a run: all configurations in one value."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pet.config.base import Checked, setting
from pet.config.ensemble import DistillationConfig, EnsembleConfig, IpetConfig
from pet.config.formerly import names_today
from pet.config.lm import AdaptConfig, SavePrecision
from pet.config.methods import MethodName, method_help
from pet.config.soft import TemplateConfig
from pet.config.training import BackboneConfig, TrainingConfig
from pet.errors import UsageError

CONFIGS: dict[str, Any] = {
    "backbone": BackboneConfig,
    "training": TrainingConfig,
    "template": TemplateConfig,
    "ensemble": EnsembleConfig,
    "ipet": IpetConfig,
    "distillation": DistillationConfig,
    "adaptation": AdaptConfig,
}


@dataclass(frozen=True)
class Settings(Checked):
    """Settings of a run; with the data they decide its result.

    Examples
    --------
    >>> from pet import Settings
    >>> settings = Settings.from_flat({"method": "single", "max_steps": 50, "scope": "bias"})
    >>> settings.training.max_steps, settings.training.scope, settings.seed
    (50, 'bias', 13)
    """

    method: MethodName = setting("pet", method_help())
    seed: int = setting(13, "Random seed.", low=0)
    patterns: tuple[int, ...] | None = setting(
        None, "Numbers of the task's patterns, such as 0,2-3; all by default.", low=0
    )
    jobs: int = setting(
        1,
        "Members, folds and shards of the unlabelled text that are worked on at once, each in a "
        "process.",
        low=1,
        decides=False,
    )
    save_precision: SavePrecision = setting(
        "fp32",
        "Precision of the saved model's weights; fp16 takes half the space.",
        decides=False,
    )
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    template: TemplateConfig = field(default_factory=TemplateConfig)
    ensemble: EnsembleConfig = field(default_factory=EnsembleConfig)
    ipet: IpetConfig = field(default_factory=IpetConfig)
    distillation: DistillationConfig = field(default_factory=DistillationConfig)
    adaptation: AdaptConfig = field(default_factory=AdaptConfig)

    def __post_init__(self) -> None:
        if isinstance(self.patterns, str) and self.patterns == "all":
            object.__setattr__(self, "patterns", None)
        super().__post_init__()

    @classmethod
    def from_flat(cls, values: dict[str, Any]) -> Settings:
        """Build settings from ``{setting name: value}``, without configurations.

        Earlier names work too, with a FutureWarning.

        Raises
        ------
        UsageError
            When a name is unknown, or a value is not what its setting takes.
        """
        rest = flat_today(values)
        configs = {
            name: config(
                **{item.name: rest.pop(item.name) for item in fields(config) if item.name in rest}
            )
            for name, config in CONFIGS.items()
        }
        for name in rest:
            if name not in {item.name for item in fields(cls)} - set(CONFIGS):
                raise UsageError(f"Unknown setting {name!r}.")
        return cls(**rest, **configs)


def flat_today(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{setting name: value}`` under today's names; earlier ones give a FutureWarning."""

    def warn(earlier: str, today: str) -> None:
        warnings.warn(f"{earlier} is now {today}.", FutureWarning, stacklevel=5)

    named = dict(values)
    for config in CONFIGS.values():
        named = names_today(config, named, warn)
    return named


def recorded_today(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a request with today's names of settings."""
    settings = asked.get("settings")
    if not isinstance(settings, Mapping):
        return dict(asked)
    renamed = {
        name: names_today(CONFIGS[name], value)
        if name in CONFIGS and isinstance(value, Mapping)
        else value
        for name, value in settings.items()
    }
    return {**asked, "settings": renamed}
