"""Classifier: the scikit-learn face."""

from pet.classifier.estimator import PETClassifier

__all__ = ["PETClassifier"]
