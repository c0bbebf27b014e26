"""Verbalizers: the words of each label, and the combination of their scores."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, Literal, get_args

from pet.errors import VerbalizerError, did_you_mean, quoted
from pet.resources import is_file, resource_folder

Combine = Literal["mean", "logsumexp", "max", "vote"]
Decoding = Literal["max-first", "left-to-right", "parallel"]
# Weights are relative. Beyond these, single precision makes zero or infinity of them.
_LEAST, _MOST = 1e-30, 1e30


@dataclass(frozen=True, init=False)
class Verbalizer:
    """Label words of every label.

    Parameters
    ----------
    words : mapping
        Label to its words, as a list or as ``{word: weight}``; weights are relative.
    combine : {"mean", "logsumexp", "max", "vote"}
        Combination of the scores of a label's words into the label's score.
    decoding : {"max-first", "left-to-right", "parallel"}
        Order in which the masks of a word of several tokens are filled when it is scored.
        "max-first" fills the most certain mask first, with a forward pass for each; "parallel"
        needs one forward pass.

    Raises
    ------
    VerbalizerError
        When a label has no words or is there twice, a weight is not positive, or two labels share
        a word.

    Examples
    --------
    >>> from pet import Verbalizer
    >>> words = Verbalizer({"positive": ["great", "good"], "negative": {"bad": 2, "poor": 1}})
    >>> words.labels
    ('positive', 'negative')
    >>> words.words["negative"]
    {'bad': 2.0, 'poor': 1.0}
    """

    words: Mapping[str, Mapping[str, float]]
    combine: Combine
    decoding: Decoding

    def __init__(
        self,
        words: Mapping[str, Iterable[str] | Mapping[str, float]],
        combine: Combine = "mean",
        decoding: Decoding = "max-first",
    ) -> None:
        for name, value, allowed in (
            ("combine", combine, get_args(Combine)),
            ("decoding", decoding, get_args(Decoding)),
        ):
            if not isinstance(value, str) or value not in allowed:
                raise VerbalizerError(
                    f"Verbalizer: {name}={quoted(value)} is unknown.",
                    did_you_mean(str(value), allowed),
                )
        object.__setattr__(self, "words", _checked(words))
        object.__setattr__(self, "combine", combine)
        object.__setattr__(self, "decoding", decoding)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels that have words."""
        return tuple(self.words)

    @classmethod
    def load(cls, name: str | Path, **options: Any) -> Verbalizer:
        """Read a JSON file ``{label: {word: weight}}``.

        Parameters
        ----------
        name : str or Path
            Path of the file, or the name of a built-in one in ``verbalizers/``.
        **options
            ``combine`` and ``decoding``, as for the class.

        Raises
        ------
        VerbalizerError
            When the file cannot be read, or its words are refused.
        """
        path = Path(name)
        if path.suffix != ".json":
            folder = resource_folder("verbalizers")
            path = folder / f"{name}.json"
            if not is_file(path):
                known = sorted(file.stem for file in folder.glob("*.json"))
                raise VerbalizerError(
                    f"No built-in verbalizer {quoted(str(name))}.", did_you_mean(str(name), known)
                )
        try:
            # From bytes, so that the byte order mark that some editors write is understood.
            words = json.loads(path.read_bytes(), object_pairs_hook=_without_repetition)
        except (OSError, ValueError, RecursionError) as error:
            problem = error.strerror if isinstance(error, OSError) else str(error)
            raise VerbalizerError(
                f"{path}: cannot be read as a verbalizer: {problem}",
                'Expected JSON such as {"positive": {"great": 1, "good": 1}, "negative": ...}.',
            ) from error
        try:
            return cls(words, **options)
        except VerbalizerError as error:
            raise VerbalizerError(f"{path}: {error.message}") from error

    def save(self, path: str | Path) -> None:
        """Write the words and weights as JSON that `load` reads."""
        Path(path).write_text(self.to_json(), "utf-8")

    def to_json(self) -> str:
        """Return the text of a file with the words and weights, which `load` reads."""
        plain = {label: dict(words) for label, words in self.words.items()}
        return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"


def _without_repetition(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Return a JSON object; of two equal keys one would be lost without a word."""
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{quoted(key)} stands there twice.")
        found[key] = value
    return found


def _is_text(text: str) -> bool:
    """Tell whether a text can be written to a file; half of a surrogate pair cannot."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _label(given: object, known: Mapping[str, object]) -> str:
    """Return a label as text; numbers become their digits."""
    if given is None or (isinstance(given, float) and math.isnan(given)):
        raise VerbalizerError(f"{given} is not a label.")
    try:
        label = str(given)
    except ValueError:  # a number of more digits than Python writes
        label = "\ud800"
    if not _is_text(label):
        raise VerbalizerError(f"Label {quoted(given)}: not a text that can be written.")
    if label in known:
        raise VerbalizerError(
            f"Label {quoted(label)} is there twice, as text and as {type(given).__name__}."
        )
    return label


def _weight(given: object) -> float:
    """Return a weight as a number; 0 for what is none."""
    if isinstance(given, bool) or not isinstance(given, Real):
        return 0.0
    try:
        return float(given)
    except (OverflowError, ValueError):  # a whole number of hundreds of digits
        return math.inf


def _checked(
    words: Mapping[str, Iterable[str] | Mapping[str, float]],
) -> dict[str, dict[str, float]]:
    if not isinstance(words, Mapping) or not words:
        raise VerbalizerError(
            "A verbalizer maps each label to its words; it got "
            f"{quoted(words) if words else 'none'}."
        )
    owner: dict[str, str] = {}
    checked: dict[str, dict[str, float]] = {}
    for name, given in words.items():
        label = _label(name, checked)
        place = f"Label {quoted(label)}"
        if isinstance(given, str | bytes) or not isinstance(given, Iterable):
            raise VerbalizerError(
                f"{place}: expected a list of words, found {quoted(given)}.",
                f"Write {{{quoted(label)}: [{quoted(str(given))}]}}."
                if isinstance(given, str)
                else None,
            )
        weighted = given.items() if isinstance(given, Mapping) else ((word, 1.0) for word in given)
        checked[label] = {}
        for word, weight in weighted:
            if not isinstance(word, str) or not word.strip() or not _is_text(word):
                raise VerbalizerError(f"{place}: {quoted(word)} is not a word.")
            share = _weight(weight)
            if not _LEAST <= share <= _MOST:
                raise VerbalizerError(
                    f"{place}, word {quoted(word)}: expected a positive weight, found "
                    f"{quoted(weight)}.",
                    f"Weights are relative; any from {_LEAST:g} to {_MOST:g} will do.",
                )
            word = word.strip()
            if word in checked[label]:
                raise VerbalizerError(f"{place} names the word {quoted(word)} twice.")
            if word in owner:
                raise VerbalizerError(
                    f"Word {quoted(word)} stands for both {quoted(owner[word])} and "
                    f"{quoted(label)}.",
                    "A word can speak for one label only; remove it from one of them.",
                )
            owner[word] = label
            checked[label][word] = share
        if not checked[label]:
            raise VerbalizerError(f"{place} has no words.")
    return checked
