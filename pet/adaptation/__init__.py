"""Adaptation: masked language modelling on raw text."""

from pet.adaptation.adapt import Adaptation, adapt
from pet.adaptation.corpus import Source

__all__ = ["Adaptation", "Source", "adapt"]
