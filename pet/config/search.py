"""Settings of searches on a few labelled examples: for words, patterns and texts to label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pet.config.base import Checked, setting
from pet.registry import Names

WordSearch = Literal["petal", "lm-bff", "kpt"]
Measure = Annotated[
    str, Names(("entropy", "margin", "confidence", "votes", "disagreement"), "measures")
]


@dataclass(frozen=True)
class WordSearchConfig(Checked):
    """Search for label words; only pet verbalize has these options."""

    search: WordSearch = setting(
        "petal",
        "Method. petal: words likelier for a label's examples than for others; lm-bff: the "
        "combination of likely words that labels the examples best; kpt: refine given words.",
    )
    words: int | None = setting(
        None, "Most words of a label; by default 10 for petal, 1 for lm-bff, all for kpt.", low=1
    )
    joint: bool = setting(True, "One set of words for all patterns, or one for each.")
    candidates: int | None = setting(
        None, "Likeliest words that a label chooses from; by default 1000, for lm-bff 100.", low=1
    )
    beams: int = setting(100, "lm-bff: combinations kept while the search goes on.", low=1)
    frequent: int = setting(
        10_000, "With unlabelled text: choose among so many words that are likeliest in it.", low=1
    )
    rare: float = setting(
        0.5,
        "kpt: share of the given words, the least likely in the text, that is dropped.",
        low=0,
        below=1,
    )
    sample: int = setting(512, "Most unlabelled texts that are looked at.", low=1)


@dataclass(frozen=True)
class TemplateSearchConfig(Checked):
    """Candidate patterns; only pet templates has these options."""

    families: tuple[str, ...] = setting(
        ("null", "punctuation", "prompt", "question-answer"), "Rules that candidates are made by."
    )
    seq2seq: str | None = setting(
        None, "Also have this seq2seq LM write candidates: a T5, by hub name or folder."
    )
    beams: int = setting(20, "seq2seq: width of its search, and most templates of a place.", low=2)
    span_tokens: int = setting(8, "seq2seq: most tokens that it writes into a template.", low=1)
    span_examples: int = setting(
        32, "seq2seq: most labelled examples that a template has to fit.", low=1
    )
    best: int = setting(5, "Number of best patterns that are written.", low=1)


@dataclass(frozen=True)
class RankConfig(Checked):
    """Comparison of a task's patterns by the labelled examples alone."""

    trained: bool = setting(
        False, "Train every pattern on each half, instead of taking it untrained."
    )
    halvings: int | None = setting(
        None,
        "Random halvings of the labelled examples, each half predicted from the other; by default "
        "20, or 2 with `--trained`.",
        low=1,
    )

    @property
    def halvings_or_default(self) -> int:
        """Number of halvings, with the default resolved."""
        return self.halvings or (2 if self.trained else 20)


@dataclass(frozen=True)
class SuggestConfig(Checked):
    """Choice of the unlabelled texts to label next."""

    by: Measure = setting(
        "entropy",
        "Worth of a text: the entropy of its label, a small margin between the "
        "two most likely labels, low confidence, or members that differ (entropy of their votes; "
        "disagreement: their mean divergence from the consensus).",
    )
    candidates: int = setting(
        10,
        "Candidates for each suggestion; they are clustered and one is taken from each cluster, so "
        "that no two are alike. 1 takes the best of all.",
        low=1,
    )


@dataclass(frozen=True)
class LabelConfig(SuggestConfig):
    """Choice of the texts to label next on the page of pet label, by quick models."""

    by: Measure = setting(
        "votes",
        "Worth of a text: the entropy of the votes of patterns and quick model, or another measure "
        "of pet suggest.",
    )
    every: int = setting(5, "New labels after which the next texts are chosen anew.", low=1)
    limit: int = setting(
        20_000, "Most texts that the model reads: a random sample of a larger pool.", low=1
    )
