"""File formats of rows: a reader and a writer for each, one line in `FORMATS`."""

from pet.data.formats.base import Format, Hints, RowWriter, SourceRow
from pet.data.formats.decoding import decoded_lines
from pet.data.formats.known import FORMATS
from pet.data.formats.writing import rows_writer, written_endings, written_format

__all__ = [
    "FORMATS",
    "Format",
    "Hints",
    "RowWriter",
    "SourceRow",
    "decoded_lines",
    "rows_writer",
    "written_endings",
    "written_format",
]
