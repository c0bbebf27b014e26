"""A linear classifier of vectors: scikit-learn's logistic regression, kept as tensors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pet.scoring.base import LearnedValues
from pet.scoring.labelled import Labelled
from pet.types import Ints

# Weights (F, C) and biases (C,).
_Coefficients = tuple[NDArray[np.float64], NDArray[np.float64]]
# Fits a regression to label numbers, or to flags of one label.
_Regress = Callable[[Ints], _Coefficients]
_MOST_ITERATIONS = 10_000


class LinearClassifier(LearnedValues):
    """Scores ``x W + b`` of vectors x (N, F): logits of C labels, (N, C)."""

    def __init__(self, size: int, n_labels: int, device: torch.device) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(size, n_labels, device=device), requires_grad=False)
        # Mean of the examples, from which people are told what counted.
        self.centre = nn.Parameter(torch.zeros(size, device=device), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(n_labels, device=device), requires_grad=False)

    def forward(self, vectors: Tensor) -> Tensor:
        """Score vectors: (N, F) -> (N, C)."""
        return vectors @ self.weight + self.bias

    def fit(
        self,
        vectors: Tensor,
        labelled: Labelled,
        importance: NDArray[np.float64] | None,
        strength: float,
        class_weight: str | None,
        rows: Ints | None = None,
    ) -> None:
        """Fit logistic regression to vectors of labelled examples.

        Parameters
        ----------
        vectors : Tensor (N, F)
            Vectors of the examples.
        labelled : Labelled
            Their labels and weights.
        importance : array (F,), optional
            Factors of the entries, once each has mean 0 and deviation 1; the scale becomes part of
            the weights. By default vectors are taken as they are.
        strength : float
            C of scikit-learn: the inverse of the pull of the weights to 0.
        class_weight : {"balanced"}, optional
            Weights of the labels.
        rows : array of int, optional
            Numbers of the examples to learn from; by default all.
        """
        # Not above: a process that only scores starts in two thirds of the time without it.
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler

        chosen = np.arange(len(vectors)) if rows is None else rows
        x = vectors.double().cpu().numpy()[chosen]
        middle, scale = np.zeros(x.shape[1]), np.ones(x.shape[1])
        if importance is not None:
            scaler = StandardScaler().fit(x)
            middle, scale = scaler.mean_, importance / scaler.scale_
        scaled = (x - middle) * scale
        regression = LogisticRegression(
            C=strength, max_iter=_MOST_ITERATIONS, class_weight=class_weight
        )
        weights = None if labelled.weights is None else labelled.weights[chosen]

        def regress(outcomes: Ints) -> _Coefficients:
            regression.fit(scaled, outcomes, weights)
            return regression.coef_.T, regression.intercept_

        fit = _fit_one if labelled.kind.has_one_label else _fit_each
        weight, bias = fit(regress, labelled.targets[chosen], tuple(self.weight.shape))
        weight = weight * scale[:, None]
        self.centre.copy_(torch.from_numpy(x.mean(axis=0)))
        self.weight.copy_(torch.from_numpy(weight))
        self.bias.copy_(torch.from_numpy(bias - middle @ weight))


def _fit_one(regress: _Regress, targets: Ints, shape: tuple[int, ...]) -> _Coefficients:
    """Fit one regression to examples with one label each, (N,); ``shape`` is that of the weights.

    A label without examples scores -log(N + 1), which is below the mean of the others, 0. So does
    every label but one if all examples have that one.
    """
    weight, bias = np.zeros(shape), np.full(shape[1], -np.log(len(targets) + 1.0))
    present = np.unique(targets)
    if len(present) == 1:
        bias[present] = 0.0
        return weight, bias
    coefficients, intercepts = regress(targets)
    if len(present) == 2:  # one column, of the odds
        signs = np.array([-0.5, 0.5])
        coefficients, intercepts = coefficients * signs, intercepts * signs
    weight[:, present], bias[present] = coefficients, intercepts
    return weight, bias


def _fit_each(regress: _Regress, targets: Ints, shape: tuple[int, ...]) -> _Coefficients:
    """Fit a regression for every label to examples with flags (N, C).

    A label of no example is as likely as if one of N + 2 had it; one of all, as if one had not.
    """
    weight, bias = np.zeros(shape), np.zeros(shape[1])
    for label, flags in enumerate(targets.T):
        if flags.any() and not flags.all():
            weight[:, label : label + 1], bias[label : label + 1] = regress(flags)
        else:
            bias[label] = np.log(len(targets) + 1.0) * (1 if flags.any() else -1)
    return weight, bias
