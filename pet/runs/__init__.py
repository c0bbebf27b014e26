"""Runs: folders whose files are written by rename, and the names of all that they hold."""

from pet.runs.folder import Folder
from pet.runs.layout import (
    AdaptationFolder,
    ModelFiles,
    PromptFiles,
    RunFolder,
    StudyFolder,
    StudyTaskFolder,
    generation_name,
)

__all__ = [
    "AdaptationFolder",
    "Folder",
    "ModelFiles",
    "PromptFiles",
    "RunFolder",
    "StudyFolder",
    "StudyTaskFolder",
    "generation_name",
]
