"""File formats that rows are read from."""

from __future__ import annotations

from pet.registry import Names

FILE_FORMATS = Names(("jsonl", "csv", "tsv"), "formats")
