"""Recipes: soft templates from papers, each a kind with certain settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """A kind of soft template and the settings that it is used with.

    Parameters
    ----------
    soft_kind : str
        Name in `pet.scoring.soft.KINDS`.
    start : str, optional
        Start of pseudo tokens, instead of the setting ``soft_start``.
    readout : str, optional
        Readout of labels at the mask, instead of the setting of that name.
    mixture : int
        Number of templates, unless the settings name one.
    """

    soft_kind: str
    start: str | None = None
    readout: str | None = None
    mixture: int = 1

    @classmethod
    def named(cls, name: str) -> Recipe:
        """Return the recipe of a name that ``--soft`` takes; a plain kind changes no setting."""
        return RECIPES.get(name) or cls(name)


RECIPES = {
    # Hambardzumyan et al., ACL 2021: slots that start as mask tokens, and a vector for each label.
    "warp": Recipe("prompt-tuning", start="mask", readout="class-vectors"),
    # Qin and Eisner, NAACL 2021.
    "mixture": Recipe("prompt-tuning", mixture=4),
}
