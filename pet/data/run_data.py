"""Everything that a run learns from, and how it is known again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pet.data.examples import Example
from pet.data.pool import Pool


@dataclass(frozen=True)
class Data:
    """What a run learns from."""

    train: Sequence[Example]
    dev: Sequence[Example] = ()
    pool: Pool | None = None

    def labelled(self) -> dict[str, list[dict[str, Any]]]:
        """What people labelled, as JSON values; `labelled_from` reads them."""
        parts = {"train": self.train, "dev": self.dev}
        return {
            name: [{"texts": dict(own.texts), "label": own.label} for own in part]
            for name, part in parts.items()
        }

    def fingerprint(self) -> dict[str, Any]:
        """Sizes and content hashes, by which a run knows its data again."""
        return {
            "train": fingerprint(self.train),
            "dev": fingerprint(self.dev),
            "unlabeled": None if self.pool is None else self.pool.fingerprint,
        }


def labelled_from(plain: Mapping[str, Sequence[Mapping[str, Any]]]) -> Data:
    """Read `Data.labelled`."""

    def example(own: Mapping[str, Any]) -> Example:
        several = isinstance(own["label"], list)
        return Example(own["texts"], tuple(own["label"]) if several else own["label"])

    train, dev = ([example(own) for own in plain[name]] for name in ("train", "dev"))
    return Data(train, dev)


def fingerprint(examples: Iterable[Example]) -> dict[str, Any]:
    """Number and content hash of labelled examples."""
    digest = hashlib.sha256()
    count = 0
    for example in examples:
        count += 1
        digest.update(json.dumps([example.key, example.label]).encode())
    return {"n": count, "sha256": digest.hexdigest()[:16]}
