"""Some thousand patterns, drawn by rules, in four families; none of them is a task's own.

A family asks one kind of thing: how something was, how somebody feels, what a text is about, what a
question wants to know. Its patterns are made of phrases with a mask, in places before or behind the
text. Patterns of the built-in tasks and of `fresh.py` are left out, so that what is measured with
those says something about a stranger's patterns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from fresh import FRESH

from pet.task import load_task

_FIELD = re.compile(r"\{(?!mask\})[^{}]*\}")
_PARTS = re.compile(r"\{mask\}|\{text\}|\w+")
_STOP = r"(?=\s?[.,;!?])"


@dataclass(frozen=True)
class Family:
    """What a kind of pattern asks, and how well a word answers.

    Parameters
    ----------
    name : str
        Name.
    phrase : str
        Text that the sentence encoder reads for a word, ``{}``.
    place : re.Pattern
        Place of its words in running text. A word is a candidate if it stands there at least five
        times, and these are at least ``share`` of all its occurrences.
    weight : float
        Nats for a unit of cosine similarity between text and word.
    rated : float
        Nats for one standard deviation of the text's liking times one of the word's.
    questions : bool
        Whether the texts are questions.
    """

    name: str
    phrase: str
    place: re.Pattern[str]
    share: float
    weight: float
    rated: float = 0.0
    questions: bool = False


FAMILIES = (
    Family(
        "verdict", "It was {}.",
        re.compile(r"\b(?:is|was|are|were|very|so|too|really)\s+([a-z]+)" + _STOP),
        0.01, 20.0, rated=3.0,
    ),
    Family(
        "feeling", "I feel {}.",
        re.compile(r"\b(?:feel|feels|felt|am|was|were|is|so|very|be)\s+([a-z]+)" + _STOP),
        0.01, 15.0,
    ),
    Family(
        "topic", "This is about {}.",
        re.compile(r"\b(?:about|of|in|and)\s+([a-z]+)" + _STOP),
        0.003, 50.0,
    ),
    Family(
        "answer", "Answer: the {}.",
        re.compile(r"\b(?:the|a|an|which|what)\s+([a-z]+)\b"),
        0.05, 80.0, questions=True,
    ),
)  # fmt: skip

_ADVERBS = ("", "very ", "really ", "quite ", "so ", "just ", "rather ", "simply ", "pretty ")
_ENDS = (".", "!", ", I think.", ", they say.", ", to be honest.", " again.", ", in my view.")
_THINGS = (
    "It", "This", "That", "Everything", "All of it", "The whole thing", "The result", "The story",
    "The book", "The place", "The product", "The show", "The food", "The game", "The idea",
    "The service", "The trip", "The work", "What I got", "What they did", "The movie", "The plan",
)  # fmt: skip
_ARE = ("is", "was", "looks", "seems", "sounds", "felt", "turned out", "proved", "is going to be")
_NOUNS = (
    "thing", "story", "book", "place", "product", "show", "movie", "day", "meal", "piece", "idea",
    "experience", "job", "choice", "start", "result", "moment", "performance", "deal", "report",
)  # fmt: skip
_MARKS = (
    "Opinion", "Rating", "Impression", "Review", "In short", "To sum up", "Summary", "Conclusion",
    "Overall", "In a word", "The verdict", "Quality", "Comment",
)  # fmt: skip
_HOW = (
    "was it any good", "how did it go", "is it worth it", "what do you think of it", "how is it",
    "what was it like", "would you recommend it", "how did you find it", "what is your opinion",
)  # fmt: skip
_PEOPLE = (
    ("I", "feel", "am", "felt", "was"), ("We", "feel", "are", "felt", "were"),
    ("They", "feel", "are", "seemed", "were"), ("He", "feels", "is", "seems", "was"),
    ("She", "feels", "is", "looks", "was"), ("You", "feel", "are", "seem", "must be"),
    ("The author", "feels", "is", "sounds", "was"), ("The writer", "feels", "is", "seems", "was"),
    ("This person", "feels", "is", "sounds", "must be"), ("Everybody", "feels", "is", "was", "got"),
    ("The speaker", "feels", "is", "sounds", "was"), ("Somebody", "feels", "is", "got", "seems"),
    ("My friend", "feels", "is", "sounds", "got"), ("People", "feel", "are", "get", "were"),
)  # fmt: skip
_MOODS = ("Feeling", "Emotion", "How I feel", "State of mind", "Mood today", "Tone", "In my heart")
_ASK_MOOD = (
    "how are you", "how do they feel", "what is the mood", "how does the author feel",
    "what is the emotion here", "how does that make you feel", "what is the tone",
)  # fmt: skip
_KINDS = (
    "Topic", "Category", "Section", "Subject", "Theme", "Tag", "Area", "Field", "Keyword", "Label",
    "Department", "Group", "Department of", "Class", "Domain", "Heading", "Folder", "Channel",
)  # fmt: skip
_TEXTS = (
    "text", "article", "message", "story", "post", "note", "page", "report", "passage", "item",
    "comment", "piece", "paragraph", "document", "question", "request", "letter",
)  # fmt: skip
_ABOUT = ("is about", "deals with", "concerns", "belongs to", "speaks of", "has to do with")
_ASK_TOPIC = (
    "what is this about", "what is the topic", "which category is it", "what does it deal with",
    "what is the subject", "where does this belong",
)  # fmt: skip
_WANTED = (
    "a", "the", "some", "one", "the right", "the name of a", "the exact", "a certain", "his",
)  # fmt: skip
_WANTS = (
    "They want", "The question asks for", "It asks for", "We need", "The answer is", "Tell me",
    "I want to know", "Somebody asks for", "Find", "Give", "The reply names", "Expected:", "Name",
    "The question is about", "What is wanted is", "Asked for:", "I am looking for",
)  # fmt: skip


def _verdicts() -> Iterator[str]:
    for subject, verb, adverb, end in product(_THINGS, _ARE, _ADVERBS, _ENDS):
        yield f"{subject} {verb} {adverb}{{mask}}{end}"
    for noun, opening, end in product(_NOUNS, ("A", "What a", "Such a", "Really a"), (".", "!")):
        yield f"{opening} {{mask}} {noun}{end}"
    for mark, adverb in product(_MARKS, _ADVERBS):
        yield f"{mark}: {adverb}{{mask}}."
    yield from _answers(_HOW, ("", "It is ", "It was ", "Rather ", "I find it "))


def _feelings() -> Iterator[str]:
    for (subject, *verbs), adverb, end in product(_PEOPLE, _ADVERBS, _ENDS):
        for verb in verbs:
            yield f"{subject} {verb} {adverb}{{mask}}{end}"
    for mood, adverb in product(_MOODS, _ADVERBS):
        yield f"{mood}: {adverb}{{mask}}."
    yield from _answers(_ASK_MOOD, ("", "Very ", "I am ", "They are ", "Rather "))


def _topics() -> Iterator[str]:
    for kind, form in product(_KINDS, ("{}: {{mask}}.", "[ {} - {{mask}} ]", "{} = {{mask}}")):
        yield form.format(kind)
    for text, about, this in product(_TEXTS, _ABOUT, ("This", "The", "That", "The following")):
        yield f"{this} {text} {about} {{mask}}."
    for text, form in product(
        _TEXTS, ("A {} on {{mask}}.", "{{mask}} {}:", "One more {} about {{mask}}.",
                 "A {{mask}} {}.", "Another {{mask}} {}.", "Just a {} from the {{mask}} world."),
    ):  # fmt: skip
        yield form.format(text).capitalize() if form[0] != "{" else form.format(text)
    yield from ("# {mask}", "{mask} -", "{mask} |", "* {mask} *", "< {mask} >", "{mask} ...")
    yield from _answers(_ASK_TOPIC, ("", "It is ", "About ", "Mostly ", "Something about "))


def _kinds_of_answer() -> Iterator[str]:
    for wants, article, end in product(_WANTS, _WANTED, (".", "!", ", please.", " here.")):
        yield f"{wants} {article} {{mask}}{end}"
    for form in ("Type of answer", "Kind", "Answer is a", "Wanted", "Sought", "Class of answer"):
        yield f"{form}: {{mask}}."
    yield from ("What {mask}?", "( {mask} ?)", "A {mask}, perhaps?", "< {mask} >", "{mask} wanted.")
    yield from _answers(
        ("what kind of answer is wanted", "what do they ask for", "what should the answer name"),
        ("a ", "the ", "some ", ""),
    )


def _answers(questions: tuple[str, ...], openings: tuple[str, ...]) -> Iterator[str]:
    for asked, opening in product(questions, openings):
        yield f"Question: {asked}? Answer: {opening}{{mask}}."
        yield f"Q: {asked}? A: {opening}{{mask}}."
        yield f"{asked.capitalize()}? {opening.capitalize()}{{mask}}."


_PHRASES = dict(
    zip(
        (family.name for family in FAMILIES),
        (_verdicts, _feelings, _topics, _kinds_of_answer),
        strict=True,
    )
)
_PLACES = (
    "{text} PHRASE", "{text} PHRASE", "PHRASE {text}", "PHRASE {text}", "( PHRASE ) {text}",
    "{text} ( PHRASE )", '"{text}" PHRASE', 'PHRASE "{text}"', "{text} - PHRASE",
    "{text} ... PHRASE",
)  # fmt: skip


def templates(family: Family, count: int, seed: int) -> list[str]:
    """Draw up to ``count`` different patterns of a family, phrases of all kinds alike often.

    A phrase's kind is its words but one or two, such as all with "Opinion:"; so few long products
    of words do not crowd out the others.
    """
    generator = np.random.default_rng(seed)
    kinds: dict[str, list[str]] = {}
    for phrase in _PHRASES[family.name]():
        kinds.setdefault(_kind(phrase), []).append(phrase)
    names = sorted(kinds)
    taken = known_patterns()
    drawn: dict[str, None] = {}
    for _ in range(50 * count):
        phrases = kinds[names[generator.integers(len(names))]]
        phrase = phrases[generator.integers(len(phrases))]
        template = _PLACES[generator.integers(len(_PLACES))].replace("PHRASE", phrase)
        if _plain(template) not in taken:
            drawn[template] = None
        if len(drawn) == count:
            break
    return list(drawn)


def _kind(phrase: str) -> str:
    before, _, behind = phrase.partition("{mask}")
    return f"{' '.join(before.split()[:2])} {{mask}} {' '.join(behind.split()[:1])}"


def known_patterns() -> frozenset[str]:
    """Return the patterns of all built-in tasks and of `fresh.py`, without case and fields."""
    tasks = Path(__file__).resolve().parents[2] / "tasks"
    built_in = (
        pvp.pattern.template for file in tasks.glob("*.py") for pvp in load_task(file.stem).pvps
    )
    fresh = (pattern for patterns in FRESH.values() for pattern, _ in patterns)
    return frozenset(_plain(pattern) for pattern in (*built_in, *fresh))


def _plain(pattern: str) -> str:
    """Return a pattern without case, names of fields, and marks between words."""
    return " ".join(_PARTS.findall(_FIELD.sub("{text}", pattern).lower()))
