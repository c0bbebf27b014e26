"""Every block that README and the pages of docs/ show is run here, and its output compared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pages import (
    PAGES,
    ROOT,
    SHARED_RUN,
    blocks_of,
    differences,
    make_shared_run,
    page_folder,
    refreshed,
    run_page,
    steps_of,
)
from serve_extra import need_serve

# What a page shows and nothing runs: the page, how the block begins, and why.
NOT_RUN = {
    ("README.md", "make demo "): "the project's two commands: this test is part of the second",
    ("docs/backbones.md", "pet train --task reviews"): "fetches a model from a hub",
    ("docs/coming-from.md", "class FilmPVP"): "the original PET code, which is not installed",
    ("docs/coming-from.md", "plm, tokenizer"): "OpenPrompt, which is not installed",
    ("docs/coming-from.md", "model = SetFitModel"): "SetFit, with a model of a hub",
    ("docs/first-model.md", "pet train --labels billing"): "a pool of the reader's own",
    ("docs/labelling.md", "pip install 'pet-fewshot[serve]'"): "serves until it is ended",
    ("docs/labelling.md", "ssh -L"): "needs another machine",
    ("docs/serving.md", "pip install "): "a server, which test_process starts and ends",
    ("docs/serving.md", "curl -s localhost"): "the same",
    ("docs/serving.md", "pet serve runs/first --keys"): "the same",
    ("docs/serving.md", "python -c 'import secrets"): "the same, at all addresses",
    ("docs/unlike-members.md", "pet train --task trec"): "fetches two models from a hub",
    ("docs/zh/quickstart.md", "pet check --task hotel.py"): "test_chinese_quick_start does",
    ("docs/zh/quickstart.md", "pet verbalize --task hotel.py"): "test_chinese_quick_start does",
}


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the run of README's five minutes; workers of one test run share it."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if base.name.startswith("popen-") else base
    return make_shared_run(base / "pages")


@pytest.mark.parametrize("page", PAGES)
def test_every_block_runs_and_prints_what_the_page_shows(
    page: str, request: pytest.FixtureRequest
) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    steps = steps_of(text)
    if not steps:
        pytest.skip("shows no commands")
    if "starlette.testclient" in text:
        need_serve()
    needed = request.getfixturevalue("shared") if SHARED_RUN in text else None
    with page_folder(page, needed) as folder:
        outputs = run_page(page, folder)
    for (block, shown), printed in zip(steps, outputs, strict=True):
        difference = shown and differences(shown.body, printed)
        assert not difference, (
            f"{page}, the output of\n    {block.first_line}\n{difference}\n"
            "If the new output is right: make refresh-docs"
        )


def test_only_what_is_listed_is_not_run() -> None:
    marked = [
        (page, block.first_line)
        for page in PAGES
        for block in blocks_of((ROOT / page).read_text(encoding="utf-8"))
        if block.reason is not None
    ]
    assert len(marked) == len(NOT_RUN)
    for (page, line), (listed, start) in zip(sorted(marked), sorted(NOT_RUN), strict=True):
        assert page == listed
        assert line.startswith(start)


def test_the_readme_is_short_and_opens_with_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 160
    first = next(block for block in blocks_of(text) if block.language == "sh")
    commands = [line.split("#")[0].strip() for line in first.body.splitlines()]
    assert commands == ["make demo", "make test"]
    makefile = (ROOT / "Makefile").read_text()
    for target in ("demo", "test", "docs", "refresh-docs"):
        assert f"\n{target}:" in makefile
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_readme_names_every_page_of_the_docs() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\((docs/[\w/-]+\.md)", text))
    assert linked == {page for page in PAGES if page.startswith("docs/")} - {"docs/index.md"}


TABLE = """
          test accuracy  seconds  MiB
-------------------------------------
pattern-0          69.2     33.6  817
ensemble           70.4        -    -
"""


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("", ""), True),
        (("69.2", "70.4"), True),  # within two per cent
        (("69.2", "71.0"), False),
        (("33.6", " 1.2"), True),  # a time
        (("817", "999"), True),  # memory
        (("pattern-0", "pattern-1"), False),  # a whole number is not a figure
        (("ensemble ", "assembly "), False),
    ],
)
def test_outputs_are_compared_with_a_tolerance(change: tuple[str, str], expected: bool) -> None:
    assert (differences(TABLE, TABLE.replace(*change)) is None) is expected


def test_a_line_of_dots_stands_for_any_lines_and_stays_when_refreshed() -> None:
    shown = "first 1.0\n...\nlast 2.0\n"
    assert differences(shown, "first 1.0\nmiddle\nmore\nlast 2.0\n") is None
    assert (
        differences(shown, "first 1.0\nmiddle\nlast 3.0\n")
        == "shown    last 2.0\nprinted  last 3.0"
    )
    assert refreshed(shown, "first 4.0\nmiddle\nlast 3.0\n") == "first 4.0\n...\nlast 3.0\n"


def test_an_output_belongs_to_the_block_before_it() -> None:
    page = "```sh\npet tasks\n```\n\n```text\nreviews\n```\n\n```python\nprint(1)\n```\n"
    steps = [(block.language, shown and shown.body) for block, shown in steps_of(page)]
    assert steps == [("sh", "reviews\n"), ("python", None)]
    with pytest.raises(ValueError, match="the output of no block"):
        steps_of("```text\nreviews\n```\n")
