"""Random rows in files of every format, whole and damaged, through the readers."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from campaign.fuzz_tasks import LONGEST_MESSAGE, damaged, text
from campaign.outcomes import Tally
from campaign.shrinking import smallest
from pet import PVP, Task, Verbalizer
from pet.data import Columns, examples_from
from pet.data.documents import documents_from
from pet.data.formats import FORMATS
from pet.errors import PetError

TASKS = {
    kind: Task(
        kind,
        ["good", "bad"],
        ["text"],
        [
            PVP("{text} {label} {mask}", Verbalizer({"yes": ["yes"], "no": ["no"]}))
            if kind == "multi-label"
            else PVP("{text} {mask}", Verbalizer({"good": ["great"], "bad": ["awful"]}))
        ],
        kind=kind,
    )
    for kind in ("single", "multi-label", "ordinal")
}
# Columns by which exports of labelling tools are known.
EXPORTED = (
    "data", "annotations", "completions", "fields", "responses", "accept", "options", "labels",
    "label.responses", "label.responses.status",
)  # fmt: skip
Rows = Sequence[Mapping[str, Any]]


def clean_rows(chance: random.Random) -> list[dict[str, Any]]:
    """Return rows that nothing is wrong with."""
    signs = [
        "a",
        "good film",
        "très bon",
        "好",
        "x,y",
        'she said "no"',
        "it's",
        "#",
        "=1",
        "{}",
        "👍",
    ]
    return [
        {
            "text": " ".join(chance.choices(signs, k=chance.randint(1, 5))).strip() or "x",
            "label": chance.choice(["good", "bad"]),
        }
        for _ in range(chance.randint(1, 12))
    ]


def odd_rows(chance: random.Random) -> list[dict[str, Any]]:
    """Return rows with every kind of value in odd columns."""
    values: list[Any] = [
        None, 0, 1, -1.5, True, [], {}, ["good"], ["good", "bad"], {"a": [1]}, "good", "bad",
        "Good", "", " ", "good;bad", "[1, 0]", 10**30, float("nan"), float("inf"), "\ud83d",
        {"text": "good"}, {"choices": "good"}, {"label": [{"value": "good"}]},
        [{"id": [], "text": 1}], [{"result": 3}],
        [{"result": [{"from_name": [1], "value": {"choices": "good"}}]}],
        [{"values": [1]}], [{"values": {"label": "good"}, "status": []}], [1],
    ]  # fmt: skip
    names = [
        "text",
        "label",
        "Text",
        " label ",
        "id",
        "",
        "answer",
        "text",
        "1",
        "\ufeff",
        *EXPORTED,
    ]
    rows = []
    for row in clean_rows(chance):
        for _ in range(chance.randint(0, 3)):
            row[chance.choice(names)] = (
                chance.choice(values) if chance.random() < 0.7 else text(chance, 3)
            )
        if chance.random() < 0.05:
            row.pop("text", None)
        rows.append(row)
    return rows


def as_lines(rows: Rows) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def as_array(rows: Rows) -> bytes:
    return json.dumps(list(rows), indent=1).encode()


def as_texts(rows: Rows) -> bytes:
    return "\n".join(str(row.get("text")) for row in rows).encode("utf-8", "surrogatepass")


def as_table(delimiter: str) -> Callable[[Rows], bytes]:
    """Return a function that writes a table as quickly made programs do."""

    def write(rows: Rows) -> bytes:
        names = list(dict.fromkeys(name for row in rows for name in row))

        def cell(value: Any) -> str:
            shown = "" if value is None else str(value)
            quoted = any(sign in shown for sign in (delimiter, '"', "\n", "\r"))
            return '"' + shown.replace('"', '""') + '"' if quoted else shown

        table = [names, *([row.get(name) for name in names] for row in rows)]
        lines = [delimiter.join(map(cell, line)) for line in table]
        return "\n".join(lines).encode("utf-8", "surrogatepass")

    return write


def as_parquet(rows: Rows) -> bytes:
    """Write a table of columns; other values than texts become texts."""
    import pyarrow
    import pyarrow.parquet

    names = list(dict.fromkeys(name for row in rows for name in row))

    def cell(value: Any) -> str | None:
        return None if value is None else str(value).encode("utf-8", "replace").decode()

    columns = {name: [cell(row.get(name)) for row in rows] for name in names}
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), stream)
    return stream.getvalue()


def as_sheet(rows: Rows) -> bytes:
    """Write a workbook of one sheet."""
    import openpyxl

    book = openpyxl.Workbook()
    names = list(dict.fromkeys(name for row in rows for name in row))
    illegal = openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE
    for line in [names, *([row.get(name) for name in names] for row in rows)]:
        cells = ["" if value is None else str(value) for value in line]
        book.active.append(
            [illegal.sub("", value).encode("utf-8", "replace").decode() for value in cells]
        )
        for cell in book.active[book.active.max_row]:
            cell.data_type = "s"  # openpyxl takes a text that begins with "=" for a formula
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


# Endings and who writes them; an ending that pet does not read must be refused.
WRITERS: dict[str, Callable[[Rows], bytes]] = {
    "jsonl": as_lines, "json": as_array, "csv": as_table(","), "tsv": as_table("\t"),
    "txt": as_texts, "parquet": as_parquet, "xlsx": as_sheet,
}  # fmt: skip
SLOW = ("xlsx", "parquet")


def zipped(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows.jsonl", content)
    return stream.getvalue()


PACKERS = {
    "gz": lambda content: gzip.compress(content, 1),
    "bz2": bz2.compress,
    "xz": lambda content: lzma.compress(content, preset=0),
    "zip": zipped,
}


def read(path: Path, content: bytes, kind: str, labels: Any) -> list[Any]:
    """Read a file as pet's commands do."""
    path.write_bytes(content)
    if labels == "documents":
        return list(documents_from(path))
    return list(examples_from(path, Columns(TASKS[kind], {}, labels)))


