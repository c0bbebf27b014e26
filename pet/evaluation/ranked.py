"""Ranked patterns: figures on held-out examples, the best pattern first, as a table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pet.evaluation.tables import names_below, percent, text_table
from pet.task import Task

_SURE = 0.95


@dataclass(frozen=True)
class RankedPattern:
    """One pattern's figures on held-out examples.

    ``log_likelihood`` is the mean log-probability of the true label, in nats, with the 95 %
    bootstrap interval from ``low`` to ``high``; ``best`` the share of the bootstrap's draws in
    which it is the highest; ``agreement`` the share of unlabelled texts to which the other
    patterns' ensemble gives the same label, None without such texts or other patterns.
    """

    pattern: int
    template: str
    log_likelihood: float
    low: float
    high: float
    accuracy: float
    best: float
    agreement: float | None


@dataclass(frozen=True)
class Ranking:
    """Patterns, the best first, and the conditions of the comparison."""

    task: Task
    patterns: tuple[RankedPattern, ...]
    examples: int
    halvings: int
    trained: bool

    @property
    def sure(self) -> list[int]:
        """The fewest patterns of which one is the best with 95 % probability."""
        ranked = sorted(self.patterns, key=lambda row: -row.best)
        before = np.cumsum([0.0, *(row.best for row in ranked[:-1])])
        return [row.pattern for row, share in zip(ranked, before, strict=True) if share < _SURE]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "task": self.task.name,
            "examples": self.examples,
            "halvings": self.halvings,
            "trained": self.trained,
            "sure": self.sure,
            "patterns": [asdict(row) for row in self.patterns],
        }

    def table(self) -> str:
        """Return the table as text, and a sentence about its certainty."""
        rows = [
            [
                str(row.pattern),
                f"{row.log_likelihood:.3f}",
                f"{row.low:.3f} to {row.high:.3f}",
                percent(row.accuracy),
                percent(row.best),
                percent(row.agreement),
            ]
            for row in self.patterns
        ]
        header = ["pattern", "log-likelihood", "95 % interval", "accuracy", "is best", "agreement"]
        templates = {str(row.pattern): row.template for row in self.patterns}
        first, sure = self.patterns[0], ", ".join(map(str, sorted(self.sure)))
        doubt = "" if self.trained else " Training may change that: keep several if you can."
        return (
            f"{text_table(rows, header)}\n\n"
            f"{names_below(templates)}\n\n"
            f"{self.examples} examples, {self.halvings} random halvings, patterns "
            f"{'trained on each half' if self.trained else 'without training'}; "
            f"a guess has {-np.log(len(self.task.labels)):.3f}.\n"
            f"On these examples pattern {first.pattern} is the best with {percent(first.best)} % "
            f"probability; with 95 % it is one of {sure}.{doubt}"
        )
