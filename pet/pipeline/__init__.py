"""Pipeline: the steps of a method, from data to a model."""

from pet.pipeline.run import asked, finished, run

__all__ = ["asked", "finished", "run"]
