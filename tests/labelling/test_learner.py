"""The learner's thread: its end waits for nothing that may last for ever."""

from __future__ import annotations

import threading
from pathlib import Path

from labelled import new_labelling, session_of

from pet.errors import DataError


def test_the_end_does_not_wait_for_a_model_that_is_being_loaded(tmp_path: Path) -> None:
    loaded = threading.Event()

    def slow() -> None:
        loaded.wait(60)
        raise DataError("The model is not there.")

    session = session_of(new_labelling(tmp_path))
    session.learner._make_reader = slow  # type: ignore[assignment]
    session.learner.start()
    session.learner.stop(patience=0.05)
    assert session.learner.is_running
    loaded.set()
    session.learner.stop()
    assert not session.learner.is_running
