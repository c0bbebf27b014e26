"""Models: what every finished model can do, and what is done alike for all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from pet.encoding import TextTokenizer
from pet.errors import RunError
from pet.model.about import About
from pet.task import Task
from pet.types import Scores, Texts


class Scoring(Protocol):
    """A scorer of texts: logits of the labels of a task."""

    @property
    def task(self) -> Task:
        """Labels and fields."""

    def scores(self, texts: Texts) -> Scores:
        """Score N texts: (N, C), whose softmax is probabilities (the sigmoid, if multi-label)."""


class Model(Scoring, Protocol):
    """The result of a run: it scores texts and can be saved."""

    about: About

    @property
    def tokenizer(self) -> TextTokenizer:
        """Tokenizer of the texts."""

    def save(self, folder: Path, dtype: torch.dtype = torch.float32) -> None:
        """Write weights and settings; numbers of the weights are of type ``dtype`` there."""

    def record(self) -> dict[str, Any]:
        """Return what `pet.model.saving.load_model` needs besides, as JSON values."""


def save_weights(model: Any, folder: Path, dtype: torch.dtype) -> None:
    """Write a model of transformers with weights of a type; its config.json asks for fp32."""
    if dtype == torch.float32:
        model.save_pretrained(folder)
        return
    weights = {
        name: weight.to(dtype) if weight.is_floating_point() else weight
        for name, weight in model.state_dict().items()
    }
    model.save_pretrained(folder, state_dict=weights)


def finite(scores: Scores, model: str) -> Scores:
    """Return a model's scores if they are numbers: probabilities could not be made of others.

    Raises
    ------
    RunError
        When some are infinite or NaN.
    """
    if not np.isfinite(scores).all():
        raise RunError(
            f"The scores of this {model} are not finite.",
            "Its weights are damaged: train it again. In fp16 numbers may also grow too large; "
            "use `--precision fp32`.",
        )
    return scores
