"""Names of the values that travel between the doors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.floating[Any]]
# Label scores: (N, C), or with a leading axis of readouts (R, N, C).
Scores = NDArray[np.float32]
# One calibration offset for every readout and label, (R, C).
Offsets = Sequence[Sequence[float]]
# One example's text fields: field name -> text.
Fields = Mapping[str, str]
# Many examples' text fields.
Texts = Sequence[Fields]
# Token ids of one word.
WordIds = tuple[int, ...]
