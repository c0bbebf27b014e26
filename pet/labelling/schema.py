"""Schema: the tables of a labelling folder's SQLite file, and connections to it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pet.errors import RunError

VERSION = 1
_MOST_IDLE = 4

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
CREATE INDEX clicks_undone ON clicks (text) WHERE undone IS NOT NULL;
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
    """Connections to a labelling folder's SQLite file, each used by one caller at a time.

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
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        with self.errors(), self.writing() as writer:
            (version,) = writer.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in _statements():
                    writer.execute(statement)
                writer.execute(f"PRAGMA user_version = {VERSION}")
                version = VERSION
        if version != VERSION:
            raise RunError(
                f"{path}: written by a later version of pet.", "Update pet to read these labels."
            )

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection, to read from one state of the file."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            yield connection
            connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection as the only writer; all of it is kept, or nothing."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
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
        """Close all connections that nobody uses; the log becomes part of the file."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that nobody else uses meanwhile, and keep a few for the next.

        They are not tied to threads: those of a server come and go, and would leave theirs open.
        """
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connected()
        try:
            yield connection
        except BaseException:
            connection.close()  # which takes back what it had begun, a failed COMMIT too
            raise
        with self._lock:
            is_kept = len(self._idle) < _MOST_IDLE
            if is_kept:
                self._idle.append(connection)
        if not is_kept:
            connection.close()

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=30, isolation_level=None, check_same_thread=False
        )
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            # SQLite's own LIKE and lower() know the case of ASCII letters alone.
            connection.create_function("casefold", 1, _casefold, deterministic=True)
        except BaseException:
            connection.close()
            raise
        return connection


def _casefold(value: object) -> str:
    return str(value).casefold()


def _statements() -> Iterator[str]:
    """Yield the statements that make the tables; a script would end the transaction."""
    statement = ""
    for line in _TABLES.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
