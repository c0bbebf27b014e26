"""Schema: the tables of a labelling folder's SQLite file, and connections to it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pet.errors import RunError

VERSION = 1

# A text's place is its rank in a random order, which never changes: the first places are the texts
# that are set aside to be asked at random. `clicks` is only added to; what is undone is marked.
_TABLES = """
CREATE TABLE texts (
    id INTEGER PRIMARY KEY,
    place INTEGER UNIQUE,
    hash BLOB NOT NULL UNIQUE,
    fields TEXT NOT NULL,
    columns TEXT NOT NULL
) STRICT;
CREATE TABLE clicks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    text INTEGER NOT NULL REFERENCES texts (id),
    annotator TEXT NOT NULL,
    tab TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('label', 'skip')),
    label TEXT,
    sure INTEGER NOT NULL,
    drawn TEXT NOT NULL,
    batch TEXT,
    guess TEXT,
    probability REAL,
    seconds REAL,
    time REAL NOT NULL,
    undone REAL,
    CHECK ((action = 'label') = (label IS NOT NULL))
) STRICT;
CREATE INDEX clicks_by_text ON clicks (text) WHERE undone IS NULL;
CREATE INDEX clicks_by_tab ON clicks (tab) WHERE undone IS NULL;
CREATE TABLE leases (
    text INTEGER PRIMARY KEY REFERENCES texts (id),
    tab TEXT NOT NULL,
    drawn TEXT NOT NULL,
    until REAL NOT NULL
) STRICT;
CREATE INDEX leases_by_tab ON leases (tab);
CREATE TABLE rounds (
    id INTEGER PRIMARY KEY,
    labels INTEGER NOT NULL,
    time REAL NOT NULL,
    correct INTEGER NOT NULL,
    asked INTEGER NOT NULL,
    changed REAL,
    compared INTEGER NOT NULL,
    guesses BLOB
) STRICT;
CREATE TABLE progress (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
-- The last answer of each person about each text that was not undone.
CREATE VIEW answers AS
    SELECT clicks.* FROM clicks JOIN (
        SELECT max(id) AS id FROM clicks WHERE undone IS NULL GROUP BY text, annotator
    ) USING (id);
"""


class Database:
    """Connections to a labelling folder's SQLite file, one a thread.

    The file has a write-ahead log that is flushed to the disk at each commit: when a call has
    returned, what it wrote outlives the process and a power failure.

    Parameters
    ----------
    path : Path
        The file; made if it is missing.

    Raises
    ------
    RunError
        When it cannot be opened, is damaged, or was written by a later version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        with self.errors():
            connection = self._connection()
            with self.writing() as writer:
                (version,) = writer.execute("PRAGMA user_version").fetchone()
                if version == 0:
                    for statement in _statements():
                        writer.execute(statement)
                    writer.execute(f"PRAGMA user_version = {VERSION}")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != VERSION:
            raise RunError(
                f"{path}: written by a later version of pet.", "Update pet to read these labels."
            )

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield this thread's connection, to read from one state of the file."""
        connection = self._connection()
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield this thread's connection as the only writer; all of it is kept, or nothing."""
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.execute("COMMIT")

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn SQLite's errors into a `RunError` that names the file."""
        try:
            yield
        except sqlite3.Error as error:
            raise RunError(
                f"{self.path}: the labels cannot be read or written: {error}.",
                "What was labelled before is kept; free some space, or take a copy of the file.",
            ) from error

    def close(self) -> None:
        """Close all connections; the log becomes part of the file."""
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
            self._local = threading.local()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self.path, timeout=30, isolation_level=None, check_same_thread=False
            )
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._local.connection = connection
            with self._lock:
                self._all.append(connection)
        return connection


def _statements() -> Iterator[str]:
    """Yield the statements that make the tables; a script would end the transaction."""
    statement = ""
    for line in _TABLES.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
