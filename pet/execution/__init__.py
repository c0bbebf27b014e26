"""Execution: work on a list of specs, in this process or in several."""

from pet.execution.base import Executor, Spec
from pet.execution.here import InProcess
from pet.execution.processes import Processes

__all__ = ["Executor", "InProcess", "Processes", "Spec", "executor_for"]


def executor_for(jobs: int) -> Executor:
    """Return an executor that works on ``jobs`` specs at once; use it as a context manager."""
    return InProcess() if jobs == 1 else Processes(jobs)
