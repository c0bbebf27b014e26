"""Labelling of a source: its rows are read, labelled and written chunk by chunk."""

from __future__ import annotations

import sys
from itertools import chain
from typing import Any

from pet.cli.console import progress_bars, remark, say
from pet.cli.labelled_rows import LabelledRows
from pet.cli.labeller import Labeller, columns_of
from pet.cli.output import opened
from pet.cli.unread import Unread
from pet.cli.unreadable import Unreadable
from pet.config.files import Reading
from pet.data import Fault
from pet.data.formats import rows_writer, written_format
from pet.data.spreadsheets import plain_cell, plain_cells
from pet.progress import counted, silent


def label_and_write(
    labeller: Labeller,
    source: Any,
    reading: Reading,
    output: str,
    on_error: str,
    for_spreadsheets: bool,
) -> None:
    """Label the rows of a source and write them with their predictions.

    An output file is opened when the first rows are labelled, so that an input which cannot be read
    leaves an older file as it is. From then on it holds the rows written so far.

    Parameters
    ----------
    labeller : Labeller
        The model or bank.
    source, reading
        As for `pet.data.examples_from`.
    output : str
        Path of the file, or "-".
    on_error : {"stop", "skip", "null"}
        What becomes of rows that cannot be read.
    for_spreadsheets : bool
        Whether no cell may be a formula.

    Raises
    ------
    DataError
        At a row that cannot be read, if it stops the labelling; the rows before it are written.
    """
    known, total = labeller.survey(source, reading)
    unread, labelled, written = Unread(on_error, str(source)), 0, 0
    unreadable = Unreadable(labeller.tokenizer, labeller.tasks)
    chunks = labeller.labelled(unread.up_to_the_last(labeller.rows(source, reading)))
    first = next(chunks, [])
    for item, _ in first[:1]:
        if isinstance(item, Fault) and unread.is_last(item):
            raise unread.stopped(item, 0)
    tasks = list(labeller.tasks.values())
    fields = dict.fromkeys(name for task in tasks for name in task.fields)
    names = known or columns_of(item for item, _ in first) or list(fields)
    table = LabelledRows(tasks, names, written_format(output), on_error == "null")
    header = [plain_cell(name) if for_spreadsheets else name for name in table.columns]
    with (
        opened(output, whole=False) as stream,
        rows_writer(stream, output, header) as write,
        progress_bars() as bars,
    ):
        # A bar would be among the rows if they are shown, too.
        progress = silent if output == "-" and sys.stdout.isatty() else bars
        for chunk in counted(chain([first], chunks), progress, "rows labelled", total, len):
            unreadable.add([item[0] for item, _ in chunk if not isinstance(item, Fault)])
            for item, prediction in chunk:
                if isinstance(item, Fault):
                    if unread.is_last(item):
                        raise unread.stopped(item, written)
                    unread.add(item)
                    if on_error == "skip":
                        continue
                    row = table.row(item.row, error=item.error)
                else:
                    (name, _), given = item
                    row = table.row(given, labeller.tasks[name], prediction)
                    labelled += 1
                write(plain_cells(row) if for_spreadsheets else row)
                written += 1
            stream.flush()
    if output != "-" and labelled:
        say(f"1 row is in {output}." if written == 1 else f"{written:,} rows are in {output}.")
    if told := unread.told(labelled):
        remark(told)
    if told := unreadable.told():
        remark(told)
