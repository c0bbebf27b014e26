"""Short cloze-like text: sentences beside a word that two models agree on.

    python benchmarks/cloze_text.py sample/*.txt --encoder DIR -o cloze.txt

A masked LM sees few sentences such as "... It was great." or "( sport ) ...", which is what
patterns ask it to fill in. This writes such lines from raw text alone, the word as {mask:word}, for
pet adapt --cloze: which words
fit a template is read off the text (what follows "was" before a stop, for one), and which of them
fits a sentence is said by a sentence encoder, to whose similarity (less the word's mean, so that
no word fits everything) the masked LM's own answer is added. No labelled data is read;
give it what sample_text.py wrote, so that nothing that is held out is learned from.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from scipy.special import softmax
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from pet import PVP, Verbalizer
from pet.backbone import MaskedLM
from pet.cli.console import progress_bars
from pet.embedding import mean_embeddings
from pet.encoding import Chunk, Encoder
from pet.pattern import input_parts
from pet.readers import documents_from
from pet.scoring import PVPScorer, Scores

_WORD = re.compile(r"[a-z]+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_MAX_LENGTH = 128
_AT_ONCE = 2048  # sentences
_DRAWN_FROM = 5  # of the words that fit best


@dataclass(frozen=True)
class Family:
    """Templates, and the place in running text that their words are read off.

    A word is a candidate where it stands in that place at least ``least`` times, and these are at
    least ``share`` of all the times it is seen; at most ``most`` candidates are taken.
    """

    templates: tuple[str, ...]
    place: re.Pattern[str]
    least: int
    share: float
    most: int
    questions: bool = False


_STOP = r"(?=\s?[.,;!?])"
FAMILIES = (
    Family(
        (
            "{text} It was {mask}.",
            "{text} All in all, it was {mask}.",
            "It was {mask}. {text}",
            "Just {mask}! {text}",
            "How was it? It was {mask}. {text}",
        ),
        re.compile(r"\b(?:is|was|are|were|very|so|too|really)\s+([a-z]+)" + _STOP),
        5, 0.01, 1500,
    ),
    Family(
        ("{text} I feel {mask}.", "I feel {mask}. {text}", "{text} They felt {mask}."),
        re.compile(r"\b(?:feel|feels|felt|am|was|were|is|so|very|be)\s+([a-z]+)" + _STOP),
        5, 0.01, 1500,
    ),
    Family(
        (
            "{text} This is about {mask}.",
            "{mask}: {text}",
            "( {mask} ) {text}",
            "{text} Topic: {mask}.",
            "News about {mask}: {text}",
        ),
        re.compile(r"\b(?:about|of|in|and)\s+([a-z]+)" + _STOP),
        5, 0.003, 3000,
    ),
    Family(
        ("{text} Answer: the {mask}.", "{text} Which {mask}?", "[ {mask} ] {text}"),
        re.compile(r"\b(?:the|a|an|which|what)\s+([a-z]+)" + _STOP),
        5, 0.003, 3000, questions=True,
    ),
)  # fmt: skip


def candidates(
    files: Sequence[str], families: Sequence[Family], known: frozenset[str]
) -> list[list[str]]:
    """Words of every family, most frequent first."""
    seen: Counter[str] = Counter()
    found: list[Counter[str]] = [Counter() for _ in families]
    for file in files:
        for document in documents_from(file):
            text = document.lower()
            seen.update(_WORD.findall(text))
            for family, counter in zip(families, found, strict=True):
                counter.update(family.place.findall(text))
    return [
        [
            word
            for word, count in counter.most_common()
            if count >= family.least
            and count >= family.share * seen[word]
            and word in known
            and word not in ENGLISH_STOP_WORDS
            and len(word) > 2
        ][: family.most]
        for family, counter in zip(families, found, strict=True)
    ]


def spans(files: Sequence[str], count: int, generator: np.random.Generator) -> list[str]:
    """Draw texts of one to three sentences and 4 to 50 words, each sentence at most once."""
    found = [span for file in files for span in _spans(file, generator)]
    return [found[at] for at in generator.permutation(len(found))[:count]]


def _spans(file: str, generator: np.random.Generator) -> Iterator[str]:
    for document in documents_from(file):
        sentences = _SENTENCE_END.split(document)
        at = 0
        while at < len(sentences):
            size = int(generator.integers(1, 4))
            span = " ".join(" ".join(sentences[at : at + size]).split())
            at += size
            if 4 <= len(span.split()) <= 50:
                yield span


class Judges:
    """A sentence encoder and a masked LM, which together say what fills a template.

    Parameters
    ----------
    encoder, lm : MaskedLM
        The two; of the encoder only its states are used.
    weight : float
        Nats that a unit of cosine similarity counts.
    """

    def __init__(self, encoder: MaskedLM, lm: MaskedLM, weight: float) -> None:
        self._encoder, self._lm, self._weight = encoder, lm, weight
        self._parts = Encoder(encoder.tokenizer, input_parts(["text"]), _MAX_LENGTH)

    def fitting(self, texts: Sequence[str], template: str, words: Sequence[str]) -> Scores:
        """How well every word fills the template beside every text: (N, W), in nats."""
        pvp = PVP(template, Verbalizer({word: [word] for word in words}))
        chunk = Chunk(self._lm.tokenizer, [{"text": text} for text in texts])
        own: Scores = PVPScorer(pvp, words, self._lm, _MAX_LENGTH).score(chunk)[0]
        phrases = [filled(template, "", word).strip() for word in words]
        similar = self._vectors(texts) @ self._vectors(phrases).T
        return own + self._weight * (similar - similar.mean(axis=0))

    def _vectors(self, texts: Sequence[str]) -> Scores:
        vectors = mean_embeddings(self._encoder, self._parts, [{"text": text} for text in texts])
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def filled(template: str, text: str, word: str) -> str:
    """Put a text and a word into a template."""
    return template.replace("{text}", text).replace("{mask}", word)


def lines(
    texts: Sequence[str],
    template: str,
    words: Sequence[str],
    judges: Judges,
    generator: np.random.Generator,
) -> Iterator[str]:
    """Fill a template with every text and one of the words that fit it best, drawn by the odds."""
    for start in range(0, len(texts), _AT_ONCE):
        part = texts[start : start + _AT_ONCE]
        scores = judges.fitting(part, template, words)
        best = np.argsort(-scores, axis=1)[:, :_DRAWN_FROM]
        odds = softmax(np.take_along_axis(scores, best, axis=1), axis=1)
        for text, row, p in zip(part, best, odds, strict=True):
            yield filled(template, text, f"{{mask:{words[generator.choice(row, p=p)]}}}")


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--places",
    multiple=True,
    help="Text that candidates are read off; by default FILES. Repeatable.",
)
@click.option("--encoder", required=True, help="Folder of a sentence encoder (mean pooling).")
@click.option("--backbone", default="pet-mini", show_default=True, help="Masked LM.")
@click.option("--texts", default=30_000, show_default=True, help="Texts drawn from the files.")
@click.option("--weight", default=40.0, show_default=True, help="Nats a unit of similarity.")
@click.option("--seed", default=13, show_default=True)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path))
def main(
    files: tuple[str, ...],
    places: tuple[str, ...],
    encoder: str,
    backbone: str,
    texts: int,
    weight: float,
    seed: int,
    output: Path,
) -> None:
    """Write cloze-like lines made from FILES."""
    generator = np.random.default_rng(seed)
    lm = MaskedLM.load(backbone, "auto", "auto")
    reader = MaskedLM.load(encoder, "auto", "auto", new_head=True)
    known = frozenset(lm.hf_tokenizer.get_vocab())
    words = candidates(places or files, FAMILIES, known)
    for family, own in zip(FAMILIES, words, strict=True):
        click.echo(f"{len(own)} words for {family.templates[0]!r}: {', '.join(own[:12])} ...")
    drawn = spans(files, texts, generator)
    asks = [text for text in drawn if text.endswith("?")]
    jobs = [
        (family, own, template)
        for family, own in zip(FAMILIES, words, strict=True)
        for template in family.templates
    ]
    judges = Judges(reader, lm, weight)
    made: list[str] = []
    with progress_bars() as progress:
        for done, (family, own, template) in enumerate(jobs):
            supply = asks if family.questions and len(asks) > len(drawn) // 40 else drawn
            chosen = generator.permutation(len(supply))[: 2 * texts // len(jobs)]
            made += lines([supply[at] for at in chosen], template, own, judges, generator)
            progress("templates", done + 1, len(jobs))
    order = generator.permutation(len(made))
    output.write_text("".join(made[at] + "\n" for at in order), encoding="utf-8")
    click.echo(f"{len(made)} lines in {output}")


if __name__ == "__main__":
    main()
