"""Pages in a real browser, as narrow as a telephone: nothing is cut, letters can be read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_folders import study_folder, written
from studies import drawing

from pet.evaluation.pages import page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WIDTH = 400
# Sizes as they are on the screen: pixels of letters in diagrams, and ends of what is stacked.
MEASURE = """() => ({
  page: document.documentElement.scrollWidth,
  letters: [...document.querySelectorAll("svg.plot text")].map(
    (text) => text.getBoundingClientRect().height),
  stacked: [...document.querySelectorAll(".stacked td, .stacked th")].map(
    (cell) => cell.getBoundingClientRect().right),
  loose: [...document.querySelectorAll("table, svg.plot")].filter(
    (wide) => wide.getBoundingClientRect().right > innerWidth && !wide.closest(".scroll, .wide")
  ).length,
})"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright, absent here")
    if CHROMIUM is None:
        pytest.skip("needs Chromium, absent here")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@drawing
@pytest.mark.parametrize("made", [written, study_folder], ids=["run", "study"])
def test_a_page_fits_a_telephone(made: Any, browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page(made(tmp_path).path), "utf-8")
    shown = browser.new_page(viewport={"width": WIDTH, "height": 800})
    shown.goto(file.as_uri())
    shown.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    found = shown.evaluate(MEASURE)
    assert found["page"] <= WIDTH
    assert found["letters"]
    assert min(found["letters"]) >= 8
    assert found["stacked"]
    assert max(found["stacked"]) <= WIDTH
    assert found["loose"] == 0
