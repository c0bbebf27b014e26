"""Files of drafted tasks, with comments that say what can be changed."""

from __future__ import annotations

from pathlib import PurePath

from pet.drafting.draft import Draft
from pet.errors import UsageError
from pet.task.declared import json_text, toml_text
from pet.task.source import task_source

ENDINGS = (".py", ".toml", ".json")
_COMMENTS = {
    "words": (
        "Label words: the likelier they are at {mask}, the likelier is the label.\n"
        "Write what a reader would put there; several for a label are averaged."
    ),
    "patterns": (
        "Patterns: the text comes in the place of its field, and a label word at {mask}.\n"
        "Each trains one member of the ensemble. Sentences about your texts do best."
    ),
}


def check_ending(file: str) -> None:
    """Refuse a file whose ending is none of a task's.

    Raises
    ------
    UsageError
        Names the endings.
    """
    if PurePath(file).suffix not in ENDINGS:
        raise UsageError(f"-o {file}: expected a file that ends in {', '.join(ENDINGS)}.")


def draft_text(draft: Draft, file: str) -> str:
    """Return the text of a file with a drafted task; its ending tells the format.

    JSON has no comments.
    """
    ending = PurePath(file).suffix
    if ending == ".json":
        return json_text(draft.task)
    return (toml_text if ending == ".toml" else task_source)(draft.task, _COMMENTS)
