"""Execution: a list of specs is run here or in processes."""

from pet.execution.executor import finished

__all__ = ["finished"]
