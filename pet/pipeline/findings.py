"""Findings of a check: facts, faults, warnings, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pet.errors import PetError


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

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Add an error of `pet` inside this context to the refusals, and go on behind it."""
        try:
            yield
        except PetError as error:
            self.refusals.append(error.message)

    def once(self) -> Findings:
        """Return the findings without those that are there twice."""
        return Findings(*(list(dict.fromkeys(texts)) for texts in vars(self).values()))
