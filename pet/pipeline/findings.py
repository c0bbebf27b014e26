"""Findings of a check: facts, faults, warnings, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Findings:
    """Results of checks of data.

    Parameters
    ----------
    lines : list of str
        Facts.
    refusals : list of str
        Faults for which `pet train` would refuse the data.
    warnings : list of str
        What it would take, though it is probably not meant.
    notes : list of str
        What is missing, and what that means.
    """

    lines: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def once(self) -> Findings:
        """Return the findings without those that are there twice."""
        return Findings(*(list(dict.fromkeys(texts)) for texts in vars(self).values()))
