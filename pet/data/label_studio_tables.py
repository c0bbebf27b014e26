"""JSON-MIN and CSV of Label Studio: tables whose label column is named after the question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pet.data.exports import Unanswered
from pet.data.formats.base import Hints
from pet.data.formats.headers import column_called, counted_names, plain
from pet.data.label_columns import label_columns
from pet.errors import DataError
from pet.task.label_names import is_missing

# Columns that Label Studio adds to the texts and the answers.
_OWN = {
    "id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement",
    "history",
}  # fmt: skip


class LabelStudioTable:
    """The rows of one file, which may come from Label Studio; other files stay as they are.

    The question is the one column that is neither Label Studio's own nor a text. Rows of JSON-MIN
    lack it where nobody answered.

    Parameters
    ----------
    hints : Hints
        Columns and labels that are looked for.
    """

    def __init__(self, hints: Hints) -> None:
        self._hints = hints
        self._is_exported = False
        self._asked: dict[str, None] = {}

    def row(self, where: str, row: Mapping[str, Any]) -> Mapping[str, Any] | DataError:
        """Return a row with its label in the label's column, or why that cannot be told."""
        hints = self._hints
        if not hints.needs_labels:
            return row
        self._is_exported |= "id" in row and ("annotator" in row or "annotation_id" in row)
        if not self._is_exported:
            return row
        question = column_called(hints.label, row)
        if question is None:
            if label_columns(row, hints.labels):
                return row
            texts = {plain(name) for names in hints.texts for name in names}
            asked = [name for name in row if name not in _OWN and plain(name) not in texts]
            self._asked |= dict.fromkeys(asked)
            if len(self._asked) > 1:
                return DataError(
                    f"{where}: no label in column {hints.label!r}; in this file of Label Studio it "
                    f"may be any of {counted_names(self._asked)}.",
                    f"Name it: `--column label={asked[0] if asked else next(iter(self._asked))}`.",
                    kind=("several questions",),
                )
            question = next(iter(self._asked), hints.label)
        answer = row.get(question)
        if is_missing(answer) or (isinstance(answer, str) and not answer.strip()):
            return Unanswered({**row, hints.label: None})
        return {**row, hints.label: answer}
