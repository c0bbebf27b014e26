"""Scoring: states at the masks -> label scores."""

from pet.scoring.scorer import PVPScorer
from pet.scoring.together import score, score_mixed, score_together

__all__ = ["PVPScorer", "score", "score_mixed", "score_together"]
