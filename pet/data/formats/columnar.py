"""Columnar files: Parquet and Arrow, read and written a batch at a time (package pyarrow)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import IO, Any

from pet.data.formats.base import Format, RowWriter, SourceRow
from pet.data.formats.class_names import class_names, named_row
from pet.data.formats.extras import imported, told_as_damage
from pet.data.formats.json_rows import json_text
from pet.errors import DataError, quoted

_ROWS_AT_ONCE = 1024  # when read
_ROWS_A_GROUP = 10_000  # when written


def read_parquet(name: str, stream: IO[bytes]) -> Iterator[SourceRow]:
    """Yield the rows of a Parquet file."""
    parquet = imported("pyarrow.parquet", name)
    with _errors(name, "a Parquet file"):
        file = parquet.ParquetFile(stream, pre_buffer=False)
        yield from _rows(name, file.schema_arrow, file.iter_batches(batch_size=_ROWS_AT_ONCE))


def read_arrow(name: str, stream: IO[bytes]) -> Iterator[SourceRow]:
    """Yield the rows of an Arrow file, a stream of Arrow as `datasets` keeps it, or Feather."""
    arrow = imported("pyarrow", name)
    with _errors(name, "an Arrow or Feather file"):
        start = stream.read(8)
        stream.seek(0)
        if start.startswith(b"FEA1"):
            raise DataError(f"{name}: a Feather file of version 1.", "Write it with version 2.")
        if start.startswith(b"ARROW1"):
            file = arrow.ipc.open_file(stream)
            batches = (file.get_batch(number) for number in range(file.num_record_batches))
            yield from _rows(name, file.schema, batches)
        else:
            reader = arrow.ipc.open_stream(stream)
            yield from _rows(name, reader.schema, reader)


def _errors(name: str, what: str) -> AbstractContextManager[None]:
    faults = (imported("pyarrow", name).ArrowException, OSError, UnicodeDecodeError)
    return told_as_damage(name, what, faults)


def _rows(name: str, schema: Any, batches: Any) -> Iterator[SourceRow]:
    for column in schema.names:
        if schema.names.count(column) > 1:
            raise DataError(f"{name}: the column {quoted(column)} is there twice.", "Rename one.")
    names_of = _class_names(schema)
    number = 0
    for batch in batches:
        batch.validate(full=True)  # a damaged one may point anywhere in memory
        for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
            for row in batch.slice(start, _ROWS_AT_ONCE).to_pylist():
                number += 1
                where = f"{name}, row {number}"
                yield where, named_row(where, row, names_of)


def _class_names(schema: Any) -> dict[str, Sequence[str]]:
    """Return the names of class numbers by column, as Hugging Face keeps them in a schema."""
    try:
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        named = {column: class_names(feature) for column, feature in features.items()}
        return {column: names for column, names in named.items() if names is not None}
    except (TypeError, KeyError, ValueError, AttributeError):
        return {}


class ColumnarWriter:
    """Writer of batches; the first one decides the type of every column.

    Columns of texts and others mixed become texts, as do mappings.
    """

    def __init__(
        self, stream: IO[bytes], columns: Sequence[str], open_file: Callable[[Any, Any, Any], Any]
    ) -> None:
        self._arrow = imported("pyarrow", "Parquet and Arrow")
        self._stream, self._columns, self._open_file = stream, list(columns), open_file
        self._rows: list[Mapping[str, Any]] = []
        self._file: Any = None
        self._schema: Any = None

    def __call__(self, row: Mapping[str, Any]) -> None:
        """Write a row, or keep it until a group of rows is full."""
        self._rows.append(row)
        if len(self._rows) >= _ROWS_A_GROUP:
            self._write()

    def close(self) -> None:
        """Write the last rows and the end of the file."""
        try:
            if self._rows or self._file is None:
                self._write()
        finally:
            if self._file is not None:
                self._file.close()

    def _write(self) -> None:
        rows, self._rows = self._rows, []  # rows that cannot be written are not tried again
        arrays = [self._array(column, rows) for column in self._columns]
        if self._file is None:
            self._schema = self._arrow.schema(
                [(column, array.type) for column, array in zip(self._columns, arrays, strict=True)]
            )
            self._file = self._open_file(self._arrow, self._stream, self._schema)
        self._file.write_table(self._arrow.table(arrays, schema=self._schema))

    def _array(self, column: str, rows: Sequence[Mapping[str, Any]]) -> Any:
        values = [row.get(column) for row in rows]
        if any(isinstance(value, dict) for value in values):
            values = [_text(value) for value in values]
        known = None if self._schema is None else self._schema.field(column).type
        faults = (self._arrow.ArrowException, TypeError, OverflowError, UnicodeEncodeError)
        if known is None or not self._arrow.types.is_string(known):
            try:
                array = self._arrow.array(values, type=known)
                if not self._arrow.types.is_null(array.type):
                    return array
            except faults as error:
                if known is not None:
                    raise DataError(
                        f"Column {column!r}: a cell is no {known}, as those before it are.",
                        "Write .jsonl instead, in which cells may differ.",
                    ) from error
        return self._arrow.array([_text(value) for value in values], type=self._arrow.string())


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json_text(value)
    # Half a character, as a cut emoji is, cannot be UTF-8: it is written as JSON writes it.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _parquet_file(arrow: Any, stream: Any, schema: Any) -> Any:
    return imported("pyarrow.parquet", "Parquet").ParquetWriter(stream, schema)


def _arrow_file(arrow: Any, stream: Any, schema: Any) -> Any:
    return arrow.ipc.new_file(stream, schema)


def _writer(open_file: Callable[[Any, Any, Any], Any]) -> Callable[..., RowWriter]:
    return lambda stream, columns: ColumnarWriter(stream, columns, open_file)


PARQUET = Format(read_parquet, _writer(_parquet_file), keeps_types=True, is_binary=True)
ARROW = Format(read_arrow, _writer(_arrow_file), keeps_types=True, is_binary=True)
