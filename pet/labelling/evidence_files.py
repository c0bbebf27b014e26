"""Evidence on disk: vectors and probabilities of a pool's texts, in half precision, by place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pet.labelling.quick_model import Evidence
from pet.labelling.schema import Database
from pet.runs import LabellingFolder

_DONE = "texts read"


class EvidenceFiles:
    """Stored readings of the first texts of the random order, by the backbone.

    It is mapped from files, so memory does not grow with the pool: 2 bytes a number, about 800
    bytes a text with pet-mini. A process that is killed loses the texts it was just reading.

    Parameters
    ----------
    folder : LabellingFolder
        Where the files are.
    database : Database
        Keeps how many texts were read.
    size : int
        Number of texts to be read, N.
    """

    def __init__(self, folder: LabellingFolder, database: Database, size: int) -> None:
        self._folder, self._database, self.size = folder, database, size
        self._vectors: np.memmap | None = None
        self._members: np.memmap | None = None
        self._weights: NDArray[np.float64] = np.zeros(0)
        self.done = 0
        if folder.has(folder.evidence):
            self._open()

    def append(self, evidence: Evidence) -> None:
        """Add the evidence of the next texts."""
        if self._vectors is None or self._members is None:
            self._make(evidence)
        assert self._vectors is not None
        assert self._members is not None
        rows = slice(self.done, self.done + len(evidence))
        self._vectors[rows] = evidence.vectors
        self._members[rows] = np.swapaxes(evidence.members, 0, 1)
        self._vectors.flush()
        self._members.flush()
        with self._database.writing() as writer:
            writer.execute("INSERT OR REPLACE INTO progress VALUES (?, ?)", (_DONE, rows.stop))
        self.done = rows.stop

    def rows(self, rows: slice | Sequence[int]) -> Evidence:
        """Return the evidence of texts by their places."""
        if self._vectors is None or self._members is None:
            return Evidence(np.zeros((0, 1), np.float16), np.zeros((0, 0, 0)), self._weights)
        members = np.swapaxes(self._members[rows], 0, 1)
        return Evidence(self._vectors[rows], members, self._weights)

    def _make(self, evidence: Evidence) -> None:
        folder = self._folder
        n_members, _, n_labels = evidence.members.shape
        for name, shape in (
            (folder.vectors, (self.size, evidence.vectors.shape[1])),
            (folder.probabilities, (self.size, n_members, n_labels)),
        ):
            folder.remove(name)
            np.memmap(folder.file(name), np.float16, "w+", shape=shape).flush()
        folder.write_json(
            folder.evidence,
            {
                "width": evidence.vectors.shape[1],
                "members": n_members,
                "labels": n_labels,
                "weights": evidence.weights.tolist(),
            },
        )
        self._open()

    def _open(self) -> None:
        folder = self._folder
        about = folder.read_json(folder.evidence)
        if not all(folder.has(name) for name in (folder.vectors, folder.probabilities)):
            folder.remove(folder.evidence)  # a part was removed: all is read again
            with self._database.writing() as writer:
                writer.execute("DELETE FROM progress WHERE name = ?", (_DONE,))
            return
        # Texts that came later have later places: the files only become longer.
        vectors = (self.size, about["width"])
        members = (self.size, about["members"], about["labels"])
        self._vectors = np.memmap(folder.file(folder.vectors), np.float16, "r+", shape=vectors)
        self._members = np.memmap(
            folder.file(folder.probabilities), np.float16, "r+", shape=members
        )
        self._weights = np.asarray(about["weights"])
        with self._database.reading() as reader:
            row = reader.execute("SELECT value FROM progress WHERE name = ?", (_DONE,)).fetchone()
        self.done = 0 if row is None else min(int(row[0]), self.size)
