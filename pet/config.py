"""Every setting with its default and its one-line explanation.

The command line's options and the parameters of `PETClassifier` are made from these classes, so a
name is unique across them and a default lives here only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from pet.errors import UsageError, did_you_mean

Method = Literal["pet", "zero-shot", "single", "head", "fine-tune"]
Baseline = Literal["tfidf", "embedding", "setfit"]
Scope = Literal["full", "head", "bias"]
Combiner = Literal["logits", "probabilities", "log-probabilities", "vote"]
Weighting = Literal["uniform", "accuracy", "learned"]
ClassWeight = Literal["none", "balanced"]


def setting(default: Any, text: str, choices: Any = None, low: float | None = None) -> Any:
    """Declare one setting: default, help text, allowed values or smallest value."""
    values = get_args(choices) if choices is not None else None
    return field(default=default, metadata={"help": text, "choices": values, "low": low})


class _Checked:
    """Validates a configuration once, when it is made."""

    def __post_init__(self) -> None:
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            choices, low = item.metadata.get("choices"), item.metadata.get("low")
            if choices and value not in choices:
                raise UsageError(
                    f"{item.name}={value!r} is unknown.", did_you_mean(str(value), choices)
                )
            if low is None or value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= low:
                raise UsageError(f"{item.name} must be a number from {low:g}, not {value!r}.")


@dataclass(frozen=True)
class BackboneConfig(_Checked):
    """Which masked language model, where it runs, and how much text it reads."""

    backbone: str = setting("pet-mini", "Masked LM: hub name, folder, or the embedded pet-mini.")
    device: str = setting("auto", "cpu, cuda, cuda:N, or auto.")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = setting(
        "auto",
        "Precision of matrix products; auto takes bf16 where the hardware has it.",
        Literal["auto", "fp32", "bf16", "fp16"],
    )
    max_length: int = setting(256, "Most tokens of an input; longer texts are shortened.", low=8)


@dataclass(frozen=True)
class TrainingConfig(_Checked):
    """How one member is trained."""

    max_steps: int | None = setting(
        None,
        "Optimiser steps of a member; by default 60 (200 for fine-tune), or 4 passes over the "
        "labelled examples where that is more.",
        low=0,
    )
    batch_size: int = setting(8, "Labelled examples in one forward pass.", low=1)
    accumulation: int = setting(1, "Forward passes that make one optimiser step.", low=1)
    learning_rate: float | None = setting(
        None, "Peak learning rate; by default chosen from the backbone's width.", low=0
    )
    weight_decay: float = setting(0.01, "AdamW weight decay.", low=0)
    warmup: float = setting(
        0.1, "Share of the steps in which the rate rises; then it falls.", low=0
    )
    clip_norm: float = setting(1.0, "Largest gradient norm.", low=0)
    scope: Scope = setting("full", "What is trained: all, the masked-LM head, or biases.", Scope)
    class_weight: ClassWeight = setting(
        "none", "'balanced' weighs each label by its inverse frequency in the loss.", ClassWeight
    )
    lm_weight: float = setting(
        0.0, "Share of the loss that is masked-LM loss on unlabelled text, 0 to 1.", low=0
    )
    dropout: bool = setting(False, "Train with the backbone's dropout.")
    eval_every: int = setting(20, "With a development file: steps between two looks at it.", low=1)
    patience: int = setting(
        3, "With a development file: looks without gain before stopping.", low=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lm_weight >= 1:
            raise UsageError(f"lm_weight is a share of the loss below 1, not {self.lm_weight}.")

    def steps_for(self, examples: int, least: int = 60) -> int:
        """Optimiser steps for so many labelled examples."""
        if self.max_steps is not None:
            return self.max_steps
        return max(least, -(-4 * examples // (self.batch_size * self.accumulation)))


@dataclass(frozen=True)
class EnsembleConfig(_Checked):
    """Which members there are and how they are combined."""

    repetitions: int = setting(1, "Members of each pattern, with different seeds.", low=1)
    combine_verbalizers: Combiner = setting(
        "logits", "How the verbalizers of one member are combined.", Combiner
    )
    combine_members: Combiner = setting("logits", "How the members are combined.", Combiner)
    weighting: Weighting = setting(
        "uniform",
        "Member weights: uniform, accuracy on the labelled examples before training, or learned "
        "on out-of-fold scores of the labelled examples.",
        Weighting,
    )
    folds: int = setting(4, "Folds for learned weights.", low=2)


@dataclass(frozen=True)
class DistillationConfig(_Checked):
    """How the final classifier is trained on softly labelled text."""

    temperature: float = setting(2.0, "Softens the ensemble's labels; 1 leaves them.", low=0.01)
    distill_epochs: int = setting(4, "Passes over the unlabelled text.", low=1)
    distill_max_steps: int = setting(2000, "Most optimiser steps, whatever the epochs.", low=1)
    distill_batch_size: int = setting(32, "Unlabelled texts per optimiser step.", low=1)
    distill_learning_rate: float | None = setting(
        None, "Peak learning rate; by default twice that of the members.", low=0
    )


@dataclass(frozen=True)
class Settings:
    """Everything that decides a run's result, besides the data."""

    method: Method = "pet"
    seed: int = 13
    patterns: tuple[int, ...] | None = None
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    ensemble: EnsembleConfig = field(default_factory=EnsembleConfig)
    distillation: DistillationConfig = field(default_factory=DistillationConfig)

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


@dataclass(frozen=True)
class StudyConfig(_Checked):
    """What a few-shot study runs: every method on every draw."""

    methods: tuple[str, ...] = setting(
        ("zero-shot", "tfidf", "embedding", "fine-tune", "single", "pet"),
        f"What is compared, of: {', '.join((*get_args(Method), *get_args(Baseline)))}.",
    )
    shots: tuple[int, ...] = setting((16,), "Training examples of each label; 16,64 is a curve.")
    seeds: tuple[int, ...] = setting((13, 21, 42, 87, 100), "One draw from the pool each.")
    unlabeled: int | None = setting(
        None, "Most unlabelled texts, drawn from the rest of the pool; by default all.", low=0
    )
    draw_dev: bool = setting(
        False, "Also draw as many development examples: turns on early stopping."
    )
    jobs: int = setting(1, "Cells that run at once, each in a process of its own.", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, low in (("shots", 1), ("seeds", 0)):
            for value in getattr(self, name):
                if isinstance(value, bool) or not isinstance(value, int) or value < low:
                    raise UsageError(f"{name} must be whole numbers from {low}, not {value!r}.")
        known = (*get_args(Method), *get_args(Baseline))
        for method in self.methods:
            if method not in known:
                raise UsageError(f"Unknown method {method!r}.", did_you_mean(method, known))
        for name in ("methods", "shots", "seeds"):
            values = getattr(self, name)
            if not values or len(set(values)) != len(values):
                raise UsageError(f"{name} must be one or more different values, not {values!r}.")


CONFIGS: dict[str, Any] = {
    "backbone": BackboneConfig,
    "training": TrainingConfig,
    "ensemble": EnsembleConfig,
    "distillation": DistillationConfig,
}


def default_learning_rate(hidden_size: int) -> float:
    """Peak learning rate of AdamW for an encoder of this width when all of it is tuned.

    A power law through two points: 1e-5 at width 1,024, the PET paper's for RoBERTa-large, and
    1e-4 at width 384, measured for pet-mini (benchmarks/RESULTS.md). It gives 2e-5 at width 768.
    """
    return float(1e-5 * (1024 / hidden_size) ** 2.35)
