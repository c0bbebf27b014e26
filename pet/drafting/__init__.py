"""Drafting: a task out of a file of labelled texts, or out of label names alone."""

from typing import TYPE_CHECKING

from pet.lazy import loaded_on_use

if TYPE_CHECKING:
    from pet.drafting.draft import Draft as Draft
    from pet.drafting.draft import draft_task as draft_task
    from pet.drafting.from_rows import draft_from_files as draft_from_files
    from pet.drafting.refining import refined as refined

_HOMES = {
    "Draft": "pet.drafting.draft",
    "draft_from_files": "pet.drafting.from_rows",
    "draft_task": "pet.drafting.draft",
    "refined": "pet.drafting.refining",
}
__all__ = sorted(_HOMES)
__getattr__ = loaded_on_use(__name__, _HOMES)
