"""Extension of griffe: docstrings that are completed when a module is imported are read then."""

from __future__ import annotations

import inspect
from typing import Any

import griffe

COMPLETED = ("pet.classifier.estimator.PETClassifier",)


class CompletedDocstrings(griffe.Extension):
    """Takes the docstrings of some classes from the imported class."""

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        """Replace the docstring that stands in the source."""
        if cls.path in COMPLETED and cls.docstring:
            cls.docstring.value = inspect.getdoc(griffe.dynamic_import(cls.path)) or ""
