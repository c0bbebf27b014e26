"""Training: one optimisation loop that knows no model."""

from pet.training.checkpoints import Checkpoint
from pet.training.job import Fit, Group, Job, Loss
from pet.training.keeper import Keeper
from pet.training.loop import optimise
from pet.training.schedule import Schedule

__all__ = ["Checkpoint", "Fit", "Group", "Job", "Keeper", "Loss", "Schedule", "optimise"]
