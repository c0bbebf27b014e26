"""The queue: requests of many callers become batches for the one thread that runs the model."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

log = logging.getLogger(__name__)

# Of the time a text takes, how much the newest batch counts in the average.
_NEWEST = 0.2
_LONGEST_RETRY = 60


class Work(Protocol):
    """Work on items that may come from several requests: those of one `Work` are done together."""

    @property
    def most(self) -> int:
        """Most items of a batch."""

    def run(self, items: Sequence[Any]) -> Sequence[Any]:
        """Return a result for each item, in their order."""


class QueueFull(Exception):
    """So many items wait that no more are taken.

    Attributes
    ----------
    retry_after : int
        Seconds until those that wait now are done, as far as is known.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"come back in {retry_after} s")
        self.retry_after = retry_after


class QueueClosed(Exception):
    """The queue takes nothing more; what it had taken is still done."""


class Ticket:
    """A request in the queue.

    Attributes
    ----------
    future : Future
        The results of its items, in their order, or the error of one of them.
    """

    def __init__(self, work: Work, items: Sequence[Any]) -> None:
        self.future: Future[list[Any]] = Future()
        self.work = work
        self.results: list[Any] = [None] * len(items)
        self.missing = len(items)


@dataclass
class _Piece:
    """Items of one request that are done in one batch; ``start`` is the first one's place in it."""

    ticket: Ticket
    start: int
    items: Sequence[Any]
    arrived: float = field(default_factory=time.monotonic)


class BatchQueue:
    """Bounded queue with one thread that does its work batch by batch.

    The piece that has waited longest decides what is done next; those behind it for the same work
    join it, in their order, up to the most that the work takes. A batch begins when it is full, or
    when its first piece has waited ``wait`` seconds: while the thread is busy that time passes
    anyway. A request of more items than a batch takes is done in several.

    Parameters
    ----------
    bound : int
        Most items that wait.
    wait : float
        Seconds that a piece waits for others to join it.
    on_batch : callable, optional
        Told the number of items and the seconds of every batch.
    """

    def __init__(
        self,
        bound: int,
        wait: float = 0.005,
        on_batch: Callable[[int, float], object] = lambda items, seconds: None,
    ) -> None:
        self.bound = bound
        self._wait = wait
        self._on_batch = on_batch
        self._pieces: deque[_Piece] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._finished: list[Ticket] = []
        self._waiting = 0
        self._running = 0
        self._seconds_an_item = 0.0
        self._thread = threading.Thread(target=self._loop, name="pet-model", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Number of items that wait."""
        return self._waiting

    @property
    def unfinished(self) -> int:
        """Number of items that wait or are being worked on."""
        return self._waiting + self._running

    @property
    def alive(self) -> bool:
        """Whether work is still done."""
        return self._thread.is_alive()

    @property
    def closed(self) -> bool:
        """Whether nothing more is taken."""
        return self._closed

    @property
    def full(self) -> bool:
        """Whether not even one more item would be taken."""
        return self._waiting >= self.bound

    @property
    def retry_after(self) -> int:
        """Seconds in which all that waits now may be done: 1 to 60."""
        seconds = self.unfinished * self._seconds_an_item
        return min(_LONGEST_RETRY, max(1, math.ceil(seconds)))

    def submit(self, work: Work, items: Sequence[Any]) -> Ticket:
        """Take a request with at least one item; returns at once.

        Raises
        ------
        QueueFull
            When its items are more than may still wait.
        QueueClosed
            After `close`.
        """
        ticket = Ticket(work, items)
        with self._changed:
            if self._closed:
                raise QueueClosed
            if self._waiting + len(items) > self.bound:
                raise QueueFull(self.retry_after)
            for start in range(0, len(items), work.most):
                self._pieces.append(_Piece(ticket, start, items[start : start + work.most]))
            self._waiting += len(items)
            self._changed.notify()
        return ticket

    def give_up(self, ticket: Ticket) -> None:
        """Take a request that nobody waits for any longer out of the queue."""
        with self._changed:
            self._remove(ticket)
        ticket.future.cancel()

    def close(self, timeout: float | None = None) -> None:
        """Take nothing more, and wait until everything that was taken is done."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout)

    def _remove(self, ticket: Ticket) -> None:
        others = [piece for piece in self._pieces if piece.ticket is not ticket]
        self._waiting -= sum(len(p.items) for p in self._pieces if p.ticket is ticket)
        self._pieces = deque(others)

    def _loop(self) -> None:
        while batch := self._next():
            started = time.monotonic()
            self._do(batch)
            seconds, size = time.monotonic() - started, self._running
            self._running = 0
            known = self._seconds_an_item
            self._seconds_an_item = (
                _NEWEST * seconds / size + (1 - _NEWEST) * known if known else seconds / size
            )
            try:
                self._on_batch(size, seconds)
            except Exception:  # who counts may err; the work goes on
                log.exception("A batch was not counted.")
            # Answered after it was counted: whoever has an answer finds it among the counts.
            for ticket in self._finished:
                if ticket.future.set_running_or_notify_cancel():
                    ticket.future.set_result(ticket.results)
            self._finished.clear()

    def _next(self) -> list[_Piece]:
        """Wait for the next batch and take it; an empty one is the end."""
        with self._changed:
            while True:
                if not self._pieces:
                    if self._closed:
                        return []
                    self._changed.wait()
                    continue
                first = self._pieces[0]
                batch = self._joining(first)
                size = sum(len(piece.items) for piece in batch)
                left = first.arrived + self._wait - time.monotonic()
                if size < first.ticket.work.most and left > 0 and not self._closed:
                    self._changed.wait(left)
                    continue
                taken = {id(piece) for piece in batch}
                self._pieces = deque(p for p in self._pieces if id(p) not in taken)
                self._waiting -= size
                self._running = size
                return batch

    def _joining(self, first: _Piece) -> list[_Piece]:
        """Return the pieces of one batch: of the first one's work, in their order."""
        work = first.ticket.work
        batch: list[_Piece] = []
        room = work.most
        for piece in self._pieces:
            if piece.ticket.work is work:
                if len(piece.items) > room:
                    break
                batch.append(piece)
                room -= len(piece.items)
        return batch

    def _do(self, batch: list[_Piece]) -> None:
        work = batch[0].ticket.work
        try:
            results = list(work.run([item for piece in batch for item in piece.items]))
        except BaseException as error:
            if len(batch) == 1:
                self._fail(batch[0].ticket, error)
            else:  # one request must not take the others with it
                for piece in batch:
                    self._do([piece])
            return
        done = iter(results)
        for piece in batch:
            ticket = piece.ticket
            for place in range(piece.start, piece.start + len(piece.items)):
                ticket.results[place] = next(done)
            ticket.missing -= len(piece.items)
            if not ticket.missing:
                self._finished.append(ticket)

    def _fail(self, ticket: Ticket, error: BaseException) -> None:
        with self._changed:
            self._remove(ticket)
        if not ticket.future.done() and ticket.future.set_running_or_notify_cancel():
            ticket.future.set_exception(error)
