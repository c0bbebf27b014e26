"""Damage to a stored file, one kind after the other, and the file as it was afterwards."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load, save

# Files that nobody reads back, or that no number comes from.
UNREAD = ("log.jsonl", "SHA256SUMS", "README.md")


def _flipped(content: bytes, place: float) -> bytes:
    changed = bytearray(content)
    changed[int(place * (len(content) - 1))] ^= 4
    return bytes(changed)


def _other_values(content: bytes) -> bytes:
    """Write the same kind of file with other numbers, as another training might."""
    if content.startswith(b"\x93NUMPY"):
        stream = io.BytesIO()
        np.save(stream, np.load(io.BytesIO(content))[..., ::-1] + 1)
        return stream.getvalue()
    try:
        return save({name: tensor + 1 for name, tensor in load(content).items()})
    except Exception:
        return content.replace(b"1", b"2")


def _other_shape(content: bytes) -> bytes:
    if content.startswith(b"\x93NUMPY"):
        stream = io.BytesIO()
        np.save(stream, np.full((2, 3), np.nan))
        return stream.getvalue()
    try:
        return save({name: tensor.flatten().double() for name, tensor in load(content).items()})
    except Exception:
        return b"[]"


def _misspelt(content: bytes) -> bytes:
    """Change the name of the first value, the first tensor, or the type of an array."""
    if content.startswith(b"\x93NUMPY"):
        return content.replace(b"<f4", b"<i4")
    try:
        tensors = load(content)
    except Exception:
        try:
            plain: Any = json.loads(content)
        except ValueError:
            return b"{}"
        if not isinstance(plain, dict) or not plain:
            return b"7"
        return json.dumps({f"x{k}" if not i else k: plain[k] for i, k in enumerate(plain)}).encode()
    return save({f"x{name}" if not i else name: tensors[name] for i, name in enumerate(tensors)})


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "flipped": lambda content: _flipped(content, 0.95),
    "cut": lambda content: content[: len(content) // 2],
    "deep": lambda content: b"[" * 100_000,
    "other values": _other_values,
    "other shape": _other_shape,
    "misspelt": _misspelt,
}
KINDS = (*DAMAGE, "a folder", "missing")


def files_in(folder: Path) -> list[Path]:
    """Return the files of a folder that are read."""
    return sorted(f for f in folder.rglob("*") if f.is_file() and f.name not in UNREAD)


@contextmanager
def damaged(file: Path, kind: str) -> Iterator[None]:
    """Damage a file inside this context; give it back afterwards, whatever is there then."""
    content = file.read_bytes()
    if kind in DAMAGE:
        file.write_bytes(DAMAGE[kind](content))
    else:
        file.unlink()
        if kind == "a folder":
            file.mkdir()
    try:
        yield
    finally:
        if file.is_dir():
            shutil.rmtree(file)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
