"""Layout of a labelling folder: what `pet label` keeps."""

from __future__ import annotations

from pathlib import Path

from pet.runs.folder import Folder
from pet.runs.storage import Content


class LabellingFolder(Folder):
    """Folder of `pet label`: a SQLite file with every click, and what can be made again from it."""

    noun = "a labelling"
    record = "labelling.json"

    labels = Content("labels.sqlite")
    log_ahead = Content("labels.sqlite-wal")
    shared_memory = Content("labels.sqlite-shm")
    vectors = Content("vectors.f16")
    probabilities = Content("probabilities.f16")
    evidence = Content("evidence.json")
    task = Content("labelling_task.py")
    labelled = Content("by_hand.jsonl")
    pool = Content("not_labelled.jsonl")
    trained = Content("trained")
    training_log = Content("training.txt")
    entrance = Content("open_page.html")

    def file(self, name: str) -> Path:
        """Return the path of a file or folder in it."""
        return self.path / name

    def runs(self) -> list[str]:
        """Return the names of the runs that were trained from its labels, the oldest first."""
        folders = [path for path in (self.path / self.trained).glob("*") if path.is_dir()]
        return [path.name for path in sorted(folders, key=lambda path: path.stat().st_mtime)]
