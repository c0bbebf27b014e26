"""Full training: `pet train` with the labels so far, in a process of its own, and its report."""

from __future__ import annotations

import hashlib
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pet.errors import DataError
from pet.labelling.agreement import consensus
from pet.labelling.clicks import Clicks
from pet.labelling.texts import Texts
from pet.runs import LabellingFolder, RunFolder
from pet.task import Task
from pet.task.source import task_source

# Unlabelled texts that the pipeline distils on, at most.
MOST_UNLABELLED = 10_000
# -P: what lies in the current folder under the name of a package is not to be run.
_COMMAND = (sys.executable, "-P", "-c", "from pet.cli import main; main()")
_TAIL = 12
_PATIENCE = 30.0  # seconds that a training has to end in order
log = logging.getLogger(__name__)


class _Training:
    """One training: its thread changes no other's state."""

    def __init__(self, name: str) -> None:
        self.name, self.state = name, "training"
        self.process: subprocess.Popen[bytes] | None = None
        self.thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        return self.state in ("training", "stopping")


class FullTraining:
    """The whole pipeline on the labels so far; the server goes on meanwhile.

    The run is in the labelling's folder, under a name that the labels decide: the same labels go on
    with the same run after an interruption.

    Parameters
    ----------
    folder : LabellingFolder
        The labelling's folder.
    texts, clicks
        The labelling.
    task : Task
        The task.
    options : sequence of str
        More options of `pet train`.
    """

    def __init__(
        self,
        folder: LabellingFolder,
        texts: Texts,
        clicks: Clicks,
        task: Task,
        options: Sequence[str] = (),
    ) -> None:
        self._folder, self._texts, self._clicks = folder, texts, clicks
        self._task, self._options = task, tuple(options)
        self._lock = threading.Lock()
        self._latest: _Training | None = None

    def start(self) -> str:
        """Start to train; return the name of the run.

        Raises
        ------
        DataError
            When it is training already, or stopping, or a label has no text yet.
        """
        with self._lock:
            if self._latest is not None and self._latest.is_running:
                raise DataError(
                    "The model is being trained already."
                    if self._latest.state == "training"
                    else "The training is being stopped; wait until it has."
                )
            training = _Training(self._write_rows())
            training.thread = threading.Thread(target=self._train, args=(training,), daemon=True)
            self._latest = training
            training.thread.start()
        return training.name

    def stop(self) -> None:
        """End a training in order; what it has finished is kept."""
        with self._lock:
            training = self._latest
            if training is None or not training.is_running:
                return
            training.state = "stopping"
            process = training.process
        if process is not None and process.poll() is None:
            process.terminate()
        assert training.thread is not None
        training.thread.join(timeout=_PATIENCE)
        if training.thread.is_alive() and process is not None:
            process.kill()
            training.thread.join(timeout=_PATIENCE)

    def state(self) -> dict[str, Any]:
        """Return how far it is, its last lines, and the runs with a report, the newest first."""
        folder = self._folder
        file = folder.file(folder.training_log)
        lines = []
        if file.is_file():
            text = file.read_text(encoding="utf-8", errors="replace").replace("\r", "\n")
            lines = [line for line in text.splitlines() if line.strip()][-_TAIL:]
        latest = self._latest
        return {
            "state": "idle" if latest is None else latest.state,
            "run": "" if latest is None else latest.name,
            "lines": lines,
            "reports": [name for name in folder.runs()[::-1] if self.report(name) is not None],
        }

    def report(self, name: str) -> Path | None:
        """Return the report page of a run, if it has one."""
        if name not in self._folder.runs():
            return None
        page = self._run_folder(name) / RunFolder.page
        return page if page.is_file() else None

    def _run_folder(self, name: str) -> Path:
        return self._folder.file(self._folder.trained) / name

    def _write_rows(self) -> str:
        """Write the labelled texts and the others; return a name that tells them."""
        folder = self._folder
        agreed, _ = consensus(self._clicks.answers())
        by_hand = {text: one.label for text, one in agreed.items() if one.is_by_hand}
        missing = [label for label in self._task.labels if label not in by_hand.values()]
        if missing:
            raise DataError(
                f"No text has the label {missing[0]!r} yet.",
                "Label one of each; search for words that such texts have.",
            )
        digest = hashlib.sha256(json.dumps([sorted(by_hand.items()), self._options]).encode())
        rows = []
        for number, label in sorted(by_hand.items()):
            text = self._texts.get(number)
            assert text is not None
            rows.append({**text.fields, self._task.label_column: label})
        # Always anew: a task file is run, and the folder may come from somebody else.
        folder.write_text(folder.task, task_source(self._task))
        folder.write_text(folder.labelled, _lines(rows))
        others: list[dict[str, Any]] = []
        start = 0
        while len(others) < MOST_UNLABELLED and (
            found := self._texts.at(range(start, start + 1000))
        ):
            others += [dict(text.fields) for text in found if text.number not in by_hand]
            start += 1000
        folder.write_text(folder.pool, _lines(others[:MOST_UNLABELLED]))
        return f"{len(by_hand)}-labels-{digest.hexdigest()[:6]}"

    def _train(self, training: _Training) -> None:
        """Train, and say at the end how it ended, whatever happens."""
        ended = False
        try:
            ended = self._trained(training)
        except OSError as error:
            log.warning("The training cannot go on: %s", error)
        finally:
            with self._lock:
                is_stopped = training.state == "stopping"
                training.state = "stopped" if is_stopped else "finished" if ended else "failed"

    def _trained(self, training: _Training) -> bool:
        """Run the commands; tell whether they ended well."""
        folder, run = self._folder, self._run_folder(training.name)
        run.parent.mkdir(exist_ok=True)
        pool = folder.file(folder.pool)
        unlabelled = ("--unlabeled", str(pool)) if pool.stat().st_size else ()
        train = (
            "-v", "train", "--task", str(folder.file(folder.task)),
            "--train", str(folder.file(folder.labelled)), *unlabelled,
            "-o", str(run), *self._options,
        )  # fmt: skip
        with folder.file(folder.training_log).open("wb") as told:
            return self._call(training, train, told) and self._call(
                training, ("report", str(run)), told
            )

    def _call(self, training: _Training, arguments: Sequence[str], told: Any) -> bool:
        """Run a command of pet; tell whether it ended well."""
        with self._lock:
            if training.state != "training":
                return False
            training.process = subprocess.Popen(
                [*_COMMAND, *arguments], stdin=subprocess.DEVNULL, stdout=told, stderr=told
            )
        return training.process.wait() == 0


def _lines(rows: Sequence[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
