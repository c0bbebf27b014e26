"""Labelling: what people say about texts is kept, quick models choose the next, and the page."""

from typing import TYPE_CHECKING

from pet.lazy import loaded_on_use

if TYPE_CHECKING:
    from pet.labelling.agreement import consensus as consensus
    from pet.labelling.app import Parts as Parts
    from pet.labelling.app import label_app as label_app
    from pet.labelling.bulk import Bulks as Bulks
    from pet.labelling.exporting import write_export as write_export
    from pet.labelling.full_training import FullTraining as FullTraining
    from pet.labelling.labelling import Labelling as Labelling
    from pet.labelling.reader import TextReader as TextReader

_HOMES = {
    "Bulks": "pet.labelling.bulk",
    "FullTraining": "pet.labelling.full_training",
    "Labelling": "pet.labelling.labelling",
    "Parts": "pet.labelling.app",
    "TextReader": "pet.labelling.reader",
    "consensus": "pet.labelling.agreement",
    "label_app": "pet.labelling.app",
    "write_export": "pet.labelling.exporting",
}
__all__ = sorted(_HOMES)
__getattr__ = loaded_on_use(__name__, _HOMES)
