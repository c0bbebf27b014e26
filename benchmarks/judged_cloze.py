"""pet adapt with a judge: a masked LM learns to answer patterns without labels.

    python benchmarks/judged_cloze.py pet-mini sample/*.txt --encoder DIR --minutes 42 -o NEW

A masked LM learns little about patterns from running text: that "... It was great." follows praise
is one masked word in thousands. Here every step also fills patterns with texts and asks for the
mask, and a judge says how well each of some thousand candidate words fits there: the masked LM as
it was, plus the similarity that a sentence encoder sees between text and word (less the word's
mean, so that no word fits everything), plus, for words that judge, how well the text's author liked
what it speaks of. The last is read by a ridge regression off the encoder's vectors; it is fitted to
reviews that name their own mark, such as 7/10, which is weak supervision of liking. Candidates are
read off the text. No data set's labels are read; give it what sample_text.py wrote, so that nothing
that is held out is learned from.

What is learned is the judge's distribution (by Kullback-Leibler divergence, Hinton 2015) over all
candidates and, weighted by --groups, over random groups of eight of them: which of a few words fits
best is what a verbalizer will ask.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from sklearn.linear_model import RidgeCV
from torch import Tensor
from torch.nn import functional

from pet.adaptation import Source, adapt
from pet.backbone import MaskedLM
from pet.backbone.embedding import mean_embeddings
from pet.cli.console import progress_bars
from pet.config import BackboneConfig, LMConfig
from pet.data.documents import documents_from
from pet.encoding import Batch, Chunk, Encoder
from pet.seeds import derived_seed
from pet.task import Pattern
from pet.training import Loss
from pet.types import Ints

_WORD = re.compile(r"[a-z]+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_QUESTION = re.compile(r"[A-Z][^.!?]{8,120}\?")
_MARK = re.compile(r"(?<![\d/.])(\d+(?:\.\d)?)\s?(?:/|out of)\s?(10|5)\b(?!/)")
_LAST_SPANS = 4  # of a review, where the author sums up
_MAX_LENGTH = 110
_BATCH_TOKENS = 1536
_ROUND = 256  # texts with one template
_GROUP = 8  # words


@dataclass(frozen=True)
class Family:
    """Templates that ask alike.

    Parameters
    ----------
    templates : tuple of str
        Patterns.
    phrase : str
        Text that the encoder reads for a word, ``{}``.
    place : re.Pattern
        Place of its words in running text. A word is a candidate if it stands there at least
        ``least`` times, and these are at least ``share`` of all its occurrences.
    weight : float
        Nats for a unit of cosine similarity.
    rated : float
        Nats for one standard deviation of the text's liking times one of the word's.
    questions : bool
        Whether the texts are questions.
    odds : float
        Relative frequency of draws.
    """

    templates: tuple[str, ...]
    phrase: str
    place: re.Pattern[str]
    share: float
    weight: float
    rated: float = 0.0
    questions: bool = False
    odds: float = 0.25
    least: int = 5


_STOP = r"(?=\s?[.,;!?])"
_MOST = 3000  # candidates of a family
FAMILIES = (
    Family(
        (
            "{text} It was {mask}.",
            "{text} All in all, it was {mask}.",
            "It was {mask}. {text}",
            "Just {mask}! {text}",
            "Question: how was it? Answer: it was {mask}. {text}",
            "{text} All in all, a {mask} film.",
            "{text} A {mask} piece of work.",
            "A {mask} film. {text}",
            "{text} In summary, it was {mask}.",
            "{mask}: {text}",
            "The film is {mask} because {text}",
        ),
        "It was {}.",
        re.compile(r"\b(?:is|was|are|were|very|so|too|really)\s+([a-z]+)" + _STOP),
        0.01, 10.0, rated=4.0, odds=0.3,
    ),
    Family(
        (
            "{text} I feel {mask}.",
            "I feel {mask}. {text}",
            "{text} They felt {mask}.",
            "( {mask} ) {text}",
            "Question: how do you feel? Answer: I feel {mask}. {text}",
            "{text} They are {mask}.",
        ),
        "I feel {}.",
        re.compile(r"\b(?:feel|feels|felt|am|was|were|is|so|very|be)\s+([a-z]+)" + _STOP),
        0.01, 20.0, odds=0.2,
    ),
    Family(
        (
            "{text} This is about {mask}.",
            "{mask}: {text}",
            "( {mask} ) {text}",
            "[ Category: {mask} ] {text}",
            "{text} Topic: {mask}.",
            "{mask} News: {text}",
            "{text} This is {mask} news.",
            "Question: what is this about? Answer: {mask}. {text}",
        ),
        "This is about {}.",
        re.compile(r"\b(?:about|of|in|and)\s+([a-z]+)" + _STOP),
        0.003, 40.0,
    ),
    Family(
        (
            "Question: {text} Answer: the {mask}.",
            "{text} Answer type: {mask}.",
            "{text} Which {mask}?",
            "Question about a {mask}: {text}",
            "[ {mask} ] {text}",
            "{text} The {mask}.",
        ),
        "Answer: the {}.",
        re.compile(r"\b(?:the|a|an|which|what)\s+([a-z]+)\b"),
        0.05, 40.0, questions=True,
    ),
)  # fmt: skip


def candidates(
    files: Sequence[str], families: Sequence[Family], known: frozenset[str]
) -> list[list[str]]:
    """Return the candidate words of every family, most frequent first."""
    seen: Counter[str] = Counter()
    counters: list[Counter[str]] = [Counter() for _ in families]
    for file in files:
        for document in documents_from(file):
            text = document.lower()
            seen.update(_WORD.findall(text))
            for family, counter in zip(families, counters, strict=True):
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
        ][:_MOST]
        for family, counter in zip(families, counters, strict=True)
    ]


def spans(document: str, generator: np.random.Generator) -> Iterator[str]:
    """Cut a document into texts of one to three sentences and 4 to 50 words."""
    sentences = _SENTENCE_END.split(document)
    at = 0
    while at < len(sentences):
        size = int(generator.integers(1, 4))
        span = " ".join(" ".join(sentences[at : at + size]).split())
        at += size
        if 4 <= len(span.split()) <= 50:
            yield span


def drawn(texts: Sequence[str], count: int, generator: np.random.Generator) -> list[str]:
    """Draw texts, each at most once."""
    return [texts[row] for row in generator.permutation(len(texts))[:count]]


def marked(files: Sequence[str], generator: np.random.Generator) -> tuple[list[str], list[float]]:
    """Return the last texts of reviews that name one mark, without it, and the marks, 0 to 1."""
    texts: list[str] = []
    marks: list[float] = []
    for file in files:
        for document in documents_from(file):
            named = {float(mark) / float(most) for mark, most in _MARK.findall(document)}
            if len(named) == 1 and max(named) <= 1:
                last = list(spans(_MARK.sub("", document), generator))[-_LAST_SPANS:]
                texts += last
                marks += [max(named)] * len(last)
    return texts, marks


class Reader:
    """A sentence encoder, with a regression of how much the author likes the subject."""

    def __init__(self, encoder: MaskedLM, texts: Sequence[str], marks: Sequence[float]) -> None:
        self._encoder = encoder
        self._plain = Encoder.plain(encoder.tokenizer, ["text"], _MAX_LENGTH)
        self._liking = RidgeCV(alphas=np.geomspace(1, 1000, 7)).fit(self.vectors(texts), marks)

    def vectors(self, texts: Sequence[str]) -> Tensor:
        """Return vectors of length 1, (N, H)."""
        vectors = mean_embeddings(self._encoder, self._plain, [{"text": text} for text in texts])
        return functional.normalize(torch.from_numpy(vectors), dim=1)

    def liking(self, vectors: Tensor) -> Tensor:
        """Return the standardised liking that these vectors express, (N,)."""
        liking = torch.from_numpy(self._liking.predict(vectors.numpy())).float()
        return (liking - liking.mean()) / liking.std()


class Question:
    """A family ready to be asked: its words, and the reader's view of texts and words."""

    def __init__(
        self, family: Family, words: Sequence[str], supply: Sequence[str], texts: Tensor,
        reader: Reader, lm: MaskedLM,
    ) -> None:  # fmt: skip
        self.family = family
        self.supply = supply
        self.encoders = [
            Encoder(lm.tokenizer, Pattern(template).parts, _MAX_LENGTH)
            for template in family.templates
        ]
        pieces = [lm.tokenizer.word_ids(word) for word in words]
        self.ids = torch.tensor([token for (token,) in pieces], device=lm.compute.device)
        self._texts, self._words = texts, reader.vectors([family.phrase.format(w) for w in words])
        self._mean = texts.mean(0) @ self._words.T
        self._text_liking, self._word_liking = reader.liking(texts), reader.liking(self._words)

    def fitting(self, rows: Ints) -> Tensor:
        """Return how well every word fits these texts by the reader: (N, W), in nats."""
        fit = self.family.weight * (self._texts[rows] @ self._words.T - self._mean)
        if self.family.rated:
            # Log density, up to a constant, of the word's liking around the text's as the mean.
            text, word = self._text_liking[rows, None], self._word_liking
            fit = fit + self.family.rated * (text * word - word**2 / 2)
        return fit


