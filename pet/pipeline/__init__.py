"""Pipeline: runs of a method, from data to a model."""

from pet.pipeline.checking import check
from pet.pipeline.run import asked, drop_leftovers, finished, run

__all__ = ["asked", "check", "drop_leftovers", "finished", "run"]
