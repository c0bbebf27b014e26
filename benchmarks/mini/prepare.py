"""Put everything that the training of pet-mini needs into one small file.

    PYTHONPATH=.:benchmarks python benchmarks/mini/prepare.py corpus/*.txt.gz extra/*.txt \
      --clean 'gutenberg|sgd|wikipedia' --held-out-of corpus/ --encoder DIR --tests DIR -o mini.xz

Text and patterns become token ids, the sentence encoder one byte a weight; what `backbones.py`
holds out is kept apart. Documents with a sentence of a test text are left out of the text.

Needs: pip install vaderSentiment
"""

from __future__ import annotations

import io
import json
import lzma
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from sklearn.linear_model import RidgeCV
from templates import FAMILIES, templates
from tokenizers import Tokenizer
from torch.nn import functional

from pet.adaptation import Source
from pet.adaptation.corpus import Corpus
from pet.backbone import MaskedLM
from pet.backbone.embedding import mean_embeddings
from pet.data.documents import documents_from
from pet.encoding import Encoder

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"[a-z]+")
_MARK = re.compile(r"(?<![\d/.])(\d+(?:\.\d)?)\s?(?:/|out of)\s?(10|5)\b(?!/)")
_AT_ONCE = 2000  # documents
_MOST_WORDS = 3000  # of a family
_LEAST = 5  # times that a candidate stands in its place
_LAST = 3  # sentences of a review, where the author sums up
_SPANS = 10_000  # of text, to learn liking from


def sentences(document: str) -> list[str]:
    """Cut a document into sentences."""
    return [s for s in _SENTENCE_END.split(" ".join(document.split())) if s]


def _key(sentence: str) -> str:
    return " ".join(_WORD.findall(sentence.lower()))


def tested(folder: Path) -> frozenset[str]:
    """Return the sentences of five words or more of all test texts, without case and marks."""
    keys: set[str] = set()
    for file in sorted(folder.glob("*/test.jsonl")):
        with file.open(encoding="utf-8") as rows:
            for row in map(json.loads, rows):
                for text in (row["text"], row.get("text_b", "")):
                    keys.update(_key(s) for s in (text, *sentences(text)))
    return frozenset(key for key in keys if len(key.split()) >= 5)


