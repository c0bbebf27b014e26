"""The figures of a run as its folder keeps them, by the names of members and generations."""

from __future__ import annotations

from typing import Any

from pet.runs import RunFolder


def generation_key(number: int) -> str:
    """Name the ensemble of a generation among a run's evaluations."""
    return f"generation-{number}"


def read_metrics(folder: RunFolder) -> dict[str, Any]:
    """Read a run's figures: ``rows``, ``test`` and ``generations``; empty where there are none."""
    if not folder.has(folder.metrics):
        return {}
    metrics = dict(folder.read_json(folder.metrics))
    for part in ("rows", "test"):
        metrics[part] = {_name(key): value for key, value in metrics.get(part, {}).items()}
    return metrics


def _name(key: str) -> str:
    """Read a key of earlier editions, which was text to show: "pattern-0  {text} It was {mask}."""
    name = key.split("  ")[0]
    return name.replace("generation ", "generation-") if name.startswith("generation ") else name