class JudgedCloze:
    """Losses of a masked LM against the judge, for ``beside`` of `pet.adaptation.adapt`.

    Parameters
    ----------
    questions : sequence of Question
        The questions.
    start : MaskedLM
        The masked LM before adaptation.
    weight, groups : float
        Weights of the divergence over all words, and of that over groups of words.
    seed : int
        Random seed.
    """

    def __init__(
        self, questions: Sequence[Question], start: MaskedLM, weight: float, groups: float,
        seed: int,
    ) -> None:  # fmt: skip
        self._questions, self._start = questions, start
        self._weight, self._groups, self._seed = weight, groups, seed

    @property
    def asked(self) -> dict[str, Any]:
        """Everything that decides the losses, except the text, as JSON values."""
        return {
            "judge": {"weight": self._weight, "groups": self._groups},
            "texts": [len(question.supply) for question in self._questions],
            "words": [len(question.ids) for question in self._questions],
            "templates": [question.family.templates for question in self._questions],
            "odds": [question.family.odds for question in self._questions],
            "nats": [[q.family.weight, q.family.rated] for q in self._questions],
        }

    def __call__(self, student: MaskedLM, done: int) -> Iterator[Loss]:
        """Yield the loss of one batch after another; ``done`` of them are skipped."""
        odds = np.array([question.family.odds for question in self._questions])
        tokenizer, device = student.tokenizer, student.compute.device
        turn = 0
        while True:
            generator = np.random.default_rng(derived_seed(self._seed, 5, turn))
            turn += 1
            question = self._questions[generator.choice(len(odds), p=odds / odds.sum())]
            drawn_rows = generator.choice(
                len(question.supply), min(_ROUND, len(question.supply)), replace=False
            )
            encoder = question.encoders[generator.integers(len(question.encoders))]
            texts = [{"text": question.supply[row]} for row in drawn_rows]
            encoded = encoder.encode(Chunk(tokenizer, texts))
            batches = list(encoded.batches(_BATCH_TOKENS))
            for place in generator.permutation(len(batches)):
                order = torch.from_numpy(generator.permutation(len(question.ids)))
                if done:
                    done -= 1
                    continue
                rows = batches[place]
                batch = encoded.batch(rows, device)
                yield partial(self._loss, student, question, drawn_rows[rows], batch, order)

    def _loss(
        self, student: MaskedLM, question: Question, rows: Ints, batch: Batch, order: Tensor
    ) -> Tensor:
        learned = student.word_logits(student.mask_states(batch)[:, 0], question.ids)
        with torch.no_grad():
            judged = self._start.word_logits(self._start.mask_states(batch)[:, 0], question.ids)
            judged = judged + question.fitting(rows).to(judged.device)
        order = order[: len(order) // _GROUP * _GROUP].to(learned.device)
        groups = [logits[:, order].view(-1, _GROUP) for logits in (learned, judged)]
        return self._weight * _divergence(learned, judged) + self._groups * _divergence(*groups)


def _divergence(learned: Tensor, judged: Tensor) -> Tensor:
    """Return the mean over rows of KL(softmax of ``judged`` || softmax of ``learned``), in nats."""
    return functional.kl_div(
        learned.log_softmax(1), judged.log_softmax(1), log_target=True, reduction="batchmean"
    )


@click.command()
@click.argument("backbone")
@click.argument("files", nargs=-1, required=True)
@click.option("--encoder", required=True, help="Folder of a sentence encoder (mean pooling).")
@click.option("--texts", default=20_000, show_default=True, help="Texts put into patterns.")
@click.option(
    "--weight", default=1.0, show_default=True, help="Weight of the judge over all words."
)
@click.option("--groups", default=10.0, show_default=True, help="Weight of the judge over groups.")
@click.option("--max-steps", type=int)
@click.option("--minutes", type=float)
@click.option("--batch-size", default=8, show_default=True, help="Rows of running text a step.")
@click.option("--learning-rate", default=2e-4, show_default=True)
@click.option("--seed", default=13, show_default=True)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path))
def main(
    backbone: str,
    files: tuple[str, ...],
    encoder: str,
    texts: int,
    weight: float,
    groups: float,
    max_steps: int | None,
    minutes: float | None,
    batch_size: int,
    learning_rate: float,
    seed: int,
    output: Path,
) -> None:
    """Adapt BACKBONE to the text in FILES with a judge beside it."""
    generator = np.random.default_rng(seed)
    start = MaskedLM.load(backbone, "auto", "auto")
    words = candidates(files, FAMILIES, frozenset(start.hf_tokenizer.get_vocab()))
    for family, of_family in zip(FAMILIES, words, strict=True):
        shown = ", ".join(of_family[:12])
        click.echo(f"{len(of_family)} words for {family.templates[0]!r}: {shown} ...")
    documents = [document for file in files for document in documents_from(file)]
    told = drawn(
        [s for document in documents for s in spans(document, generator)], texts, generator
    )
    # A third as many questions at most, each once: dialogues ask the same ones again and again.
    all_questions = dict.fromkeys(q for document in documents for q in _QUESTION.findall(document))
    asked = drawn(list(all_questions), texts // 3, generator)
    reviews, marks = marked(files, generator)
    click.echo(f"{len(told)} texts, {len(asked)} questions, {len(marks)} texts with marks")
    if not (told and asked and marks and all(words)):
        raise click.ClickException(
            "The text needs some of each, and candidates for every template."
        )
    reader = Reader(MaskedLM.load(encoder, "auto", "auto", new_head=True), reviews, marks)
    vectors = {False: reader.vectors(told), True: reader.vectors(asked)}
    questions = [
        Question(
            family, of_family, asked if family.questions else told, vectors[family.questions],
            reader, start,
        )
        for family, of_family in zip(FAMILIES, words, strict=True)
    ]  # fmt: skip
    config = LMConfig(
        max_steps=max_steps,
        minutes=minutes,
        batch_size=batch_size,
        learning_rate=learning_rate,
        warmup=0.05,
        save_precision="fp16",
        mask_rate=0.25,
        mask_share=0.9,
        random_share=0.05,
    )
    sources = [Source(file, partial(documents_from, file)) for file in files]
    judge = JudgedCloze(questions, start, weight, groups, seed)
    with progress_bars() as progress:
        result = adapt(
            BackboneConfig(backbone), sources, config, seed, output,
            command=shlex.join(sys.argv), beside=judge, progress=progress,
        )  # fmt: skip
    click.echo(f"{result.steps} steps: {result.before} -> {result.after}")


if __name__ == "__main__":
    main()
