"""Prompt tuning: the slots' vectors are trained directly.

Source: Lester et al. 2021 (EMNLP). There slots stand before the text; here they stand anywhere.
"""

from __future__ import annotations

from pet.scoring.soft.template import SoftTemplate


class PromptTuning(SoftTemplate):
    """One free vector a slot."""
