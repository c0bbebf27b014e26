"""Templates of pages, which escape every value; and the files that all pages share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

STATIC = Path(__file__).parent / "static"
_UNREADABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def environment(folder: Path) -> Environment:
    """Return an environment for the templates of a folder; all values are escaped.

    Control characters and halves of surrogates, which HTML does not allow, are shown as U+FFFD. A
    name that a template uses and nobody gave is an error.
    """
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_readable,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _readable(value: Any) -> Any:
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return _UNREADABLE.sub("\ufffd", value.replace("\r\n", "\n"))