class Text:
    """Token ids of documents, with the lengths of their sentences."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._ids: list[NDArray[np.uint16]] = []
        self._lengths: list[NDArray[np.uint16]] = []
        self._sizes: list[int] = []
        self._parts: list[int] = []

    def add(self, documents: Iterator[str], part: int) -> int:
        """Add documents of one part; return the number of their tokens."""
        tokens = 0
        while block := [found for d in islice(documents, _AT_ONCE) if (found := sentences(d))]:
            flat = [sentence for document in block for sentence in document]
            found = self._tokenizer.encode_batch_fast(flat, add_special_tokens=False)
            pieces = [np.array(encoding.ids, np.uint16) for encoding in found]
            self._ids.append(np.concatenate(pieces))
            self._lengths.append(np.array([len(p) for p in pieces], np.uint16))
            self._sizes += [len(document) for document in block]
            self._parts += [part] * len(block)
            tokens += len(self._ids[-1])
        return tokens

    def arrays(self, name: str) -> dict[str, NDArray[np.generic]]:
        """Return everything as arrays."""
        return {
            f"{name}.ids": np.concatenate(self._ids),
            f"{name}.lengths": np.concatenate(self._lengths),
            f"{name}.sizes": np.array(self._sizes, np.uint16),
            f"{name}.parts": np.array(self._parts, np.uint8),
        }


def candidates(files: Sequence[str], vocabulary: frozenset[str]) -> list[list[str]]:
    """Return the candidate words of every family, most frequent first."""
    seen: Counter[str] = Counter()
    counters: list[Counter[str]] = [Counter() for _ in FAMILIES]
    for file in files:
        for document in documents_from(file):
            text = document.lower()
            seen.update(_WORD.findall(text))
            for family, counter in zip(FAMILIES, counters, strict=True):
                counter.update(family.place.findall(text))
    return [
        [
            word
            for word, count in counter.most_common()
            if count >= max(_LEAST, family.share * seen[word])
            and word in vocabulary
            and word not in ENGLISH_STOP_WORDS
            and len(word) > 2
        ][:_MOST_WORDS]
        for family, counter in zip(FAMILIES, counters, strict=True)
    ]


class Liking:
    """Regressions of how much an author likes the subject, from the encoder's vector of a text."""

    def __init__(self, folder: str) -> None:
        self._encoder = MaskedLM.load(folder, "cpu", "fp32", new_head=True)
        self._plain = Encoder.plain(self._encoder.tokenizer, ["text"], 110)

    def _vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = mean_embeddings(self._encoder, self._plain, [{"text": text} for text in texts])
        return functional.normalize(torch.from_numpy(vectors), dim=1).numpy()

    def _fitted(self, texts: Sequence[str], values: NDArray[np.float64]) -> NDArray[np.float32]:
        ridge = RidgeCV(alphas=np.geomspace(1, 1000, 7)).fit(self._vectors(texts), values)
        return np.float32(ridge.coef_)

    def of_marks(self, files: Sequence[str]) -> NDArray[np.float32]:
        """Fit to the last sentences of reviews that name one mark, such as 7/10: (H,)."""
        texts, marks = [], []
        for file in files:
            for document in documents_from(file):
                named = {float(mark) / float(most) for mark, most in _MARK.findall(document)}
                if len(named) == 1 and max(named) <= 1:
                    last = sentences(_MARK.sub("", document))
                    ends = (last[-2 * _LAST : -_LAST], last[-_LAST:])
                    spans = [" ".join(end) for end in ends]
                    texts += [span for span in spans if span]
                    marks += [max(named)] * (len(texts) - len(marks))
        click.echo(f"liking: {len(texts)} texts of reviews with marks")
        return self._fitted(texts, np.array(marks))

    def of_lexicon(self, files: Sequence[str], seed: int) -> NDArray[np.float32]:
        """Fit to what VADER's lexicon and rules say of sentences and single words: (H,)."""
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        vader = SentimentIntensityAnalyzer()
        known = frozenset(self._encoder.hf_tokenizer.get_vocab())
        words = {word: value for word, value in vader.lexicon.items() if word in known}
        phrases = [f"It was {word}." for word in words]
        coefficients = self._fitted(phrases, np.array(list(words.values())))
        generator = np.random.default_rng(seed)
        spans = [
            s
            for file in files
            for document in islice(documents_from(file), 5000)
            for s in sentences(document)
            if 4 <= len(s.split()) <= 50
        ]
        spans = [spans[at] for at in generator.permutation(len(spans))[: 4 * _SPANS]]
        scores = np.array([vader.polarity_scores(span)["compound"] for span in spans])
        order = np.argsort(scores)
        chosen = np.concatenate([order[: _SPANS // 3], order[-_SPANS // 3 :], order[:: 4 * 3]])
        of_spans = self._fitted([spans[at] for at in chosen], scores[chosen])
        click.echo(f"liking: {len(words)} words and {len(chosen)} sentences by the lexicon")
        return np.float32(
            coefficients / np.linalg.norm(coefficients) + of_spans / np.linalg.norm(of_spans)
        )


def packed_weights(folder: str) -> dict[str, NDArray[np.generic]]:
    """Return an encoder's weights with a byte a weight and a scale for every row of a matrix."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, weight in load_file(Path(folder) / "model.safetensors").items():
        if name.startswith("pooler.") or not weight.is_floating_point():
            continue
        values = weight.float()
        if values.ndim == 1:
            arrays[f"weight.{name}"] = values.numpy()
            continue
        scale = values.abs().amax(1, keepdim=True).clamp(min=1e-12) / 127
        arrays[f"weight.{name}"] = (values / scale).round().to(torch.int8).numpy()
        arrays[f"scale.{name}"] = scale.numpy()
    return arrays


def _flat(pieces: Sequence[Sequence[int]]) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    starts = np.cumsum([0, *(len(piece) for piece in pieces)])
    return np.array([token for piece in pieces for token in piece], np.int16), starts


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--clean", required=True, help="Regular expression: files under open licences.")
@click.option("--encoder", required=True, help="Folder of the sentence encoder.")
@click.option("--tests", required=True, type=click.Path(path_type=Path), help="Folder of tasks.")
@click.option("--held-out-of", required=True, help="Regular expression: files to hold out from.")
@click.option("--held-out", default=500, show_default=True, help="Documents, in all these files.")
@click.option("--only-held-out", default="^$", help="Regular expression: files to leave out else.")
@click.option("--templates", "of_family", default=800, show_default=True, help="Of each family.")
@click.option("--seed", default=13, show_default=True)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path))
def main(
    files: tuple[str, ...],
    clean: str,
    encoder: str,
    tests: Path,
    held_out_of: str,
    held_out: int,
    only_held_out: str,
    of_family: int,
    seed: int,
    output: Path,
) -> None:
    """Prepare the training of pet-mini on FILES."""
    tokenizer = Tokenizer.from_file(str(Path(encoder) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    vocabulary = tokenizer.get_vocab()
    sources = [
        Source(file, lambda file=file: documents_from(file))  # type: ignore[misc]
        for file in files
        if re.search(held_out_of, file)
    ]
    kept = set(Corpus(sources, held_out, seed).held_out())
    forbidden = tested(tests)
    text, hidden = Text(tokenizer), Text(tokenizer)
    for part, file in enumerate(files):
        left = 0

        def allowed(file: str = file) -> Iterator[str]:
            nonlocal left
            for document in documents_from(file):
                if document in kept:
                    continue
                if any(_key(s) in forbidden for s in (document, *sentences(document))):
                    left += 1
                    continue
                yield document

        tokens = 0 if re.search(only_held_out, file) else text.add(allowed(), part)
        hidden.add((d for d in documents_from(file) if d in kept), part)
        click.echo(f"{Path(file).name}: {tokens / 1e6:.2f}M tokens, {left} documents left out")
    open_files = [file for file in files if re.search(clean, file)]
    words = candidates(open_files, frozenset(vocabulary))
    arrays = {**text.arrays("text"), **hidden.arrays("held"), **packed_weights(encoder)}
    for index, (family, of_words) in enumerate(zip(FAMILIES, words, strict=True)):
        drawn = templates(family, of_family, seed)
        click.echo(f"{family.name}: {len(drawn)} patterns, such as {drawn[:3]}")
        click.echo(f"  {len(of_words)} words: {', '.join(of_words[:12])} ...")
        sides = zip(
            *(pattern.replace("{mask}", "[MASK]").split("{text}") for pattern in drawn), strict=True
        )
        for name, pieces in zip(("before", "after"), sides, strict=True):
            encoded = [tokenizer.encode(p, add_special_tokens=False).ids for p in pieces]
            arrays[f"{name}.{index}"], arrays[f"{name}.starts.{index}"] = _flat(encoded)
        arrays[f"words.{index}"] = np.array([vocabulary[word] for word in of_words], np.int16)
        phrases = [tokenizer.encode(family.phrase.format(word)).ids for word in of_words]
        arrays[f"phrases.{index}"], arrays[f"phrases.starts.{index}"] = _flat(phrases)
    liking = Liking(encoder)
    arrays["liking.all"] = liking.of_marks(files)
    arrays["liking.clean"] = liking.of_lexicon(open_files, seed)
    about = {
        "parts": [Path(file).name.split(".")[0] for file in files],
        "clean": [bool(re.search(clean, file)) for file in files],
        "families": [
            {"name": f.name, "weight": f.weight, "rated": f.rated, "questions": f.questions}
            for f in FAMILIES
        ],
    }
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    # Token ids are two bytes each: tell the compressor so.
    filters = [
        {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lp": 1, "pb": 1, "lc": 3}
    ]
    with lzma.open(output, "wb", filters=filters) as file:
        file.write(buffer.getvalue())
    click.echo(f"{output}: {output.stat().st_size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
