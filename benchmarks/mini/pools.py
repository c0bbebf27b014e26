"""What training draws from: rows of running text, of short texts, and of texts in patterns.

    python benchmarks/mini/pools.py mini.xz all FILE

writes them, for `train.py --pools FILE`: packing takes a minute of one core.
"""

from __future__ import annotations

import io
import json
import lzma
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray
from rows import CLS, LENGTH, MASK, MOST, SEP, Rows, pack
from torch import Tensor

Array = NDArray[Any]
Pieces = tuple[Array, Array, Array]  # token ids of all, starts (N,), lengths (N,)
_QUESTION = 1029  # the token "?"
_LONGEST = 80  # tokens of a short text
_FILMS = ("imdb_train", "imdb_unsup", "nltk_movie_reviews")


@dataclass(frozen=True)
class Prepared:
    """The file that `prepare.py` wrote."""

    arrays: dict[str, Array]
    about: dict[str, Any]

    @classmethod
    def read(cls, file: Path) -> Prepared:
        """Read the file."""
        with lzma.open(file) as packed:
            arrays = dict(np.load(io.BytesIO(packed.read())))
        return cls(arrays, json.loads(arrays.pop("about").tobytes()))

    def encoder(self) -> dict[str, Tensor]:
        """Return the sentence encoder's weights by name."""
        weights = {}
        for name, array in self.arrays.items():
            kind, _, rest = name.partition(".")
            if kind == "weight":
                weight = torch.from_numpy(array).float()
                scale = self.arrays.get(f"scale.{rest}")
                weights[rest] = weight if scale is None else weight * torch.from_numpy(scale)
        return weights

    def pieces(self, name: str) -> Pieces:
        """Return token ids by their name, such as before.0."""
        kind, _, index = name.partition(".")
        starts = self.arrays[f"{kind}.starts.{index}"]
        return self.arrays[name], starts[:-1], np.diff(starts)


def composed(*pieces: Pieces) -> tuple[Array, Array]:
    """Join the pieces of every text: token ids of all texts, and starts (N + 1,)."""
    lengths = np.stack([length for _, _, length in pieces], axis=1).astype(np.int64)
    bounds = np.concatenate([[0], np.cumsum(lengths.sum(1))])
    joined = np.empty(bounds[-1], np.int16)
    offsets = bounds[:-1].copy()
    for (flat, starts, _), length in zip(pieces, lengths.T, strict=True):
        within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
        joined[np.repeat(offsets, length) + within] = flat[np.repeat(starts, length) + within]
        offsets += length
    return joined, bounds


def framed(*pieces: Pieces) -> tuple[Array, Array]:
    """Join the pieces of every text between the opening and the closing token."""
    count = len(pieces[0][1])

    def alone(token: int) -> Pieces:
        return np.array([token]), np.zeros(count, np.int64), np.ones(count, np.int64)

    return composed(alone(CLS), *pieces, alone(SEP))


