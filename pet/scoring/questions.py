"""Questions about labels in training, for a pattern that names a label.

Each question costs a row, so not all labels of a text are asked about: every true label is, beside
a few wrong ones, drawn anew each time a text is met (TFS: True Few-Shot Learning with Prompts).
`sampling_shifts` corrects for the wrong labels left out, without which yes would be too likely.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pet.device import Compute


def draw_questions(
    truth: NDArray[np.bool_], negatives: int, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Choose all true labels of every text, and some wrong ones for each of them.

    Parameters
    ----------
    truth : bool array (B, C)
        Whether a label is true of a text.
    negatives : int
        Wrong labels for every true one; a text without labels gets as many as a text with one.
    generator : numpy.random.Generator
        Random numbers for the draw.

    Returns
    -------
    bool array (B, C)
        Whether a label is asked about.
    """
    true = truth.sum(axis=1)
    order = generator.random(truth.shape)
    order[truth] = -1  # before all others
    ranks = order.argsort(axis=1).argsort(axis=1)
    asked: NDArray[np.bool_] = ranks < (true + negatives * np.maximum(true, 1))[:, None]
    return asked


def sampling_shifts(truth: NDArray[np.bool_], asked: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Compute log-odds corrections for asking about a sample of the wrong labels, (B,).

    Training adds them to the log-odds of yes, so that the model's log-odds are right for all
    labels: the correction of a case-control sample (King and Zeng 2001, section 4.1), log W / a if
    a of W wrong labels are asked about.

    Parameters
    ----------
    truth : bool array (B, C)
        Whether a label is true of a text.
    asked : bool array (B, C)
        Whether a label is asked about, from `draw_questions`.
    """
    wrong, drawn = (~truth).sum(axis=1), (asked & ~truth).sum(axis=1)
    shifts: NDArray[np.float32] = np.log(np.maximum(wrong, 1) / np.maximum(drawn, 1)).astype(
        np.float32
    )
    return shifts


@dataclass(frozen=True)
class Asked:
    """The questions asked, out of all B Q about B texts: their indices, ``rows`` (R,)."""

    rows: Tensor
    total: int

    @classmethod
    def from_mask(cls, asked: NDArray[np.bool_], compute: Compute) -> Asked | None:
        """Make it from a mask of the questions (B, Q); None if all were asked."""
        return None if asked.all() else cls(compute.put(np.flatnonzero(asked)), asked.size)

    def among_all(self, scores: Tensor) -> Tensor:
        """Spread scores of the rows (R, A) over all questions, (B Q, A); -inf for the others."""
        return scores.new_full((self.total, scores.shape[1]), -torch.inf).index_copy(
            0, self.rows, scores
        )
