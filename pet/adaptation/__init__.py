"""Adaptation: continued masked-LM training of a backbone on raw text."""

from pet.adaptation.adapt import Adaptation, adapt
from pet.adaptation.corpus import Source

__all__ = ["Adaptation", "Source", "adapt"]
