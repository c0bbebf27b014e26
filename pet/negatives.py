"""Which labels a pattern that names a label is asked about in training.

To ask about all labels of a text costs a row each. Every true label against a few wrong ones,
drawn anew each time a text is met, teaches the same (TFS: True Few-Shot Learning with Prompts).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def draw_questions(
    truth: NDArray[np.bool_], negatives: int, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Choose all true labels of every text, and some wrong ones for each of them.

    Parameters
    ----------
    truth : bool array (B, C)
        Which labels are true of which text.
    negatives : int
        Wrong labels for every true one; a text without any gets as many as one with one.
    generator : numpy.random.Generator
        For the draw.

    Returns
    -------
    bool array (B, C)
        What is asked.
    """
    true = truth.sum(axis=1)
    order = generator.random(truth.shape)
    order[truth] = -1  # before all others
    ranks = order.argsort(axis=1).argsort(axis=1)
    asked: NDArray[np.bool_] = ranks < (true + negatives * np.maximum(true, 1))[:, None]
    return asked
