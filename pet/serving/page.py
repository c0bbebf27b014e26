"""The playground: a page on which people try texts, patterns and words, and its files."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pet.version import __version__
from pet.web import STATIC, environment

_OWN = Path(__file__).parent / "static"
# Name to its folder and its type. Nothing else can be asked for.
STATIC_FILES = {
    "base.css": (STATIC, "text/css"),
    "playground.css": (_OWN, "text/css"),
    "playground.js": (_OWN, "text/javascript"),
    "bars.js": (_OWN, "text/javascript"),
    "icon.svg": (_OWN, "image/svg+xml"),
}


@cache
def page(needs_key: bool) -> str:
    """Return the page; what the model knows is asked for by its script, with the key."""
    template = environment(Path(__file__).parent / "templates").get_template("playground.html")
    return template.render(version=__version__, needs_key=needs_key) + "\n"


@cache
def static_file(name: str) -> tuple[bytes, str]:
    """Return the bytes and the type of one of `STATIC_FILES`."""
    folder, kind = STATIC_FILES[name]
    return (folder / name).read_bytes(), kind
