"""Task: labels, text fields, patterns and label words."""

from pet.task.loading import load_task, task_names
from pet.task.pattern import Pattern
from pet.task.pvp import PVP
from pet.task.task import Task
from pet.task.verbalizer import Verbalizer

__all__ = ["PVP", "Pattern", "Task", "Verbalizer", "load_task", "task_names"]
