"""Runs: folders whose files are written by rename, so that what is there is whole."""

from pet.runs.folder import RunFolder

__all__ = ["RunFolder"]
