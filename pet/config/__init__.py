"""Every setting with its default and its one-line explanation.

The command line's options and the parameters of `PETClassifier` are made from these classes, so a
name is unique across them and a default lives here only.
"""

from pet.config.base import choices_of, deciding, names_of, setting, settings_but
from pet.config.ensemble import (
    Combiner,
    DistillationConfig,
    EnsembleConfig,
    IpetConfig,
    ReadoutKind,
    Weighting,
)
from pet.config.lm import AdaptConfig, LMConfig
from pet.config.methods import METHODS, Method
from pet.config.search import (
    LabelConfig,
    Measure,
    RankConfig,
    SuggestConfig,
    TemplateSearchConfig,
    WordSearch,
    WordSearchConfig,
)
from pet.config.serving import ServingConfig
from pet.config.settings import CONFIGS, Settings
from pet.config.soft import (
    SOFT_KINDS,
    SOFT_RECIPES,
    DeepKind,
    SoftMember,
    SoftName,
    SoftStart,
    TemplateConfig,
)
from pet.config.study import StudyConfig
from pet.config.training import (
    BackboneConfig,
    ClassWeight,
    ObjectiveKind,
    OffsetsSource,
    Scope,
    TrainingConfig,
    WeightsScope,
    default_learning_rate,
)
from pet.config.unused import SlotUse, unused

__all__ = [
    "AdaptConfig",
    "BackboneConfig",
    "CONFIGS",
    "ClassWeight",
    "Combiner",
    "DeepKind",
    "DistillationConfig",
    "EnsembleConfig",
    "IpetConfig",
    "LMConfig",
    "LabelConfig",
    "METHODS",
    "Measure",
    "Method",
    "ObjectiveKind",
    "OffsetsSource",
    "RankConfig",
    "ReadoutKind",
    "Scope",
    "ServingConfig",
    "Settings",
    "SlotUse",
    "SOFT_KINDS",
    "SOFT_RECIPES",
    "SoftName",
    "SoftMember",
    "SoftStart",
    "StudyConfig",
    "SuggestConfig",
    "TemplateConfig",
    "TemplateSearchConfig",
    "TrainingConfig",
    "Weighting",
    "WeightsScope",
    "WordSearch",
    "WordSearchConfig",
    "choices_of",
    "deciding",
    "default_learning_rate",
    "names_of",
    "setting",
    "settings_but",
    "unused",
]
