"""Searches on a few labelled examples: for label words, for patterns, and which are the best."""
