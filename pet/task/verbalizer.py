"""Verbalizers: the words of each label, and the combination of their scores."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from pet.errors import VerbalizerError, did_you_mean
from pet.resources import resource_folder

Combine = Literal["mean", "logsumexp", "max", "vote"]
Decoding = Literal["max-first", "left-to-right", "parallel"]


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
        When a label has no words, a weight is not positive, or two labels share a word.

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
            if value not in allowed:
                raise VerbalizerError(
                    f"Verbalizer: {name}={value!r} is unknown.", did_you_mean(str(value), allowed)
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
            if not path.is_file():
                known = sorted(file.stem for file in folder.glob("*.json"))
                raise VerbalizerError(
                    f"No built-in verbalizer {str(name)!r}.", did_you_mean(str(name), known)
                )
        try:
            words = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise VerbalizerError(f"{path}: cannot be read as a verbalizer: {error}") from error
        if not isinstance(words, dict):
            raise VerbalizerError(f"{path}: expected {{label: {{word: weight}}}}, found a list.")
        return cls(words, **options)

    def save(self, path: str | Path) -> None:
        """Write the words and weights as JSON that `load` reads."""
        plain = {label: dict(words) for label, words in self.words.items()}
        Path(path).write_text(json.dumps(plain, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _checked(
    words: Mapping[str, Iterable[str] | Mapping[str, float]],
) -> dict[str, dict[str, float]]:
    if not isinstance(words, Mapping) or not words:
        raise VerbalizerError("A verbalizer maps each label to its words; it got none.")
    owner: dict[str, str] = {}
    checked: dict[str, dict[str, float]] = {}
    for label, given in words.items():
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise VerbalizerError(
                f"Label {label!r}: expected a list of words, found {given!r}.",
                f"Write {{{label!r}: [{str(given)!r}]}}.",
            )
        weighted = given.items() if isinstance(given, Mapping) else ((word, 1.0) for word in given)
        checked[str(label)] = {}
        for word, weight in weighted:
            if not isinstance(word, str) or not word.strip():
                raise VerbalizerError(f"Label {label!r}: {word!r} is not a word.")
            if not isinstance(weight, int | float) or not 0 < weight < float("inf"):
                raise VerbalizerError(
                    f"Label {label!r}, word {word!r}: expected a positive weight, found {weight!r}."
                )
            word = word.strip()
            if owner.get(word) == str(label):
                raise VerbalizerError(f"Label {label!r} names the word {word!r} twice.")
            if word in owner:
                raise VerbalizerError(
                    f"Word {word!r} stands for both {owner[word]!r} and {label!r}.",
                    "A word can speak for one label only; remove it from one of them.",
                )
            owner[word] = str(label)
            checked[str(label)][word] = float(weight)
        if not checked[str(label)]:
            raise VerbalizerError(f"Label {label!r} has no words.")
    return checked
