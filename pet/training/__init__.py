"""Training: one optimisation loop that knows no model."""

from pet.training.checkpoints import Checkpoint, optimise_resumably, optimise_together_resumably
from pet.training.loop import Fit, Group, Job, Loss, optimise, optimise_together
from pet.training.schedule import Schedule

__all__ = [
    "Checkpoint",
    "Fit",
    "Group",
    "Job",
    "Loss",
    "Schedule",
    "optimise",
    "optimise_resumably",
    "optimise_together",
    "optimise_together_resumably",
]
