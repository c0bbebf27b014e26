"""The model card of an adapted masked LM: its start, text, recipe and figures."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import transformers

from pet.config import LMConfig
from pet.device import Compute
from pet.version import __version__


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
    recipe["learning_rate"] = result["learning_rate"]
    lines = ["---", "pipeline_tag: fill-mask", "library_name: transformers"]
    # A card may name another model only as the hub does.
    if start.count("/") == 1 and not Path(start).exists():
        lines.append(f"base_model: {json.dumps(start)}")
    lines += [
        "---",
        "",
        "# An adapted masked language model",
        "",
        f"Made by `pet adapt` {__version__} from `{start}`: {result['steps']} optimiser steps "
        f"of masked-LM training on {result['tokens']:,} tokens of raw text, "
        f"{result['seconds']:.0f} seconds on {compute.device.type} in {compute.precision}.",
        *(
            ["", "The start had no masked-LM head; this one's was made new, tied to the words."]
            if result["new_head"]
            else []
        ),
        "",
        "## Text",
        "",
        "| source | documents | characters | sha256 |",
        "| --- | ---: | ---: | --- |",
        *(
            f"| {s['name']} | {s['documents']:,} | {s['characters']:,} | {s['sha256']} |"
            for s in sizes
        ),
        "",
        "## Figures",
        "",
        *_figures(result),
        "",
        "## Recipe",
        "",
        f"Seed {seed}; AdamW, cosine schedule with warm-up. torch {torch.__version__}, "
        f"transformers {transformers.__version__}.",
        "",
        *(f"- {name}: {value}" for name, value in recipe.items()),
        "",
        *(["## Command", "", "```", command, "```", ""] if command else []),
        "## Limits",
        "",
        f"It knows the languages of `{start}` and of the text above, and carries what they carry: "
        "their errors, their bias, and their licences. It fills in masks; it is meant as a start "
        "for few-shot training with `pet`, not for use as it is.",
        "",
    ]
    return "\n".join(lines)


def _figures(result: Mapping[str, Any]) -> list[str]:
    before, after = result["before"], result["after"]
    if not before or not after:
        return ["No text was held out, so nothing was measured."]
    return [
        f"On {after['tokens']:,} masked tokens of held-out documents (15 % masked, all by the "
        "mask token, the same ones before and after):",
        "",
        "| | before | after |",
        "| --- | ---: | ---: |",
        f"| cross entropy (nats) | {before['loss']:.3f} | {after['loss']:.3f} |",
        f"| perplexity | {_exp(before['loss'])} | {_exp(after['loss'])} |",
        f"| accuracy | {before['accuracy']:.1%} | {after['accuracy']:.1%} |",
    ]


def _exp(loss: float) -> str:
    return f"{math.exp(min(loss, 700.0)):.4g}"
