"""PVP: a pattern with the verbalizers of its mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pet.config import SoftName, names_of
from pet.errors import PatternError, did_you_mean, quoted
from pet.task.pattern import Pattern
from pet.task.verbalizer import Verbalizer


@dataclass(frozen=True, init=False)
class PVP:
    """A pattern-verbalizer pair; several verbalizers share one forward pass.

    A pattern with ``{label}`` asks about every label; its verbalizers have words for "yes" and
    "no".

    Parameters
    ----------
    pattern : str or Pattern
        The cloze template.
    *verbalizers : Verbalizer
        One or more; the setting ``combine_verbalizers`` combines their label scores.
    soft : str, optional
        Kind of soft template, as for ``--soft``; by default "prompt-tuning" for a pattern with
        slots. With a kind, a pattern without slots gets some before it.

    Raises
    ------
    PatternError
        When the pattern is malformed, verbalizers are missing, or the kind is unknown.

    Examples
    --------
    >>> from pet import PVP, Verbalizer
    >>> words = Verbalizer({"positive": ["great"], "negative": ["terrible"]})
    >>> PVP("{text} It was {mask}.", words).pattern.fields
    ('text',)
    >>> PVP("{text} {soft:3} {mask}.", words).soft
    'prompt-tuning'
    """

    pattern: Pattern
    verbalizers: tuple[Verbalizer, ...]
    soft: str | None

    def __init__(
        self, pattern: str | Pattern, *verbalizers: Verbalizer, soft: str | None = None
    ) -> None:
        if not verbalizers or not all(isinstance(v, Verbalizer) for v in verbalizers):
            raise PatternError(
                f"PVP({quoted(pattern)}): expected one or more Verbalizers after the pattern, "
                f"found {quoted(verbalizers)}."
            )
        parsed = pattern if isinstance(pattern, Pattern) else Pattern(pattern)
        if soft is None and parsed.is_soft:
            soft = "prompt-tuning"
        if soft is not None and soft not in names_of(SoftName):
            raise PatternError(
                f"PVP({quoted(parsed.template)}): soft={quoted(soft)} is unknown.",
                did_you_mean(str(soft), names_of(SoftName)),
            )
        object.__setattr__(self, "pattern", parsed)
        object.__setattr__(self, "verbalizers", verbalizers)
        object.__setattr__(self, "soft", soft)

    def answers(self, labels: Sequence[str]) -> tuple[str, ...]:
        """Return the answers that the verbalizers have words for: the labels, or "yes" and "no"."""
        return ("yes", "no") if self.pattern.asks_each_label else tuple(labels)

    @property
    def some_word(self) -> str:
        """The first label word."""
        return next(word for words in self.verbalizers[0].words.values() for word in words)

    def with_pattern(self, pattern: str | Pattern, soft: str | None) -> PVP:
        """Return a PVP of another pattern with the same verbalizers."""
        return PVP(pattern, *self.verbalizers, soft=soft)

    def with_verbalizers(self, *verbalizers: Verbalizer) -> PVP:
        """Return a PVP of the same pattern with other verbalizers."""
        return PVP(self.pattern, *verbalizers, soft=self.soft)