class Running:
    """Running text: chunks of whole sentences, as long as a row where the document is.

    Parameters
    ----------
    prepared : Prepared
        The file.
    name : str
        "text", or "held" for what is held out.
    """

    def __init__(self, prepared: Prepared, name: str = "text") -> None:
        arrays = prepared.arrays
        self.ids = arrays[f"{name}.ids"].astype(np.int16)
        self._lengths = arrays[f"{name}.lengths"].astype(np.int64)
        self._sizes = arrays[f"{name}.sizes"].astype(np.int64)
        self._parts = arrays[f"{name}.parts"]

    def documents(self, parts: Sequence[int]) -> Iterator[tuple[int, Array]]:
        """Yield the start of every document and the lengths of its sentences."""
        ends = np.cumsum(self._sizes)
        token_ends = np.cumsum(self._lengths)
        for at in np.flatnonzero(np.isin(self._parts, parts)).tolist():
            first = ends[at] - self._sizes[at]
            lengths = self._lengths[first : ends[at]]
            yield int(token_ends[first] - self._lengths[first]), lengths

    def chunks(self, parts: Sequence[int], most: int = LENGTH - 2) -> Pieces:
        """Cut documents into chunks of at most ``most`` tokens."""
        starts, sizes = [], []
        for start, lengths in self.documents(parts):
            size = 0
            for length in lengths.tolist():
                while length:
                    if size and size + length > most:
                        starts.append(start)
                        sizes.append(size)
                        start, size = start + size, 0
                    taken = min(length, most - size)
                    size, length = size + taken, length - taken
            if size:
                starts.append(start)
                sizes.append(size)
        return self.ids, np.array(starts), np.array(sizes)

    def short(self, parts: Sequence[int], seed: int) -> Pieces:
        """Cut documents into texts of one to three sentences and 5 to 80 tokens."""
        generator = np.random.default_rng(seed)
        starts, sizes = [], []
        for start, lengths in self.documents(parts):
            counts = generator.integers(1, 4, len(lengths)).tolist()
            at = 0
            while at < len(lengths):
                size = int(lengths[at : at + counts[at]].sum())
                at += counts[at]
                if 5 <= size <= _LONGEST:
                    starts.append(start)
                    sizes.append(size)
                start += size
        return self.ids, np.array(starts), np.array(sizes)

    def questions(self, parts: Sequence[int]) -> Pieces:
        """Return all different sentences of 5 to 40 tokens that end with a question mark."""
        found: dict[bytes, tuple[int, int]] = {}
        for start, lengths in self.documents(parts):
            ends = start + np.cumsum(lengths)
            for end, length in zip(ends.tolist(), lengths.tolist(), strict=True):
                if 5 <= length <= 40 and self.ids[end - 1] == _QUESTION:
                    found.setdefault(self.ids[end - length : end].tobytes(), (end - length, length))
        starts, sizes = np.array(list(found.values()), np.int64).reshape(-1, 2).T
        return self.ids, starts, sizes


def _running_rows(prepared: Prepared, part: int, seed: int) -> tuple[Rows, int]:
    """Pack the running text of one part; return its tokens as well."""
    pieces = Running(prepared).chunks([part])
    return pack(*framed(pieces), seed), int(pieces[2].sum())


def _weighed(
    packed: Sequence[tuple[Rows, int]], names: Sequence[str]
) -> tuple[Rows, Tensor, dict[str, float]]:
    """Return all rows, the odds of drawing each, and the shares of parts.

    Parts are drawn by their tokens to the power 0.7, films by half of that: large parts would
    crowd out the small ones, which are more like what people classify.
    """
    shares = {
        name: tokens**0.7 * (0.5 if name in _FILMS else 1.0)
        for name, (_, tokens) in zip(names, packed, strict=True)
    }
    odds = [
        torch.full((len(rows),), share / len(rows), dtype=torch.float64)
        for share, (rows, _) in zip(shares.values(), packed, strict=True)
    ]
    total = sum(shares.values())
    rows = Rows.joined([rows for rows, _ in packed])
    return rows, torch.cat(odds), {name: share / total for name, share in shares.items()}


def chosen(pieces: Pieces, count: int, seed: int) -> Pieces:
    """Draw at most ``count`` of the texts, each once."""
    flat, starts, lengths = pieces
    index = np.random.default_rng(seed).permutation(len(starts))[:count]
    return flat, starts[index], lengths[index]


@dataclass(frozen=True)
class Asked:
    """Texts in the patterns of one family: P of them.

    Parameters
    ----------
    rows : Rows
        Packed patterns.
    masks : Tensor
        Place of every text's mask in the row, (N, S); 0 where there is no text.
    texts : Tensor
        Which text stands in which pattern, (P,).
    """

    rows: Rows
    masks: Tensor
    texts: Tensor

    def to(self, device: torch.device) -> Asked:
        """Return the same on another device."""
        return Asked(self.rows.to(device), self.masks.to(device), self.texts.to(device))


