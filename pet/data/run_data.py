"""Data of a run: training and development examples, unlabelled text, and their fingerprint."""

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
    """Data that a run learns from.

    Parameters
    ----------
    train : sequence of Example
        Labelled examples.
    dev : sequence of Example
        Labelled examples for early stopping; none by default.
    pool : Pool, optional
        Unlabelled text.
    """

    train: Sequence[Example]
    dev: Sequence[Example] = ()
    pool: Pool | None = None

    def labelled(self) -> dict[str, list[dict[str, Any]]]:
        """Return the labelled examples as JSON values; `labelled_from` reads them."""
        splits = {"train": self.train, "dev": self.dev}
        return {
            name: [{"texts": dict(example.texts), "label": example.label} for example in examples]
            for name, examples in splits.items()
        }

    def fingerprint(self) -> dict[str, Any]:
        """Return sizes and content hashes, by which a run recognises its data."""
        return {
            "train": fingerprint(self.train),
            "dev": fingerprint(self.dev),
            "unlabeled": None if self.pool is None else self.pool.fingerprint,
        }


def labelled_from(plain: Mapping[str, Sequence[Mapping[str, Any]]]) -> Data:
    """Rebuild the labelled examples from `Data.labelled`."""

    def example(entry: Mapping[str, Any]) -> Example:
        label = entry["label"]
        return Example(entry["texts"], tuple(label) if isinstance(label, list) else label)

    train, dev = ([example(entry) for entry in plain[name]] for name in ("train", "dev"))
    return Data(train, dev)


def fingerprint(examples: Iterable[Example]) -> dict[str, Any]:
    """Return the number and the content hash of labelled examples."""
    digest = hashlib.sha256()
    count = 0
    for example in examples:
        count += 1
        digest.update(json.dumps([example.key, example.label]).encode())
    return {"n": count, "sha256": digest.hexdigest()[:16]}
