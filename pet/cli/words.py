"""Words of the field, told at the end of every help text that uses them."""

from __future__ import annotations

import re
from collections.abc import Iterable

import click

_GLOSSARY = "More words, and more about these: docs/glossary.md"
# The same words stand in docs/glossary.md, with more to read about them.
WORDS = {
    "backbone": "the language model that everything starts from",
    "cell": "one method on one draw of one seed",
    "distilled": "taught to a plain classifier, by the labels that the ensemble gives",
    "draw": "a random choice of examples",
    "fold": "a part of the labelled examples, scored by members that did not see it",
    "generation": "members that were trained in one round, taught by those of the round before",
    "halving": "a random split of the labelled examples into two halves",
    "member": "one trained pattern, or other reader; all members together are the ensemble",
    "offsets": "what is subtracted from label scores: what the model says whatever the text",
    "pool": "unlabelled texts",
    "readout": "how label scores are read off the place of {mask}",
    "scope": "which weights are trained",
    "slot": "a learned vector in the place of a word of a pattern",
    "temperature": "a number that makes probabilities less sure, or more",
    "verbalizer": "the label words of every label",
}


def words_of(command: click.Command, shown: Iterable[click.Parameter] | None = None) -> str:
    """Return an epilog for a command's help that explains the words in it.

    ``shown`` are the parameters that the help text has, by default all.
    """
    texts = [command.help or "", command.short_help or ""]
    for parameter in command.params if shown is None else shown:
        texts += [*parameter.opts, getattr(parameter, "help", None) or ""]
    whole = " ".join(texts).lower()
    lines = [
        f"  {word}: {meaning}"
        for word, meaning in WORDS.items()
        if re.search(rf"(?<![a-z]){word}s?(?![a-z]|\.[a-z])", whole)
    ]
    return "\n".join(["\b", "Words:", *lines, f"  {_GLOSSARY}"]) if lines else ""