def outcome_of(path: Path, content: bytes, kind: str, labels: Any) -> tuple[str, bool]:
    """Return how reading ended, and whether that must not be."""
    try:
        read(path, content, kind, labels)
    except PetError as error:
        if len(str(error)) > LONGEST_MESSAGE:
            return "a message without an end", True
        return "refused", False
    except Exception as error:
        return type(error).__name__, True
    return "read", False


def fuzz_rows(seed: int, count: int, folder: Path) -> Tally:
    """Read files until so many rows were in them."""
    chance, tally = random.Random(seed), Tally("rows in files")
    try:
        import openpyxl  # noqa: F401
        import pyarrow  # noqa: F401
    except ImportError:
        written = [ending for ending in WRITERS if ending not in SLOW]
    else:
        written = [*WRITERS]
    done = 0
    while done < count:
        ending = chance.choice([name for name in written if name not in SLOW])
        if chance.random() < 0.02:
            ending = chance.choice(written)
        labels = chance.choice(["required", "optional", "ignored", "documents"])
        kind = chance.choice([*TASKS])
        is_clean = chance.random() < 0.15
        rows = clean_rows(chance) if is_clean else odd_rows(chance)
        content = WRITERS[ending](rows)
        done += len(rows)
        packing = chance.choice([*PACKERS]) if chance.random() < 0.15 else ""
        path = folder / f"rows.{ending}{'.' + packing if packing else ''}"
        # A .txt file may be a table or lines of text: the reader finds out, and names its way out.
        is_plain = ending in FORMATS and ending != "txt"
        if is_clean and not packing and is_plain and labels != "documents":
            _compare(tally, path, content, rows, kind, labels)
            continue
        if not packing or chance.random() < 0.5:
            content = damaged(chance, content)
        if packing:
            content = PACKERS[packing](content)
            content = damaged(chance, content) if chance.random() < 0.5 else content
        outcome, failed = outcome_of(path, content, kind, labels)
        if not failed:
            tally.count(path.name.removeprefix("rows."), outcome, len(rows))
            continue

        def fails(shorter: bytes, expected: str = outcome, how: Any = (path, kind, labels)) -> bool:
            return outcome_of(how[0], shorter, *how[1:]) == (expected, True)

        shortest = smallest(content, fails)
        shown = f"{path.name} with {shortest!r:.300}, {kind} labels {labels}"
        tally.fail(path.name.removeprefix("rows."), outcome, shown)
    return tally.end()


def _compare(tally: Tally, path: Path, content: bytes, rows: Rows, kind: str, labels: Any) -> None:
    """Read a file that nothing is wrong with: it must give the texts and labels written."""
    name = path.name.removeprefix("rows.")
    try:
        found = read(path, content, kind, labels)
    except PetError as error:
        tally.fail(name, "a good file refused", f"{content!r:.300}: {error}")
        return
    except Exception as error:
        tally.fail(name, type(error).__name__, f"{content!r:.300}")
        return
    texts = [example.texts["text"] for example in found]
    given: Iterator[Any] = (row["label"] for row in rows)
    expected = [None if labels == "ignored" else label for label in given]
    if kind == "multi-label":
        expected = [label and (label,) for label in expected]
    if texts != [row["text"] for row in rows] or [e.label for e in found] != expected:
        tally.fail(name, "other texts or labels than were written", f"{content!r:.300}")
    else:
        tally.count(name, "whole: equal texts and labels", len(rows))
