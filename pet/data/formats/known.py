"""The file formats by their names, which are the endings of files."""

from __future__ import annotations

from pathlib import PurePath

from pet.data.formats.base import Format
from pet.data.formats.columnar import ARROW, PARQUET
from pet.data.formats.compression import uncompressed_name
from pet.data.formats.delimited import CSV, TSV
from pet.data.formats.json_rows import JSON, JSON_LINES
from pet.data.formats.spreadsheets import WORKBOOK
from pet.data.formats.text_lines import TEXT
from pet.registry import Registry

FORMATS: Registry[Format] = Registry(
    "formats",
    "file format",
    {
        "jsonl": JSON_LINES,
        "csv": CSV,
        "tsv": TSV,
        "json": JSON,
        "txt": TEXT,
        "parquet": PARQUET,
        "arrow": ARROW,
        "feather": ARROW,
        "xlsx": WORKBOOK,
    },
    holds=Format,
)
# Other endings of files in these formats.
_ALSO = {"ndjson": "jsonl", "tab": "tsv", "xlsm": "xlsx"}


def format_named(file: str) -> Format | None:
    """Return the format of a file by its name, also of a compressed one; None if it has none."""
    return FORMATS.get(format_name(file))


def format_name(file: str, said: str | None = None) -> str:
    """Return the name of a file's format: the ending, without that of a compression.

    What a person ``said`` counts for files whose ending says nothing: those in no format's, and
    .txt.
    """
    ending = PurePath(uncompressed_name(file)).suffix.lower().removeprefix(".")
    known = _ALSO.get(ending, ending)
    return said if said is not None and (known == "txt" or known not in FORMATS) else known
