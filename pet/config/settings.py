"""Everything that decides a run's result."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from pet.config.ensemble import DistillationConfig, EnsembleConfig, IpetConfig
from pet.config.lm import AdaptConfig
from pet.config.soft import TemplateConfig
from pet.config.training import BackboneConfig, TrainingConfig
from pet.errors import UsageError, did_you_mean

Method = Literal["pet", "ipet", "zero-shot", "single", "head", "fine-tune"]

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
class Settings:
    """Everything that decides a run's result, besides the data."""

    method: Method = "pet"
    seed: int = 13
    patterns: tuple[int, ...] | None = None
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    template: TemplateConfig = field(default_factory=TemplateConfig)
    ensemble: EnsembleConfig = field(default_factory=EnsembleConfig)
    ipet: IpetConfig = field(default_factory=IpetConfig)
    distillation: DistillationConfig = field(default_factory=DistillationConfig)
    adaptation: AdaptConfig = field(default_factory=AdaptConfig)

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise UsageError(
                f"Unknown method {self.method!r}.", did_you_mean(self.method, get_args(Method))
            )
        if not isinstance(self.seed, int) or self.seed < 0:
            raise UsageError(f"seed must be a whole number from 0, not {self.seed!r}.")

    @classmethod
    def from_flat(cls, values: dict[str, Any]) -> Settings:
        """Build the nested settings from ``{option name: value}``; unknown names are refused."""
        rest = dict(values)
        parts = {
            name: part(
                **{item.name: rest.pop(item.name) for item in fields(part) if item.name in rest}
            )
            for name, part in CONFIGS.items()
        }
        for name in rest:
            if name not in ("method", "seed", "patterns"):
                raise UsageError(f"Unknown setting {name!r}.")
        return cls(**rest, **parts)
