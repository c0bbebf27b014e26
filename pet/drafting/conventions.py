"""Conventions: sets of label names that many files share, with words and patterns that fit them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pet.drafting.label_words import plain_name


@dataclass(frozen=True)
class Convention:
    """Label names that stand for one sort of question.

    Parameters
    ----------
    words : mapping
        Plain name of a label, as `plain_name` returns it, to its label words.
    patterns : sequence of str
        Patterns for tasks of one text, with ``{a}`` for it; () if there are none.
    pair_patterns : sequence of str
        Patterns for tasks of two texts, with ``{a}`` and ``{b}``.
    """

    words: Mapping[str, Sequence[str]]
    patterns: Sequence[str] = ()
    pair_patterns: Sequence[str] = ()

    def words_of(self, labels: Sequence[str], n_fields: int) -> dict[str, Sequence[str]] | None:
        """Return the words of labels that are all known here; None otherwise."""
        if not (self.patterns if n_fields == 1 else self.pair_patterns):
            return None
        found = {label: self.words.get(plain_name(label), ()) for label in labels}
        used = [word for words in found.values() for word in words]
        complete = all(found.values()) and len(set(used)) == len(used)
        return found if complete else None


_VERDICTS = (
    "{a} It was {mask}.",
    "{a} All in all, it was {mask}.",
    "Just {mask}! {a}",
    "( {mask} ) {a}",
)
_CLAIMS = (
    "{a}?{sep}{mask}, {b}",
    '"{a}"? {mask}. "{b}"',
    "{b}?{sep}{mask}, {a}",
    "{a}{sep}Question: {b}? Answer: {mask}.",
)
_SAME = (
    "{a}?{sep}{mask}, {b}",
    "{a} {mask}, {b}",
    "{a}{sep}{b} The same? {mask}.",
    "Question: do both say the same? Answer: {mask}. {a}{sep}{b}",
)
_FEELINGS = (
    "I feel {mask}. {a}",
    "{a} I feel {mask}.",
    "{a} Whoever wrote this is {mask}.",
    "( {mask} ) {a}",
)
_YES, _NO = ("yes", "right", "true"), ("no", "wrong", "false")

SENTIMENT = Convention(
    {
        "very negative": ("terrible", "awful", "horrible"),
        "negative": ("bad", "terrible", "awful"),
        "neg": ("bad", "terrible", "awful"),
        "neutral": ("okay", "average", "fine"),
        "mixed": ("mixed", "uneven"),
        "positive": ("good", "great", "wonderful"),
        "pos": ("good", "great", "wonderful"),
        "very positive": ("great", "excellent", "wonderful"),
    },
    _VERDICTS,
)
DEGREES = Convention(
    {
        **{name: SENTIMENT.words[name] for name in ("very negative", "neutral", "very positive")},
        "negative": ("bad", "poor"),
        "positive": ("good", "nice"),
    },
    _VERDICTS,
)
STARS = Convention(
    {
        "1 star": ("terrible", "awful"),
        "2 stars": ("bad", "poor"),
        "3 stars": ("okay", "average"),
        "4 stars": ("good", "nice"),
        "5 stars": ("great", "excellent"),
    },
    _VERDICTS,
)
_JOY, _SADNESS = ("happy", "glad", "pleased"), ("sad", "unhappy", "miserable")
_ANGER, _FEAR = ("angry", "mad", "furious"), ("afraid", "scared", "frightened")
EMOTION = Convention(
    {
        **dict.fromkeys(("anger", "angry"), _ANGER),
        **dict.fromkeys(("fear", "afraid", "scared"), _FEAR),
        **dict.fromkeys(("joy", "happiness", "happy"), _JOY),
        **dict.fromkeys(("sadness", "sad"), _SADNESS),
        "annoyance": ("annoyed", "irritated"),
        "anxiety": ("anxious", "nervous", "worried"),
        "disgust": ("disgusted", "sick"),
        "gratitude": ("grateful", "thankful"),
        "guilt": ("guilty", "sorry"),
        "love": ("loved", "loving", "tender"),
        "neutral": ("fine", "calm"),
        "pride": ("proud",),
        "shame": ("ashamed", "embarrassed"),
        "surprise": ("surprised", "amazed", "shocked"),
    },
    _FEELINGS,
)
ENTAILMENT = Convention(
    {
        "entailment": _YES,
        "neutral": ("maybe", "perhaps", "possibly"),
        "contradiction": _NO,
        "not entailment": _NO,
    },
    pair_patterns=_CLAIMS,
)
ANSWERS = Convention(
    {"yes": _YES, "true": _YES, "no": _NO, "false": _NO},
    ("{a}? {mask}.", "{a} True or false? {mask}.", "Question: {a}? Answer: {mask}."),
    _CLAIMS,
)
SAMENESS = Convention(
    {
        **dict.fromkeys(("equivalent", "duplicate", "paraphrase", "same", "similar"), _YES),
        **dict.fromkeys(
            ("not equivalent", "not duplicate", "not paraphrase", "different", "not similar"), _NO
        ),
    },
    pair_patterns=_SAME,
)
# The first that knows all labels of a task is taken.
CONVENTIONS = (SENTIMENT, DEGREES, STARS, EMOTION, ENTAILMENT, ANSWERS, SAMENESS)


def convention_of(
    labels: Sequence[str], n_fields: int
) -> tuple[Convention, Mapping[str, Sequence[str]]] | None:
    """Return the convention that labels follow, and their words; None if they follow none."""
    for convention in CONVENTIONS:
        words = convention.words_of(labels, n_fields)
        if words is not None:
            return convention, words
    return None
