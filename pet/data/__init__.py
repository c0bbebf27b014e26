"""Data: examples out of rows, few-shot draws, streamed pools of unlabelled text."""

from pet.data.example import Example
from pet.data.examples import Columns, Labels, examples_and_rows, examples_from, has_labels
from pet.data.faults import Fault, OnFault
from pet.data.pool import Pool, chunked, reusable
from pet.data.run_data import Data, fingerprint, labelled_from, labelled_in, weights_of
from pet.data.shots import draw_shots

__all__ = [
    "Columns",
    "Data",
    "Example",
    "Fault",
    "Labels",
    "OnFault",
    "Pool",
    "chunked",
    "draw_shots",
    "examples_and_rows",
    "examples_from",
    "fingerprint",
    "has_labels",
    "labelled_from",
    "labelled_in",
    "reusable",
    "weights_of",
]
