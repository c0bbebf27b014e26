"""An example: named texts, and what is known of their label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pet.task.labels import Label


@dataclass(frozen=True, slots=True)
class Example:
    """Named text fields and their label, if known; in multi-label tasks a tuple of labels.

    A labelled example is met in training as often as its ``weight`` says: 2 is twice as often as 1.

    Examples
    --------
    >>> from pet import Example
    >>> example = Example({"text": "The soup was cold."}, "negative")
    >>> example.label, example.key
    ('negative', ('The soup was cold.',))
    """

    texts: Mapping[str, str]
    label: Label | None = None
    weight: float = 1.0

    @property
    def key(self) -> tuple[str, ...]:
        """Texts without their fields' names; examples with equal keys are the same."""
        return tuple(self.texts.values())
