"""Texts that a model's backbone cannot read, counted among the first ones that are labelled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from pet.data import Example
from pet.encoding import Chunk, TextTokenizer
from pet.encoding.text_figures import TextFigures
from pet.task import Task

SAMPLE = 1000  # texts that are tokenised once more for this, so that long files cost no more


class Unreadable:
    """Count of the texts of which most tokens are unknown, among the first `SAMPLE`.

    Parameters
    ----------
    tokenizer : TextTokenizer
        The backbone's tokenizer.
    tasks : mapping
        The tasks, by the names that rows give.
    """

    def __init__(self, tokenizer: TextTokenizer, tasks: Mapping[str, Task]) -> None:
        self._tokenizer = tokenizer
        self._figures = {name: TextFigures(tokenizer, task.fields) for name, task in tasks.items()}

    def add(self, rows: Sequence[tuple[str, Example]]) -> None:
        """Count texts, each with the name of its task, as long as the sample lasts."""
        by_task = defaultdict(list)
        for name, example in rows[: SAMPLE - self._seen]:
            by_task[name].append(example.texts)
        for name, texts in by_task.items():
            self._figures[name].add(Chunk(self._tokenizer, texts))

    @property
    def _seen(self) -> int:
        return sum(map(len, self._figures.values()))

    def told(self) -> str | None:
        """Return a line about the texts that cannot be read, None if there are none."""
        count = sum(figures.unread for figures in self._figures.values())
        if not count:
            return None
        first = "first " if self._seen == SAMPLE else ""
        texts = "text" if self._seen == 1 else "texts"
        return (
            f"In {count:,} of the {first}{self._seen:,} {texts} most tokens are unknown to the "
            "model's backbone: it cannot read them, and its labels for them mean nothing. Choose a "
            "backbone of their language and script."
        )
