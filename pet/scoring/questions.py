"""Which labels a pattern that names a label is asked about in training.

To ask about all labels of a text costs a row each. Every true label is asked about beside a few
wrong ones, drawn anew each time a text is met (TFS: True Few-Shot Learning with Prompts); what is
then answered with yes too often is corrected by `sampling_shifts`.
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


def sampling_shifts(truth: NDArray[np.bool_], asked: NDArray[np.bool_]) -> NDArray[np.float32]:
    """By how much more likely yes is where only some of the wrong labels are asked about, (B,).

    Added to the log-odds of yes in training, so that without it they are right for all labels: the
    correction of a case-control sample (King and Zeng 2001, section 4.1), log W / a where a of W
    wrong labels are asked about.

    Parameters
    ----------
    truth : bool array (B, C)
        Which labels are true of which text.
    asked : bool array (B, C)
        What is asked, as `draw_questions` gives it.
    """
    wrong, drawn = (~truth).sum(axis=1), (asked & ~truth).sum(axis=1)
    shifts: NDArray[np.float32] = np.log(np.maximum(wrong, 1) / np.maximum(drawn, 1)).astype(
        np.float32
    )
    return shifts


@dataclass(frozen=True)
class Asked:
    """Which of all B Q questions about B texts were asked: their numbers, ``rows`` (R,)."""

    rows: Tensor
    total: int

    @classmethod
    def of(cls, asked: NDArray[np.bool_], compute: Compute) -> Asked | None:
        """Take which questions (B, Q) were asked; None where these are all."""
        return None if asked.all() else cls(compute.put(np.flatnonzero(asked)), asked.size)

    def among_all(self, scores: Tensor) -> Tensor:
        """Scores of the rows (R, A) -> of all questions, (B Q, A); -inf where none was asked."""
        return scores.new_full((self.total, scores.shape[1]), -torch.inf).index_copy(
            0, self.rows, scores
        )
