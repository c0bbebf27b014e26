"""Export: labels with who gave them, when, and how sure they were."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import IO, Any

from pet.data.formats import rows_writer
from pet.data.formats.headers import column_called
from pet.data.spreadsheets import plain_cells
from pet.labelling.agreement import consensus
from pet.labelling.drawing import BULK
from pet.labelling.schema import Database
from pet.task import Task

# Columns behind those that the text came with.
ADDED = ("annotators", "labelled_at", "sure", "drawn", "agree", "guess", "guess_probability")


def exported(database: Database, task: Task, each: bool = False) -> Iterator[dict[str, Any]]:
    """Yield labelled texts with all columns they came with, in their order.

    Parameters
    ----------
    database : Database
        The labelling.
    task : Task
        Gives the name of the label's column.
    each : bool
        Whether every person's answer is a row of its own. Otherwise each text is one row with the
        label that most people gave; texts on which people are divided are left out.
    """
    with database.errors(), database.reading() as reader:
        by_text: dict[int, list[sqlite3.Row]] = defaultdict(list)
        for answer in reader.execute("SELECT * FROM answers WHERE label IS NOT NULL ORDER BY id"):
            by_text[answer["text"]].append(answer)
        for text, columns in reader.execute("SELECT id, columns FROM texts ORDER BY id"):
            given = by_text.get(text)
            if not given:
                continue
            row = _without(json.loads(columns), task.label_column)
            if each:
                for answer in given:
                    yield row | {task.label_column: answer["label"]} | _about([answer], answer)
                continue
            agreed, _ = consensus(given)
            if text in agreed:
                label = agreed[text].label
                mine = [answer for answer in given if answer["label"] == label]
                told = {"agree": f"{len(mine)} of {len(given)}", "drawn": agreed[text].drawn}
                yield row | {task.label_column: label} | _about(mine, given[0]) | told


def columns_of(database: Database, task: Task) -> list[str]:
    """Return the columns of an export, those of the texts first."""
    names: dict[str, None] = {}
    with database.reading() as reader:
        for (columns,) in reader.execute("SELECT columns FROM texts ORDER BY id"):
            names |= dict.fromkeys(json.loads(columns))
    return [*_without(names, task.label_column), task.label_column, *ADDED]


def write_export(
    stream: IO[str],
    name: str,
    database: Database,
    task: Task,
    each: bool = False,
    for_spreadsheets: bool = False,
) -> int:
    """Write labelled texts in the format that a file's name tells; return the number of rows.

    Parameters
    ----------
    stream : text stream
        File that is written.
    name : str
        Name of the file.
    database, task, each
        As for `exported`.
    for_spreadsheets : bool
        Whether no cell may be a formula.
    """
    count = 0
    with rows_writer(stream, name, columns_of(database, task)) as write:
        for row in exported(database, task, each):
            write(plain_cells(row) if for_spreadsheets else row)
            count += 1
    return count


def _about(answers: Sequence[sqlite3.Row], first: sqlite3.Row) -> dict[str, Any]:
    """Return what is known about the answers with the label of a row."""
    by_hand = [one for one in answers if one["drawn"] != BULK]
    sure = "bulk" if not by_hand else "yes" if any(one["sure"] for one in by_hand) else "no"
    last = answers[-1]
    return {
        "annotators": "; ".join(dict.fromkeys(one["annotator"] for one in answers)),
        "labelled_at": datetime.fromtimestamp(last["time"], UTC).isoformat(timespec="seconds"),
        "sure": sure,
        "drawn": first["drawn"],
        "agree": f"{len(answers)} of {len(answers)}",
        "guess": first["guess"],
        "guess_probability": first["probability"] and round(first["probability"], 4),
    }


def _without(row: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Return a row's own columns; those with a name of the export are told apart."""
    own = {name: value for name, value in row.items() if column_called(label, [name]) is None}
    return {f"{name} (pool)" if name in ADDED else name: value for name, value in own.items()}
