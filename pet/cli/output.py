"""Outputs: files and standard output that results are written to."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from pet.cli.console import require_output
from pet.errors import PetError, UsageError
from pet.evaluation.tables import readable
from pet.runs.writing import written_whole


def check_format(output: str, for_spreadsheets: bool = False) -> None:
    """Refuse an output whose name tells no format of rows, or not one that the options want.

    Raises
    ------
    UsageError
        Says which names there are.
    """
    if output == "-" and not for_spreadsheets:
        return
    from pet.data.formats import written_format

    if written_format(output).keeps_types and for_spreadsheets:
        raise UsageError(
            "`--for-spreadsheets` goes with .csv and .tsv.",
            "In other formats a text is never run as a formula.",
        )


def refuse_input(output: str, *inputs: str | None) -> None:
    """Refuse an output that is one of the files that are read.

    Raises
    ------
    UsageError
        Names the file.
    """
    path = Path(output)
    for source in inputs:
        if source and path.is_file() and Path(source).is_file() and path.samefile(source):
            raise UsageError(f"-o {output} is the input file.", "Give the output another name.")


@contextmanager
def opened(output: str, *, whole: bool = True) -> Iterator[IO[str]]:
    """Open a file to write as UTF-8, or standard output for "-".

    Half a surrogate pair, which UTF-8 cannot hold, is written as its escape, such as ``\\ud83d``;
    in JSON that is the same text.

    Parameters
    ----------
    output : str
        Path of the file, or "-".
    whole : bool
        Whether the file appears when everything is written, and an older one stays as it is if
        that fails. Otherwise it holds at any time what was written so far.

    Raises
    ------
    UsageError
        When the path is a folder.
    PetError
        When it cannot be written, or standard output is closed.
    """
    if output == "-":
        require_output()
        yield cast(IO[str], _StandardOutput())
        sys.stdout.flush()
        return
    path = Path(output)
    if path.is_dir():
        raise UsageError(f"-o {output}: this is a folder; expected the name of a file.")
    # A pipe or a device cannot be replaced. A link stays, and what it points to is replaced.
    if whole and (path.is_file() or not path.exists()):
        with written_whole(path.resolve()) as temporary, _text(temporary) as stream:
            yield stream
        return
    try:
        with _text(path) as stream:
            yield stream
    except OSError as error:
        raise PetError(f"{output}: cannot be written: {error.strerror or error}.") from error


class _StandardOutput(io.TextIOBase):
    """Standard output as it is now; a terminal gets no control characters."""

    def write(self, text: str) -> int:
        """Write a text with control characters as escapes, which JSON reads as the same."""
        return sys.stdout.write(readable(text))

    def flush(self) -> None:
        """Hand on what was written so far."""
        sys.stdout.flush()


def _text(path: Path) -> IO[str]:
    return path.open("w", encoding="utf-8", newline="", errors="backslashreplace")
