"""Search: label words, patterns and texts worth labelling, looked for on a few labels."""

from typing import TYPE_CHECKING

from pet.lazy import loaded_on_use

if TYPE_CHECKING:
    from pet.search.panel import Panel as Panel
    from pet.search.suggestion import suggest as suggest
    from pet.search.verbalize import find_words as find_words

_HOMES = {
    "Panel": "pet.search.panel",
    "find_words": "pet.search.verbalize",
    "suggest": "pet.search.suggestion",
}
__all__ = sorted(_HOMES)
__getattr__ = loaded_on_use(__name__, _HOMES)
