"""Vectors: texts, or pairs of texts, as vectors, and label scores by logistic regression."""
