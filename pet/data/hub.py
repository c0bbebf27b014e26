"""Hugging Face data sets, named as "hf:NAME[/CONFIG]:SPLIT"."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pet.errors import DataError

# Loaders of files, which without a list of files would take what lies in the current folder.
_LOADERS = ("arrow", "csv", "json", "parquet", "text", "xml", "webdataset")


def hub_dataset(source: str) -> Any:
    """Load a data set from the hub, or one that `save_to_disk` wrote.

    Raises
    ------
    DataError
        When it cannot be loaded, or has no such split; names the splits.
    """
    try:
        import datasets  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise DataError(
            f"{source}: Hugging Face data sets need the 'datasets' package.",
            "Install it with: pip install 'pet-fewshot[datasets]'",
        ) from error
    # A split may be a slice, which has colons too, such as train[:100].
    match = re.fullmatch(r"(.+?):([^:\[]+(?:\[.*\])?)", source.removeprefix("hf:"))
    name, split = match.groups() if match else (source.removeprefix("hf:").rstrip(":"), None)
    if not name or name.startswith(":"):
        raise DataError(f"{source}: expected hf:NAME:SPLIT, for example hf:ag_news:train.")
    if name.split("/")[0] in _LOADERS and not Path(name).exists():
        raise DataError(
            f"{source}: {name!r} is not a data set; it loads files.",
            "Give the file itself, such as data.parquet.",
        )
    try:
        if Path(name).is_dir():
            return _saved(source, datasets.load_from_disk(name), split)
        path, config = _path_and_config(name)
        if split is None:
            raise _without_split(source, datasets.get_dataset_split_names(path, config))
        return datasets.load_dataset(path, config, split=split, trust_remote_code=False)
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{source}: cannot be loaded: {type(error).__name__}: {error}") from error


def _path_and_config(name: str) -> tuple[str, str | None]:
    names = name.split("/")
    return ("/".join(names[:2]), names[2]) if len(names) == 3 else (name, None)


def _saved(source: str, loaded: Any, split: str | None) -> Any:
    if not hasattr(loaded, "keys"):  # one split, whatever it is called
        return loaded
    if split is None or split not in loaded:
        raise _without_split(source, list(loaded))
    return loaded[split]


def _without_split(source: str, splits: list[str]) -> DataError:
    parts = source.split(":")
    name = ":".join(parts[:2])
    return DataError(
        f"{source}: expected hf:NAME:SPLIT; the splits are {', '.join(map(repr, splits))}.",
        f"Write {name}:{splits[0]}." if splits else None,
    )
