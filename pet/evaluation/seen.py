"""Seen examples: those that a model was trained on, recognised among others by their texts."""

from __future__ import annotations

from pathlib import Path

from pet.data import labelled_in
from pet.runs import RunFolder


def seen_texts(model: str | Path) -> frozenset[tuple[str, ...]] | None:
    """Return the texts of the labelled examples of a run, by `Example.key`.

    Parameters
    ----------
    model : str or Path
        A run folder, or a folder in it, such as its classifier.

    Returns
    -------
    frozenset or None
        Training and development examples; None if no run says what they were.
    """
    path = Path(model).resolve()
    for place in (path, path.parent):
        if RunFolder.is_at(place):
            data = labelled_in(RunFolder(place))
            if data is None:
                return None
            return frozenset(example.key for example in [*data.train, *data.dev])
    return None
