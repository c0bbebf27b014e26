"""Rows for a bank of several tasks, and how its prompts are trained."""

from __future__ import annotations

SOFT = ("--scope", "prompt", "--soft-slots", "3")
# The rows of all tasks, as one file holds them.
MIXED = [
    ("toy", {"text": "a cold room"}),
    ("topics", {"title": "we", "body": "all the food and that"}),
    ("tags", {"text": "very fast and warm"}),
    ("toy", {"text": "the film was just wonderful, and so was all that we had in the room"}),
    ("plain", {"text": "i was not happy"}),
    ("topics", {"title": "the train was very slow and so cold", "body": "no"}),
]
