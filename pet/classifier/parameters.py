"""The parameters of the classifier: one for every setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from inspect import signature
from typing import Any

from sklearn.base import BaseEstimator

from pet.config import (
    CONFIGS,
    AdaptConfig,
    BackboneConfig,
    DistillationConfig,
    EnsembleConfig,
    IpetConfig,
    Settings,
    TemplateConfig,
    TrainingConfig,
)
from pet.config.explained import numpydoc_parameters
from pet.config.settings import flat_today
from pet.errors import did_you_mean
from pet.task import Task


def _earlier_names_too(init: Callable[..., None]) -> Callable[..., None]:
    """Make a constructor also accept earlier names of settings, hidden from its signature."""

    known = list(signature(init).parameters)[1:]

    @wraps(init)
    def accept_earlier_names(self: Any, *arguments: Any, **parameters: Any) -> None:
        today = flat_today(parameters)
        for name in today:
            if name not in known:
                raise TypeError(
                    f"{type(self).__name__} has no parameter {name!r}. {did_you_mean(name, known)}"
                )
        init(self, *arguments, **today)

    return accept_earlier_names


class Parameters(BaseEstimator):  # type: ignore[misc, unused-ignore]
    """Parameters of an estimator, of which all but the first four are settings of a run."""

    # Meta-estimators fit clones, with a y that they may have encoded; people fit the original.
    _is_clone = False

    @_earlier_names_too
    def __init__(
        self,
        task: Task | str | None = None,
        *,
        labels: Sequence[str] | None = None,
        label_map: Mapping[Any, str] | None = None,
        verbose: int = 0,
        method: str = Settings.method,
        patterns: str | Sequence[int] | None = Settings.patterns,
        seed: int = Settings.seed,
        jobs: int = Settings.jobs,
        save_precision: str = Settings.save_precision,
        backbone: str = BackboneConfig.backbone,
        device: str = BackboneConfig.device,
        precision: str = BackboneConfig.precision,
        max_length: int = BackboneConfig.max_length,
        max_steps: int | None = TrainingConfig.max_steps,
        batch_size: int = TrainingConfig.batch_size,
        accumulation: int = TrainingConfig.accumulation,
        learning_rate: float | None = TrainingConfig.learning_rate,
        weight_decay: float = TrainingConfig.weight_decay,
        warmup: float = TrainingConfig.warmup,
        clip_norm: float = TrainingConfig.clip_norm,
        scope: str = TrainingConfig.scope,
        lora_rank: int = TrainingConfig.lora_rank,
        objective: str = TrainingConfig.objective,
        demonstrations: int = TrainingConfig.demonstrations,
        prompt_rate: float | None = TrainingConfig.prompt_rate,
        class_weight: str | Mapping[Any, float] | None = TrainingConfig.class_weight,
        negatives: int = TrainingConfig.negatives,
        lm_weight: float = TrainingConfig.lm_weight,
        dropout: bool = TrainingConfig.dropout,
        offsets: str = TrainingConfig.offsets,
        readout_rate: float | None = TrainingConfig.readout_rate,
        eval_every: int = TrainingConfig.eval_every,
        patience: int = TrainingConfig.patience,
        soft: str | Sequence[str] = TemplateConfig.soft,
        soft_slots: int = TemplateConfig.soft_slots,
        soft_text: str | None = TemplateConfig.soft_text,
        soft_start: str = TemplateConfig.soft_start,
        soft_deep: str = TemplateConfig.soft_deep,
        soft_deep_layers: str = TemplateConfig.soft_deep_layers,
        soft_mixture: int | None = TemplateConfig.soft_mixture,
        soft_from_words: bool = TemplateConfig.soft_from_words,
        members: str | Sequence[str] | None = EnsembleConfig.members,
        encoder: str | None = EnsembleConfig.encoder,
        second_round: int | None = EnsembleConfig.second_round,
        readout: str | Sequence[str] = EnsembleConfig.readout,
        repetitions: int = EnsembleConfig.repetitions,
        combine_verbalizers: str = EnsembleConfig.combine_verbalizers,
        combine_members: str = EnsembleConfig.combine_members,
        weighting: str = EnsembleConfig.weighting,
        temper: str = EnsembleConfig.temper,
        folds: int = EnsembleConfig.folds,
        generations: int | None = IpetConfig.generations,
        growth: int = IpetConfig.growth,
        labeller_share: float = IpetConfig.labeller_share,
        distill_student: str | None = DistillationConfig.distill_student,
        distill_temperature: float = DistillationConfig.distill_temperature,
        distill_epochs: int = DistillationConfig.distill_epochs,
        distill_max_steps: int = DistillationConfig.distill_max_steps,
        distill_batch_size: int = DistillationConfig.distill_batch_size,
        distill_learning_rate: float | None = DistillationConfig.distill_learning_rate,
        adapt: bool = AdaptConfig.adapt,
        adapt_steps: int = AdaptConfig.adapt_steps,
    ) -> None:
        # scikit-learn's contract: __init__ stores its arguments and does nothing else.
        for name, value in list(locals().items()):
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    def set_params(self, **parameters: Any) -> Parameters:
        """Set parameters, as scikit-learn does; earlier names are understood too."""
        super().set_params(**flat_today(parameters))
        return self

    def __sklearn_clone__(self) -> Any:
        """Return an unfitted copy that knows that it is one."""
        copied = super().__sklearn_clone__()
        copied._is_clone = True
        return copied

    def settings(self) -> Settings:
        """Return the parameters as validated settings."""
        values = self.get_params(deep=False)
        for name in ("task", "labels", "label_map", "verbose"):
            values.pop(name)
        if values["class_weight"] is None or isinstance(values["class_weight"], Mapping):
            values["class_weight"] = "none"  # a mapping is in the weights of the examples
        return Settings.from_flat(values)


def described(docstring: str) -> str:
    """Return a docstring with the entries of all settings in place of ``{settings}``."""
    entries = "\n".join(map(numpydoc_parameters, (Settings, *CONFIGS.values())))
    return docstring.replace("    {settings}", entries)
