"""Soft templates that are other kinds with settings of their own, named as their papers do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """A kind in `pet.scoring.soft.KINDS` and what it is used with; None leaves a setting as it is.

    ``start`` says what pseudo tokens start as, ``readout`` how labels are read off the mask, and
    ``mixture`` is a number of templates where the settings name none.
    """

    kind: str
    start: str | None = None
    readout: str | None = None
    mixture: int = 1

    @classmethod
    def of(cls, name: str) -> Recipe:
        """Return what a name of `--soft` stands for."""
        return RECIPES.get(name) or cls(name)


RECIPES = {
    # Hambardzumyan et al., ACL 2021: slots that start as mask tokens, and a vector a label.
    "warp": Recipe("prompt-tuning", start="mask", readout="class-vectors"),
    # Qin and Eisner, NAACL 2021.
    "mixture": Recipe("prompt-tuning", mixture=4),
}
