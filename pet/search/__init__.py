"""Searches: for label words, for patterns, and for the texts to label next."""
