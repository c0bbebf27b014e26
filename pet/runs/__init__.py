"""Runs: folders of results, the names of their files, and safe writing of these."""

from pet.runs.folder import Folder
from pet.runs.labelling import LabellingFolder
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
    "LabellingFolder",
    "RunFolder",
    "StudyFolder",
    "StudyTaskFolder",
    "generation_name",
]
