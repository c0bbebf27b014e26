"""Work for the queue of a service that answers at once, or when it is told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from toy import PAIR_TASK_FILE, toy_task

from pet.data import Example
from pet.model import Prediction
from pet.serving import Served
from pet.task import Task


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for what other threads do; a machine that is busy may take its time."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


def pair_task() -> Task:
    """Make a task of two fields."""
    scope: dict[str, Any] = {}
    exec(PAIR_TASK_FILE, scope)
    task: Task = scope["task"]
    return task


class Held:
    """Work that waits until it may go on, and keeps what it was given."""

    def __init__(self, most: int = 4) -> None:
        self.most = most
        self.free = threading.Event()
        self.began = threading.Event()
        self.batches: list[list[object]] = []

    def run(self, items: Sequence[object]) -> list[object]:
        self.batches.append(list(items))
        self.began.set()
        assert self.free.wait(20)
        return [f"did {item}" for item in items]


class Told:
    """A model that says of every text what its name is; it can be held up."""

    def __init__(self, name: str = "one", most: int = 8) -> None:
        self.name = name
        self.most = most
        self.free = threading.Event()
        self.free.set()
        self.began = threading.Event()
        self.batches: list[int] = []

    def run(self, items: Sequence[tuple[str, Example]]) -> list[Prediction]:
        self.began.set()
        assert self.free.wait(60)
        self.batches.append(len(items))
        if any("poison" in example.texts["text"] for _, example in items):
            raise RuntimeError("no model can read this")
        if any("large" in example.texts["text"] for _, example in items):
            raise MemoryError
        return [Prediction(self.name, {self.name: 0.9, "other": 0.1}, 0.9) for _ in items]

    def served(self, task: Task | None = None) -> Served:
        return Served(self.name, {"toy": task or toy_task()}, self, {})
