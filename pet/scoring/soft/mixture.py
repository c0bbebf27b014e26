"""Mixtures: several soft templates of one pattern, whose answers are mixed.

``p(y | x) = sum_t w_t p(y | x, t)``, for M templates t that start differently. The weights follow
the templates' responsibilities for the right answers, ``r_nt ~ w_t p(y_n | x_n, t)``: their mean
over the examples is EM's ``w_t``. The gradient of the mixture's cross entropy is that of
``sum_t r_nt CE_nt``, so a template learns from the examples that it explains. Answers are those of
one row, labels or yes and no. A member's offsets are subtracted from the scores of the mixture. A
readout's margin loss, for words of several tokens, is computed from the mixture's answers too.

Source: Qin and Eisner 2021 (NAACL), section 3; of kind "deep" with added vectors, its deep
perturbation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from pet.encoding import Batch, join
from pet.scoring.soft.template import Soft, SoftTemplate

# Step of the weights towards the mean responsibilities of a batch: a mean over about ten batches.
PACE = 0.1


class Mixture(Soft):
    """M soft templates and their weights; the templates' rows go through the model together.

    Parameters
    ----------
    templates : iterable of SoftTemplate
        Templates of the same slots.
    """

    def __init__(self, templates: Iterable[SoftTemplate]) -> None:
        super().__init__()
        self._parts = tuple(templates)
        self.templates = nn.ModuleList(self._parts)
        even = torch.zeros(len(self._parts), device=self._parts[0].start.device)
        # A parameter, so that it is saved with the others, but not trained by gradients.
        self.log_weights = nn.Parameter(even.log_softmax(0), requires_grad=False)

    @property
    def parts(self) -> tuple[SoftTemplate, ...]:
        """The templates."""
        return self._parts

    @property
    def rate(self) -> float:
        """Default peak learning rate."""
        return self.parts[0].rate

    @property
    def weights(self) -> Tensor:
        """Shares of the templates, (M,)."""
        return self.log_weights.exp()

    def fill(self, batch: Batch) -> Batch:
        """Put the templates into the slots of a batch: all rows for the first, then the next."""
        return join([template.fill(batch) for template in self.parts], 0)

    def mixed(self, scores: Sequence[Tensor], answers: Tensor | None = None) -> Sequence[Tensor]:
        """Mix the templates' scores of R rows, (M R, A), to log-probabilities of answers, (R, A).

        There is one tensor for each readout. With ``answers`` (R,), the right ones, the weights
        learn.
        """
        logs = [self._by_template(readout).log_softmax(dim=2) for readout in scores]
        weighted = [readout + self.log_weights[:, None, None] for readout in logs]
        mixed = [readout.logsumexp(dim=0) for readout in weighted]
        if answers is not None:
            self._learn_weights(torch.stack(weighted).detach(), answers)
        return mixed

    def averaged(self, scores: Tensor) -> Tensor:
        """Average the templates' scores of R rows by weight: (M R, W) -> (R, W)."""
        return torch.einsum("m,mrw->rw", self.weights, self._by_template(scores))

    @torch.no_grad()
    def _learn_weights(self, weighted: Tensor, answers: Tensor) -> None:
        rows = torch.arange(len(answers), device=answers.device)
        responsibilities = weighted[:, :, rows, answers].softmax(dim=1)
        weights = torch.lerp(self.weights, responsibilities.mean(dim=(0, 2)), PACE)
        self.log_weights.copy_(weights.log())

    def _by_template(self, scores: Tensor) -> Tensor:
        count = len(self.templates)
        return scores.reshape(count, len(scores) // count, scores.shape[1])

    def unfold(self) -> None:
        """Make ready for training."""
        for template in self.parts:
            template.unfold()

    def fold(self) -> None:
        """Drop what only training needs; the prompts stay the same."""
        for template in self.parts:
            template.fold()
