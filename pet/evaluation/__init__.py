"""Evaluation: how good a model is, and the evidence for it."""

from typing import TYPE_CHECKING

from pet.lazy import loaded_on_use

if TYPE_CHECKING:
    from pet.evaluation.explanation import explain_text as explain_text
    from pet.evaluation.model_metrics import evaluate as evaluate
    from pet.evaluation.pages import page as page
    from pet.evaluation.ranking import rank_patterns as rank_patterns
    from pet.evaluation.run_report import run_report as run_report
    from pet.evaluation.study.fewshot import few_shot_study as few_shot_study

_HOMES = {
    "evaluate": "pet.evaluation.model_metrics",
    "explain_text": "pet.evaluation.explanation",
    "few_shot_study": "pet.evaluation.study.fewshot",
    "page": "pet.evaluation.pages",
    "rank_patterns": "pet.evaluation.ranking",
    "run_report": "pet.evaluation.run_report",
}
__all__ = sorted(_HOMES)
__getattr__ = loaded_on_use(__name__, _HOMES)
