"""What every kind of soft template is: learned values of a pattern's slots, and how they start."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Self, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from pet.backbone import LanguageModel
from pet.config import TemplateConfig
from pet.config.recipes import Recipe
from pet.encoding import Batch
from pet.encoding.slots import Prompt


@dataclass(frozen=True)
class SoftSpec:
    """Which soft template a member has: everything that its start depends on.

    ``kind`` is a name in `pet.scoring.soft.KINDS`; ``start`` says what pseudo tokens start
    as; ``seed`` is that of every draw; ``mixture`` is a number of templates. The rest
    is explained in `pet.config.TemplateConfig`.
    """

    kind: str = "prompt-tuning"
    start: str = TemplateConfig.soft_start
    seed: int = 0
    deep: str = TemplateConfig.soft_deep
    layers: str = TemplateConfig.soft_deep_layers
    mixture: int = 1

    @classmethod
    def named(cls, name: str) -> SoftSpec:
        """Return what a kind or a recipe is where nothing else is said."""
        recipe = Recipe.named(name)
        return cls(recipe.soft_kind, recipe.start or cls.start, mixture=recipe.mixture)


@dataclass(frozen=True)
class Site:
    """What a soft template is made from: its spec, the vectors (T, E) its slots start at."""

    spec: SoftSpec
    backbone: LanguageModel
    start: Tensor


class Soft(nn.Module, ABC):
    """The learned values of a pattern's slots: one template, or a mixture of some."""

    @property
    @abstractmethod
    def rate(self) -> float:
        """Default peak learning rate."""

    @property
    @abstractmethod
    def parts(self) -> tuple[SoftTemplate, ...]:
        """The templates that every row goes through the model with, one after the other."""

    @abstractmethod
    def fill(self, batch: Batch) -> Batch:
        """Put the templates into the slots of a batch."""

    @abstractmethod
    def unfold(self) -> None:
        """Make ready for training; random weights are drawn from torch's own generator."""

    @abstractmethod
    def fold(self) -> None:
        """Drop what only training needs; the prompts stay the same."""


class SoftTemplate(Soft):
    """T vectors that are trained as they are; other kinds change how.

    A kind overrides `forward`, and `unfold` where training goes through something that is not kept,
    such as an encoder of the vectors: it is a parametrization in torch's sense.

    Parameters
    ----------
    site : Site
        Where it starts.
    """

    # Default peak learning rate: the best of five on one draw of two tasks; of prefix the lowest of
    # three that are alike there (benchmarks/RESULTS.md).
    rate: ClassVar[float] = 1e-2

    start: Tensor
    began: Tensor

    def __init__(self, site: Site) -> None:
        super().__init__()
        # Only for training and for people to look at; made again from the spec, so not in the file.
        self.register_buffer("start", site.start, persistent=False)
        self.vectors = nn.Parameter(site.start.clone())

    def forward(self) -> Prompt:
        """Return what is put into the model."""
        return Prompt(self.vectors)

    @torch.no_grad()
    def begin(self) -> Self:
        """Remember what is to be learned as it is now, and return the template."""
        self.register_buffer("began", self().by_slot().clone(), persistent=False)
        return self

    @torch.no_grad()
    def moved(self) -> Tensor:
        """How far each slot has gone since `begin`, relative to where that was: (T,)."""
        change = self().by_slot() - self.origin
        moved: Tensor = change.norm(dim=1) / self.origin.norm(dim=1)
        return moved

    @property
    def origin(self) -> Tensor:
        """What is learned of each slot as it was at first, (T, F)."""
        return self.began

    @property
    def parts(self) -> tuple[SoftTemplate, ...]:
        """Itself alone."""
        return (self,)

    def fill(self, batch: Batch) -> Batch:
        """Put the template into the slots of a batch."""
        return replace(
            batch, fillings=tuple(replace(filling, prompt=self) for filling in batch.fillings)
        )

    def unfold(self) -> None:
        """Go through something else in training; vectors are trained as they are."""

    def fold(self) -> None:
        """Keep what came of the parametrizations, and drop them; the prompt stays the same."""
        if parametrize.is_parametrized(self):
            for name in list(cast(nn.ModuleDict, self.parametrizations)):
                parametrize.remove_parametrizations(self, name)


@torch.no_grad()
def word_vectors(backbone: LanguageModel, ids: Tensor) -> Tensor:
    """Input embeddings of tokens (K,) -> (K, E), as copies."""
    vectors: Tensor = backbone.model.get_input_embeddings()(ids.to(backbone.compute.device))
    return vectors.detach().float().clone()
