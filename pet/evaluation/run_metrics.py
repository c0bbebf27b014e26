"""Run metrics: the figures in a run's folder, by the names of members and generations."""

from __future__ import annotations

from typing import Any

from pet.runs import RunFolder


def generation_key(number: int) -> str:
    """Return the name of a generation's ensemble among a run's evaluations."""
    return f"generation-{number}"


def read_metrics(folder: RunFolder) -> dict[str, Any]:
    """Read a run's figures: ``rows``, ``test`` and ``generations``; {} if there are none."""
    if not folder.has(folder.metrics):
        return {}
    with folder.reading(folder.metrics):
        metrics = dict(folder.read_json(folder.metrics))
        for table in ("rows", "test"):
            metrics[table] = {row_name(key): value for key, value in metrics.get(table, {}).items()}
        return metrics


def row_name(key: str) -> str:
    """Return the name in a key of earlier versions, such as "pattern-0  {text} It was {mask}."""
    name = key.split("  ")[0]
    return name.replace("generation ", "generation-") if name.startswith("generation ") else name
