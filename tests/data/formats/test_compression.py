"""Compressed files: read and written by their names, refused where they are damaged."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import zstandard
from films import EXPECTED, columns, read, write_csv

from pet.data import examples_from
from pet.data.formats.compression import compressing
from pet.errors import DataError


def zipped(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("folder/rows.csv", content)
        archive.writestr("__MACOSX/folder/._rows.csv", b"of no use")
    return stream.getvalue()


COMPRESS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    "zip": zipped,
}


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    write_csv(tmp_path / "rows.csv")
    return (tmp_path / "rows.csv").read_bytes()


@pytest.mark.parametrize("ending", COMPRESS)
def test_compressed_files_are_read(tmp_path: Path, content: bytes, ending: str) -> None:
    path = tmp_path / f"rows.csv.{ending}"
    path.write_bytes(COMPRESS[ending](content))
    assert read(path) == EXPECTED


def test_what_is_written_compressed_is_read_and_has_no_time_in_it(
    tmp_path: Path, content: bytes
) -> None:
    for ending in COMPRESS:
        path = tmp_path / f"new.csv.{ending}"
        twice = []
        for _ in range(2):
            with path.open("wb") as stream, compressing(path.name, stream) as inner:
                inner.write(content)
            twice.append(path.read_bytes())
        assert read(path) == EXPECTED
        assert twice[0] == twice[1]


@pytest.mark.parametrize("ending", COMPRESS)
@pytest.mark.parametrize("damage", ["cut", "foreign", "flipped"])
def test_a_damaged_file_is_refused_and_gives_no_fewer_rows(
    tmp_path: Path, ending: str, damage: str
) -> None:
    rows = b"text,label\n" + b"".join(b"good film %d,positive\n" % n for n in range(5000))
    whole = COMPRESS[ending](rows)
    middle = len(whole) // 2
    changed = bytes(byte ^ 255 for byte in whole[middle : middle + 20])
    path = tmp_path / f"rows.csv.{ending}"
    path.write_bytes(
        {
            "cut": whole[:-20],
            "foreign": rows,
            "flipped": whole[:middle] + changed + whole[middle + 20 :],
        }[damage]
    )
    with pytest.raises(DataError, match=rf"rows\.csv\.{ending}"):
        read(path)


def test_zstandard_frames_one_after_the_other_are_one_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.csv.zst"
    compress = COMPRESS["zst"]
    path.write_bytes(compress(content[:30]) + compress(content[30:]))
    assert read(path) == EXPECTED


def test_a_zip_of_several_files_or_with_a_password_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "text\na\n")
        archive.writestr("b.csv", "text\nb\n")
    with pytest.raises(DataError, match=r"expected a zip with one file in it, found 2"):
        read(path, columns(labels="ignored"))
    locked = bytearray(zipped(b"text\na\n"))
    for start in (b"PK\x03\x04", b"PK\x01\x02"):
        locked[locked.index(start) + (6 if start == b"PK\x03\x04" else 8)] |= 1
    path.write_bytes(locked)
    with pytest.raises(DataError, match="has a password"):
        read(path, columns(labels="ignored"))


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_memory_does_not_grow_with_a_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows.csv.{ending}"
    path.write_bytes(COMPRESS[ending](b"text\n" + (b"good " * 400 + b"\n") * 5_000))
    tracemalloc.start()
    try:
        assert sum(1 for _ in examples_from(path, columns(labels="ignored"))) == 5_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3e6  # of 10 MB
