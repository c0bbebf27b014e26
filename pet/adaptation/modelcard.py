"""The model card of an adapted masked LM: its start, text, recipe and figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import transformers

from pet.backbone.cards import filled_card, in_cell
from pet.config import LMConfig
from pet.device import Compute

_TEMPLATE = Path(__file__).parent / "templates" / "card.md"


def model_card(
    start: str,
    sizes: Sequence[Mapping[str, Any]],
    config: LMConfig,
    seed: int,
    command: str,
    result: Mapping[str, Any],
    compute: Compute,
) -> str:
    """Return the text of the model's README.md.

    Parameters
    ----------
    start : str
        Name of the backbone that training started from.
    sizes : sequence of mapping
        Name, documents, characters and hash of every source.
    config : LMConfig
        Settings of the adaptation.
    seed : int
        Seed of all random draws.
    command : str
        Command line; empty for none.
    result : mapping
        The fields of `pet.adaptation.adapt.Adaptation`.
    compute : Compute
        Device and precision of the training.
    """
    recipe = {name: value for name, value in asdict(config).items() if value is not None}
    return filled_card(
        _TEMPLATE,
        start,
        {"pipeline_tag": "fill-mask", "library_name": "transformers"},
        result=result,
        before=_with_perplexity(result["before"]),
        after=_with_perplexity(result["after"]),
        sizes=[{**source, "name": in_cell(str(source["name"]))} for source in sizes],
        recipe=recipe | {"learning_rate": result["learning_rate"]},
        seed=seed,
        command=command,
        compute=compute,
        torch=torch.__version__,
        transformers=transformers.__version__,
    )


def _with_perplexity(figures: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not figures:
        return None
    return {**figures, "perplexity": f"{math.exp(min(figures['loss'], 700.0)):.4g}"}