def asked(before: Pieces, after: Pieces, texts: Pieces, count: int, seed: int) -> Asked:
    """Put ``count`` draws of texts into draws of patterns, (before, text, after)."""
    generator = np.random.default_rng(seed)
    template = generator.integers(len(before[1]), size=count)
    text = generator.integers(len(texts[1]), size=count)

    def drawn(pieces: Pieces, index: Array) -> Pieces:
        return pieces[0], pieces[1][index], pieces[2][index]

    rows = pack(*framed(drawn(before, template), drawn(texts, text), drawn(after, template)), seed)
    at_row, place = torch.nonzero(rows.ids == MASK, as_tuple=True)
    masks = torch.zeros(len(rows), MOST, dtype=torch.int16)
    masks[at_row, rows.texts[at_row, place].long()] = place.short()
    return Asked(rows, masks, torch.from_numpy(text))


@dataclass(frozen=True)
class Pools:
    """Everything to draw from.

    Parameters
    ----------
    text : str
        "all" of the text, or what is "clean".
    running, odds : Rows, Tensor
        Rows of running text, and the odds of drawing each, (N,).
    shares : mapping
        Share of every part in the draws.
    short : Rows
        Short texts, then questions, then chunks.
    counts : tuple of int
        How many there are of each.
    asked : list of Asked
        Texts in patterns, by family.
    """

    text: str
    running: Rows
    odds: Tensor
    shares: dict[str, float]
    short: Rows
    counts: tuple[int, int, int]
    asked: list[Asked]

    @classmethod
    def built(cls, prepared: Prepared, text: str, texts: int, patterns: int, seed: int) -> Pools:
        """Pack "all" of the text or what is "clean".

        Parameters
        ----------
        prepared : Prepared
            The file.
        text : str
            Which text.
        texts, patterns : int
            Most short texts, and texts in patterns of every family.
        seed : int
            Seed of all draws.
        """
        clean = prepared.about["clean"]
        there = np.unique(prepared.arrays["text.parts"]).tolist()
        parts = [part for part in there if text == "all" or clean[part]]
        with ProcessPoolExecutor() as processes:
            packing = [processes.submit(_running_rows, prepared, part, seed) for part in parts]
            running = Running(prepared)
            short = chosen(running.short(parts, seed), texts, seed)
            questions = chosen(running.questions(parts), texts // 4, seed)
            # Vectors of long texts as well, so that they stay what the encoder says.
            long = chosen(running.chunks(parts), texts // 20, seed)
            kinds = (short, questions, long)
            starts, lengths = (np.concatenate([kind[at] for kind in kinds]) for at in (1, 2))
            packing_short = processes.submit(pack, *framed((running.ids, starts, lengths)), seed)
            asking = []
            for index, about in enumerate(prepared.about["families"]):
                sides = [prepared.pieces(f"{side}.{index}") for side in ("before", "after")]
                of_texts = questions if about["questions"] else short
                args = (*sides, of_texts, patterns, seed + index)
                asking.append(processes.submit(asked, *args))
            rows = [process.result() for process in packing]
            return cls(
                text,
                *_weighed(rows, [prepared.about["parts"][part] for part in parts]),
                packing_short.result(),
                (len(short[1]), len(questions[1]), len(long[1])),
                [process.result() for process in asking],
            )


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("text", type=click.Choice(["clean", "all"]))
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--texts", default=500_000, show_default=True, help="Short texts.")
@click.option("--patterns", default=120_000, show_default=True, help="Texts in patterns, a family.")
@click.option("--seed", default=13, show_default=True)
def main(file: Path, text: str, output: Path, texts: int, patterns: int, seed: int) -> None:
    """Pack the TEXT of FILE for training and write it to OUTPUT."""
    pools = Pools.built(Prepared.read(file), text, texts, patterns, seed)
    torch.save(pools, output)
    click.echo(f"{output}: {len(pools.running)} rows of running text, {pools.counts} short texts")


if __name__ == "__main__":
    main()
