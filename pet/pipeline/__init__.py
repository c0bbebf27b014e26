"""Pipeline: runs of a method, from data to a model."""

from pet.pipeline.run import asked, drop_leftovers, finished, run

__all__ = ["asked", "drop_leftovers", "finished", "run"]
