"""Scoring: states at the masks -> label scores."""

from pet.scoring.base import Scorer
from pet.scoring.scorer import PVPScorer
from pet.scoring.together import score_mixed, score_together

__all__ = ["PVPScorer", "Scorer", "score_mixed", "score_together"]
