"""Types of the values that pass between doors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Whole numbers: row numbers, token ids, targets.
Ints = NDArray[np.int64]
Floats = NDArray[np.floating[Any]]
# Label scores: (N, C), or with a leading axis of readouts (R, N, C).
Scores = NDArray[np.float32]
# One calibration offset for every readout and label, (R, C).
Offsets = Sequence[Sequence[float]]
# Text fields of one example: field name -> text.
Fields = Mapping[str, str]
# Text fields of many examples.
Texts = Sequence[Fields]
# Token ids of one word.
WordIds = tuple[int, ...]
