"""The way to read an architecture: the first that gives the model's own logits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pet.errors import BackboneError, is_out_of_memory

if TYPE_CHECKING:
    from pet.backbone.base import LanguageModel

log = logging.getLogger(__name__)


def choose(
    backbone: LanguageModel,
    attribute: str,
    values: Iterable[Any],
    fast: Callable[[], Tensor],
    full: Tensor,
) -> None:
    """Set an attribute to the first value with which ``fast`` gives the model's own logits.

    Parameters
    ----------
    backbone : LanguageModel
        The model.
    attribute : str
        Name of its attribute.
    values : iterable
        Candidates for this architecture, fastest first.
    fast : callable
        Computes logits (..., V) with one of them.
    full : Tensor (..., V)
        The model's own.

    Raises
    ------
    BackboneError
        When no value does, or the model's own logits are not finite.
    """
    if not bool(full.isfinite().all()):
        raise BackboneError(
            f"Backbone {backbone.name!r}: its logits are not finite.",
            "Its weights are damaged, or its config.json is that of another model.",
        )
    tolerance = 1e-3 * float(full.abs().max()) + 1e-4
    for value in values:
        setattr(backbone, attribute, value)
        try:
            logits = fast()
        except (RuntimeError, IndexError, AttributeError, TypeError, ValueError) as error:
            if is_out_of_memory(error):
                raise
            continue
        if logits.shape == full.shape and torch.allclose(logits, full, atol=tolerance):
            return
        log.info("%s: its logits differ; trying another way", backbone.name)
    raise BackboneError(
        f"Backbone {backbone.name!r}: logits {backbone.predicts} could not be reproduced for the "
        f"architecture {backbone.model.config.model_type!r}.",
        backbone.instead,
    )
