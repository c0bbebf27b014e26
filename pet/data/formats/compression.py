"""Compressed files: gzip, bzip2, xz, zstandard, and zip with one file in it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import PurePath
from typing import IO, Any, cast

from pet.data.formats.extras import imported
from pet.errors import DataError

COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")
# Bytes of a zstandard file that are decompressed at once, and those after which that is enough.
_LEAST_AT_ONCE, _MOST_AT_ONCE, _ENOUGH = 1 << 6, 1 << 12, 1 << 18
# Errors of files that are cut off or changed.
DAMAGED = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError)


def uncompressed_name(name: str) -> str:
    """Return a file's name without the ending of its compression."""
    ending = PurePath(name).suffix
    return name[: -len(ending)] if ending.lower() in COMPRESSED else name


@contextmanager
def decompressed(name: str, stream: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    """Open what is in a file, whose name says how it is compressed, if it is.

    Yields
    ------
    name : str
        The inner file's name, which tells its format.
    stream : byte stream
        Its bytes.

    Raises
    ------
    DataError
        When a zip holds another number of files than one, or has a password.
    """
    inner, ending = uncompressed_name(name), PurePath(name).suffix.lower()
    with ExitStack() as stack:
        if ending == ".gz":
            opened: Any = stack.enter_context(gzip.open(stream))
        elif ending == ".bz2":
            opened = stack.enter_context(bz2.open(stream))
        elif ending == ".xz":
            opened = stack.enter_context(lzma.open(stream))
        elif ending == ".zst":
            opened = io.BufferedReader(_Zstandard(name, stream), 1 << 16)
        elif ending == ".zip":
            archive = stack.enter_context(zipfile.ZipFile(stream))
            member = _only_member(name, archive)
            inner = inner if PurePath(inner).suffix else member.filename
            opened = stack.enter_context(archive.open(member))
        else:
            opened = stream
        yield inner, cast(IO[bytes], opened)


def _only_member(name: str, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]
    if len(members) != 1:
        raise DataError(
            f"{name}: expected a zip with one file in it, found {len(members)}.",
            "Unpack it and give the files one by one.",
        )
    (member,) = members
    if member.flag_bits & 1:
        raise DataError(f"{name}: the zip has a password.", "Unpack it first.")
    return member


class _Zstandard(io.RawIOBase):
    """Bytes of a zstandard stream; one that is cut off is an EOFError."""

    def __init__(self, name: str, stream: IO[bytes]) -> None:
        self._zstandard = imported("zstandard", name)
        self._stream = stream
        self._frame = self._zstandard.ZstdDecompressor().decompressobj()
        self._in_frame = False
        self._at_once = _LEAST_AT_ONCE
        self._ready = b""
        self._compressed = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            data = self._compressed or self._stream.read(self._at_once)
            self._compressed = b""
            if not data:
                if self._in_frame:
                    raise EOFError("it ends too early")
                return 0
            self._in_frame = True
            try:
                self._ready = self._frame.decompress(data)
            except self._zstandard.ZstdError as error:
                raise EOFError(str(error)) from error
            # A little at a time, since a little may hold very much.
            is_small = len(self._ready) < _ENOUGH
            self._at_once = min(2 * self._at_once, _MOST_AT_ONCE) if is_small else _LEAST_AT_ONCE
            if self._frame.eof:
                self._compressed = self._frame.unused_data
                self._frame = self._zstandard.ZstdDecompressor().decompressobj()
                self._in_frame = False
        given, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(given)] = given
        return len(given)


@contextmanager
def compressing(name: str, stream: IO[bytes]) -> Iterator[IO[bytes]]:
    """Yield a stream whose bytes are compressed into another one, as a file's name says.

    The same bytes give the same file: no time and no name is stored.
    """
    ending = PurePath(name).suffix.lower()
    with ExitStack() as stack:
        opened: Any = stream
        if ending == ".gz":
            opened = stack.enter_context(gzip.GzipFile("", "wb", fileobj=stream, mtime=0))
        elif ending == ".bz2":
            opened = stack.enter_context(bz2.open(stream, "wb"))
        elif ending == ".xz":
            opened = stack.enter_context(lzma.open(stream, "wb"))
        elif ending == ".zst":
            compressor = imported("zstandard", name).ZstdCompressor(write_checksum=True)
            opened = stack.enter_context(compressor.stream_writer(stream, closefd=False))
        elif ending == ".zip":
            archive = stack.enter_context(zipfile.ZipFile(stream, "w"))
            member = zipfile.ZipInfo(PurePath(uncompressed_name(name)).name)
            member.compress_type = zipfile.ZIP_DEFLATED
            opened = stack.enter_context(archive.open(member, "w", force_zip64=True))
        yield opened
