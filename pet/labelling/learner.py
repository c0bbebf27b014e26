"""Learner: reads the pool and fits quick models in the background, while people label."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from pet.data import Example
from pet.errors import PetError
from pet.labelling.clicks import Clicks
from pet.labelling.evidence_files import EvidenceFiles
from pet.labelling.reader import TextReader
from pet.labelling.rounds import Round, Rounds
from pet.labelling.texts import Texts

log = logging.getLogger(__name__)
# Texts read at a time: few, so that the first choice comes early and an end is soon heard of.
_CHUNK = 32


class Learner:
    """A thread that reads the pool's texts and fits a quick model after every few labels.

    Parameters
    ----------
    texts, clicks, evidence, rounds
        The labelling.
    make_reader : callable
        Loads the model that reads texts; called in the thread, as that takes seconds.
    every : int
        New clicks after which a model is fitted.
    """

    def __init__(
        self,
        texts: Texts,
        clicks: Clicks,
        evidence: EvidenceFiles,
        rounds: Rounds,
        make_reader: Callable[[], TextReader],
        every: int,
    ) -> None:
        self._texts, self._clicks, self._evidence = texts, clicks, evidence
        self._rounds, self._make_reader, self._every = rounds, make_reader, every
        self._reader: TextReader | None = None
        self._wake, self._ended = threading.Event(), threading.Event()
        self._revision = 0
        self._read_at = 0
        self.round: Round | None = None
        self.error: str | None = None
        self._thread = threading.Thread(target=self._run, name="learner", daemon=True)

    @property
    def read(self) -> tuple[int, int]:
        """How many texts were read, and of how many."""
        return self._evidence.done, self._evidence.size

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, patience: float = 10.0) -> None:
        """End the thread after what it is doing, or leave it after some seconds.

        A model that is being loaded or downloaded cannot be interrupted: see `is_running`.
        """
        self._ended.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(patience)

    @property
    def is_running(self) -> bool:
        """Whether the thread works, perhaps after `stop`; nothing that it does is lost then."""
        return self._thread.is_alive()

    def tell(self) -> None:
        """Say that somebody has labelled a text, or taken a label back."""
        self._wake.set()

    def work(self) -> bool:
        """Do the next piece of work; tell whether there was any."""
        if self._is_round_due():
            self._revision, self._read_at = self._clicks.revision(), self._evidence.done
            self.round = self._rounds.next()
            return True
        if self._evidence.done < self._evidence.size:
            if self._reader is None:
                self._reader = self._make_reader()
            start = self._evidence.done
            chunk = self._texts.at(range(start, min(start + _CHUNK, self._evidence.size)))
            self._evidence.append(self._reader.read([Example(text.fields) for text in chunk]))
            return True
        return False

    def _is_round_due(self) -> bool:
        done = self._evidence.done
        if not done:
            return False
        if self.round is None:
            return True
        # Not texts but clicks: a label that was put right is to be learned too.
        new = self._clicks.revision() - self._revision
        is_grown = done >= 2 * self._read_at or (done == self._evidence.size > self._read_at)
        return new >= self._every or is_grown

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                self._wake.clear()
                if not self.work():
                    self._reader = None  # all is read: the model's memory is free again
                    self._wake.wait()
        except PetError as error:
            self.error = error.message
        except Exception as error:
            log.exception("The texts cannot be read")
            self.error = f"The model stopped: {type(error).__name__}: {error}"
