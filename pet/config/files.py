"""Names of the file formats of rows."""

from __future__ import annotations

from pet.registry import Names

FILE_FORMATS = Names(("jsonl", "csv", "tsv"), "formats")
