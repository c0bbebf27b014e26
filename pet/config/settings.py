"""Everything that decides a run's result."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal

from pet.config.base import Checked, setting
from pet.config.ensemble import DistillationConfig, EnsembleConfig, IpetConfig
from pet.config.lm import AdaptConfig
from pet.config.soft import TemplateConfig
from pet.config.training import BackboneConfig, TrainingConfig
from pet.errors import UsageError

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
class Settings(Checked):
    """Everything that decides a run's result, besides the data."""

    method: Method = setting("pet", "Which steps there are.")
    seed: int = setting(13, "Of every draw.", low=0)
    patterns: tuple[int, ...] | None = setting(
        None, "Numbers of patterns, such as 0,2-3, or all.", low=0
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
