"""Evaluation: how good a model is, and the evidence for it."""
