"""The base of soft templates: learned values of a pattern's slots, and their start."""

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
    """A member's soft template before it is made: everything that its start depends on.

    ``kind`` is a name in `pet.scoring.soft.KINDS`, ``start`` the start of pseudo tokens, ``seed``
    the seed of every draw, ``mixture`` a number of templates. `pet.config.TemplateConfig` explains
    the rest.
    """

    kind: str = "prompt-tuning"
    start: str = TemplateConfig.soft_start
    seed: int = 0
    deep: str = TemplateConfig.soft_deep
    layers: str = TemplateConfig.soft_deep_layers
    mixture: int = 1

    @classmethod
    def named(cls, name: str) -> SoftSpec:
        """Return a kind or a recipe with default settings."""
        recipe = Recipe.named(name)
        return cls(recipe.soft_kind, recipe.start or cls.start, mixture=recipe.mixture)


@dataclass(frozen=True)
class Site:
    """The place of a soft template: its spec, the backbone, the vectors (T, E) slots start at."""

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
        """The templates; every row goes through the model once with each."""

    @abstractmethod
    def fill(self, batch: Batch) -> Batch:
        """Put the templates into the slots of a batch."""

    @abstractmethod
    def unfold(self) -> None:
        """Make ready for training; random weights are drawn from torch's global generator."""

    @abstractmethod
    def fold(self) -> None:
        """Drop what only training needs; the prompts stay the same."""


class SoftTemplate(Soft):
    """Base class: T free vectors. Subclasses change how they are parametrised.

    A subclass overrides `forward`. If it trains through a network that is not kept, such as an
    encoder of the vectors, it overrides `unfold` and registers it as a parametrization of torch.

    Parameters
    ----------
    site : Site
        Spec, backbone and start.
    """

    # Default peak learning rate: the best of five on one draw of two tasks; of prefix the lowest of
    # three that are alike there (benchmarks/RESULTS.md).
    rate: ClassVar[float] = 1e-2

    start: Tensor
    began: Tensor

    def __init__(self, site: Site) -> None:
        super().__init__()
        # For training and for people to look at; made again from the spec, so not in the file.
        self.register_buffer("start", site.start, persistent=False)
        self.vectors = nn.Parameter(site.start.clone())

    def forward(self) -> Prompt:
        """Return the values that are put into the model."""
        return Prompt(self.vectors)

    @torch.no_grad()
    def begin(self) -> Self:
        """Remember the values that are to be learned, and return the template."""
        self.register_buffer("began", self().by_slot().clone(), persistent=False)
        return self

    @torch.no_grad()
    def moved(self) -> Tensor:
        """Compute each slot's change since `begin`, (T,): its norm over the norm of the start."""
        change = self().by_slot() - self.origin
        moved: Tensor = change.norm(dim=1) / self.origin.norm(dim=1)
        return moved

    @property
    def origin(self) -> Tensor:
        """The values learned for each slot, before training, (T, F)."""
        return self.began

    @property
    def parts(self) -> tuple[SoftTemplate, ...]:
        """The template alone."""
        return (self,)

    def fill(self, batch: Batch) -> Batch:
        """Put the template into the slots of a batch."""
        return replace(
            batch, fillings=tuple(replace(filling, prompt=self) for filling in batch.fillings)
        )

    def unfold(self) -> None:
        """Do nothing: the vectors are trained directly."""

    def fold(self) -> None:
        """Keep the output of parametrizations, and drop them; the prompt stays the same."""
        if parametrize.is_parametrized(self):
            for name in list(cast(nn.ModuleDict, self.parametrizations)):
                parametrize.remove_parametrizations(self, name)


@torch.no_grad()
def word_vectors(backbone: LanguageModel, ids: Tensor) -> Tensor:
    """Copy the input embeddings of tokens: (K,) -> (K, E)."""
    vectors: Tensor = backbone.model.get_input_embeddings()(ids.to(backbone.compute.device))
    return vectors.detach().float().clone()
