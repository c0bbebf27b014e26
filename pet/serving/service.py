"""The service: what is served, the queue before it, and the change to what is loaded anew."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pet.config import ServingConfig
from pet.data import Columns
from pet.errors import DataError, PetError, UsageError, did_you_mean, for_command_line
from pet.serving.explaining import Change
from pet.serving.queue import BatchQueue, Ticket
from pet.serving.served import Row, Served

log = logging.getLogger(__name__)

# A text of a request: itself where the task has one field, else by field; in a bank with its task.
GivenText = str | Mapping[str, str]
TASK = "task"


class TooLarge(PetError):
    """A request with more texts, or a longer one, than one may have."""


class ReloadUnderWay(PetError):
    """A model is being loaded already."""


class Service:
    """A model or a bank that answers requests batch by batch.

    Parameters
    ----------
    load : callable
        Loads what is served: at once, and again at every `reload`.
    config : ServingConfig
        Batches and limits.
    on_batch : callable, optional
        Told the number of texts and the seconds of every batch.
    on_reload : callable, optional
        Told after every reload whether it succeeded.
    """

    def __init__(
        self,
        load: Callable[[], Served],
        config: ServingConfig | None = None,
        on_batch: Callable[[int, float], object] = lambda texts, seconds: None,
        on_reload: Callable[[bool], object] = lambda succeeded: None,
    ) -> None:
        self.config = config or ServingConfig()
        self._load = load
        self._on_reload = on_reload
        self._loading = threading.Lock()
        self._again = False
        self.served = load()
        wait = self.config.batch_wait / 1000
        self.queue = BatchQueue(self.config.queue_texts, wait, on_batch)

    def predict(self, served: Served, rows: Sequence[Row]) -> Ticket:
        """Put rows into the queue; their predictions are the ticket's results.

        Parameters
        ----------
        served : Served
            What the rows were checked for, which predicts them even if another is loaded meanwhile.
        rows : sequence
            Rows from `rows`.

        Raises
        ------
        QueueFull, QueueClosed
            When they are not taken.
        """
        return self.queue.submit(served.predicting, rows)

    def explain(self, served: Served, rows: Sequence[Row], changes: Mapping[str, Change]) -> Ticket:
        """Put rows of one task into the queue; their explanations are the ticket's results.

        Parameters
        ----------
        served, rows
            As for `predict`.
        changes : mapping
            Member to what is changed in it for this request.

        Raises
        ------
        UsageError, PatternError, VerbalizerError
            When there are no members to explain by, or something in a change is impossible; and
            what `predict` raises.
        """
        names = {name for name, _ in rows}
        if len(names) > 1:
            raise UsageError("Texts that are explained together must be of one task.")
        (name,) = names
        if name not in served.explaining:
            raise UsageError(
                f"{name}: there are no members to explain by.",
                "Serve a run folder, a saved ensemble or a bank, without `--no-explain`.",
            )
        work = served.explaining[name].changed(changes)
        return self.queue.submit(work, [example for _, example in rows])

    def rows(
        self, served: Served, texts: Sequence[GivenText], task: str | None, most: int
    ) -> list[Row]:
        """Check texts, and return them with the names of their tasks.

        Parameters
        ----------
        served : Served
            What is served now.
        texts : sequence
            The texts.
        task : str, optional
            Task of all texts. Otherwise each names its own, unless there is only one.
        most : int
            Most texts of the request.

        Raises
        ------
        DataError, UsageError
            When there is no text, a field is missing or empty, or there is no such task.
        TooLarge
            When there are too many texts, or one is too long.
        """
        if not texts:
            raise DataError("There is no text.")
        if len(texts) > most:
            raise TooLarge(
                f"This request may have {most} texts; it has {len(texts)}.",
                "Send several requests.",
            )
        columns = {name: Columns(own, {}, "ignored") for name, own in served.tasks.items()}
        if task is not None and task not in columns:
            raise UsageError(f"There is no task {task[:100]!r}.", did_you_mean(task, columns))
        return [
            self._row(f"text {place}", text, task, columns)
            for place, text in enumerate(texts, start=1)
        ]

    def _row(
        self, place: str, given: GivenText, task: str | None, columns: Mapping[str, Columns]
    ) -> Row:
        if task is None and len(columns) == 1:
            (task,) = columns
        fields: dict[str, Any] = {}
        if not isinstance(given, str):
            fields = dict(given)
            # Of the one task of a model, a column of that name is a column as others are.
            task = fields.pop(TASK, None) if task is None else task
        if task is None or task not in columns:
            named = "no task" if task is None else f"the unknown task {task[:100]!r}"
            raise DataError(f"{place}: found {named}.", did_you_mean(task or "", columns))
        if isinstance(given, str):
            names = columns[task].task.fields
            if len(names) > 1:
                raise DataError(
                    f"{place}: expected the fields {', '.join(names)}, found one text.",
                    "Write " + "{" + ", ".join(f'"{name}": "..."' for name in names) + "}.",
                )
            fields = {names[0]: given}
        most = self.config.text_characters
        if sum(map(len, fields.values())) > most:
            raise TooLarge(f"{place}: a text may have {most:,} characters.")
        return task, columns[task].example(place, fields)

    def reload(self) -> Served:
        """Load anew what is served; requests that were taken are answered by what was there before.

        Raises
        ------
        ReloadUnderWay
            When another call is loading.
        PetError
            When it cannot be loaded; what was served before goes on.
        """
        if not self._loading.acquire(blocking=False):
            raise ReloadUnderWay("A model is being loaded already.")
        try:
            self.served = self._load()
        except BaseException:
            self._on_reload(False)
            raise
        finally:
            self._loading.release()
        self._on_reload(True)
        return self.served

    def reload_soon(self) -> None:
        """Reload in a thread of its own; once more if one is under way. For signals."""
        self._again = True
        threading.Thread(target=self._reload_told, name="pet-reload", daemon=True).start()

    def _reload_told(self) -> None:
        while self._again:
            self._again = False
            try:
                self.reload()
                log.warning("Loaded again: %s.", self.served.name)
            except ReloadUnderWay:
                self._again = True
                with self._loading:  # when that is done, there may be newer files
                    pass
            except PetError as error:
                log.error("Not loaded again: %s", for_command_line(error.message))
            except Exception:
                log.exception("Not loaded again; the model before goes on.")

    def close(self) -> None:
        """Take nothing more, and end when all that was taken is done."""
        self.queue.close()
