"""Everything that decides a run's result."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pet.config.base import Checked, setting
from pet.config.ensemble import DistillationConfig, EnsembleConfig, IpetConfig
from pet.config.formerly import names_today
from pet.config.lm import AdaptConfig
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
    """Everything that decides a run's result, besides the data.

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
        """Build the nested settings from ``{option name: value}``.

        Earlier names are understood too, with a FutureWarning.

        Raises
        ------
        UsageError
            When a name is unknown, or a value is not what its setting takes.
        """
        rest = flat_today(values)
        parts = {
            name: part(
                **{item.name: rest.pop(item.name) for item in fields(part) if item.name in rest}
            )
            for name, part in CONFIGS.items()
        }
        for name in rest:
            if name not in ("method", "seed", "patterns", "jobs"):
                raise UsageError(f"Unknown setting {name!r}.")
        return cls(**rest, **parts)


def flat_today(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{setting name: value}`` under today's names; earlier ones give a FutureWarning."""

    def warn(earlier: str, today: str) -> None:
        warnings.warn(f"{earlier} is now {today}.", FutureWarning, stacklevel=5)

    named = dict(values)
    for part in CONFIGS.values():
        named = names_today(part, named, warn)
    return named


def recorded_today(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record of what was asked with its settings under the names they have today."""
    settings = asked.get("settings")
    if not isinstance(settings, Mapping):
        return dict(asked)
    renamed = {
        name: names_today(CONFIGS[name], part)
        if name in CONFIGS and isinstance(part, Mapping)
        else part
        for name, part in settings.items()
    }
    return {**asked, "settings": renamed}
