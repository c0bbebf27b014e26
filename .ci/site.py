"""Hook of mkdocs: README, CONTRIBUTING and RESULTS become pages, and links to them stay right."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
# Files of the repository, and what they are called in the site.
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "benchmarks/RESULTS.md": "results.md",
}


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that do not lie in docs/."""
    for path, name in PAGES.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links between files of the repository into links between pages of the site."""
    sources = {name: path for path, name in PAGES.items()}
    here = (ROOT / sources.get(page.file.src_uri, f"docs/{page.file.src_uri}")).parent

    def linked(found: re.Match[str]) -> str:
        target, anchor = found[1], found[2] or ""
        path = (here / target).resolve()
        if not path.is_relative_to(ROOT) or not path.is_file():
            return found[0]  # mkdocs says what is wrong with it
        name = path.relative_to(ROOT).as_posix()
        uri = PAGES.get(name, name.removeprefix("docs/"))
        return f"]({posixpath.relpath(uri, posixpath.dirname(page.file.src_uri) or '.')}{anchor})"

    return re.sub(r"\]\(([\w./-]+\.md)(#[\w-]+)?\)", linked, markdown)
