"""A person labels in a real browser: from nothing to a trained model and its report."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from serve_extra import need_serve

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(
    (path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if os.path.exists(path)),
    None,
)
playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
need_serve(client=False)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
# What a page's console says while its server is ended.
GONE = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")
# Words by which the annotator of this test tells half of the texts; the others are guesses.
GOOD = re.compile(r"great|lov|good|best|sing|happy|well|spectacular|perfect|fresh|warm", re.I)


@contextmanager
def serving(folder: Path, *arguments: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run ``pet label`` in a process; yield it, and the address that it prints."""
    call = [sys.executable, "-c", "from pet.cli import main; main()", "label"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with (
        (folder / "server.txt").open("a") as told,
        subprocess.Popen(
            [*call, *map(str, arguments), "--no-browser"],
            stdout=subprocess.PIPE,
            stderr=told,
            text=True,
            env=environment,
        ) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Label at http://127.0.0.1:"), (folder / "server.txt").read_text()
        try:
            yield process, line.removeprefix("Label at ").strip()
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(timeout=120)


@pytest.fixture
def new_page() -> Iterator[Callable[..., Any]]:
    """Open pages in contexts of their own; what their consoles complain of fails the test."""
    complaints: list[str] = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        def make(context: Any = None, **options: Any) -> Any:
            page = (context or browser.new_context(**options)).new_page()
            page.set_default_timeout(120_000)
            page.on("console", lambda told: complaints.append(told.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda request: complaints.append(request.url)
                    if not request.url.startswith("http://127.0.0.1:") else None)  # fmt: skip
            return page

        yield make
        browser.close()
    assert [told for told in complaints if not any(gone in told for gone in GONE)] == []


def label(page: Any, count: int) -> None:
    """Label texts with the keys, as fast as the page goes on."""
    for _ in range(count):
        text = page.inner_text("#fields")
        page.keyboard.press("2" if GOOD.search(text) else "1")
        page.wait_for_function(  # a function: the page's policy forbids to run text
            "text => document.querySelector('#fields').innerText !== text", arg=text
        )


def shows(page: Any, place: str, words: str) -> None:
    """Wait until a part of the page has some words in it."""
    playwright.expect(page.locator(place)).to_contain_text(words, timeout=120_000)


def opened(page: Any, address: str) -> Any:
    page.goto(address)
    page.wait_for_selector("#choice:not([hidden])")
    return page


@pytest.mark.slow
def test_thirty_texts_a_killed_server_training_and_the_report(
    tmp_path: Path, new_page: Callable[..., Any]
) -> None:
    folder, reviews = tmp_path / "labels", ROOT / "tasks" / "reviews"
    start = ("--unlabeled", reviews / "unlabeled.jsonl", "--task", "reviews", "-o", folder)
    with serving(tmp_path, *start) as (process, address):
        page = opened(new_page(), address)
        label(page, 17)
        assert "17 of 697 texts labelled by hand" in page.inner_text("#counts")
        process.kill()
        process.wait()
        page.keyboard.press("1")
        page.wait_for_selector("#alert:not([hidden])")
        assert "does not answer" in page.inner_text("#alert")
    quick = "--max-steps 2 --distill-max-steps 2 --patterns 0"
    with serving(tmp_path, folder, "--training", quick) as (_, address):
        page = opened(new_page(), address)
        shows(page, "#counts", "17 of")
        label(page, 13)
        shows(page, "#accuracy", "%")
        shows(page, "#accuracy-told", "drawn at random")
        page.click("#train")
        page.wait_for_selector("#reports a", timeout=400_000)
        with page.context.expect_page() as shown:
            page.click("#reports a")
        report = shown.value
        report.wait_for_load_state()
        assert "reviews" in report.title()
        assert report.locator("table").count() > 2
        color = report.evaluate("getComputedStyle(document.querySelector('section')).borderRadius")
        assert color == "10px"  # its own style is let through
    file = tmp_path / "labels.jsonl"
    written = subprocess.run(
        [
            sys.executable, "-c", "from pet.cli import main; main()", "label", str(folder),
            "--export", str(file),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "30 rows are in" in written.stderr
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert len({row["text"] for row in rows}) == 30
    assert all(
        row["label"] == ("positive" if GOOD.search(row["text"]) else "negative") for row in rows
    )


@pytest.fixture
def small(tmp_path: Path) -> tuple[Path, tuple[object, ...]]:
    """A pool of a few texts that is read in a moment, some of which want to be HTML."""
    pool = tmp_path / "pool.csv"
    rows = [f"the {noun} was {how}" for noun in ("film", "soup") for how in ("fine", "cold", "sad")]
    rows += ["<img src=x onerror=alert(1)><b>bold</b> & \u202eright to left"]
    pool.write_text("\n".join(["text", *rows]), "utf-8")
    labels = ("--labels", "billing,technical,account")
    return tmp_path, ("--unlabeled", pool, *labels, "-o", tmp_path / "labels")


@pytest.mark.slow
def test_tabs_keys_search_and_bulk(
    small: tuple[Path, tuple[object, ...]], new_page: Callable[..., Any]
) -> None:
    folder, arguments = small
    with serving(folder, *arguments) as (_, address):
        page = opened(new_page(), address)
        other = opened(new_page(page.context), address)
        assert page.inner_text("#fields") != other.inner_text("#fields")
        first = page.inner_text("#fields")
        page.keyboard.press("u")
        assert page.get_attribute("#unsure", "aria-pressed") == "true"
        page.keyboard.press("3")
        shows(page, "#last", "account, not sure")
        page.keyboard.press("z")
        shows(page, "#last", "Taken back.")
        assert page.inner_text("#fields") == first
        page.keyboard.press("4")  # there are three labels
        page.keyboard.press("/")
        page.keyboard.type("bold 1")  # keys that are typed are no answers
        page.keyboard.press("Enter")
        page.wait_for_selector("#found li button")
        assert page.locator("#found b").count() == 0  # shown as text
        page.click("#found li button")
        shows(page, "#fields", "<b>bold</b>")
        assert "0 of 7 texts" in page.inner_text("#counts")
        shows(page, "#guess", "%")
        page.fill("#threshold", "0.5")
        page.select_option("#bulk-label", "technical")
        page.click("#bulk button")
        page.wait_for_selector("#offer:not([hidden])")
        if page.is_visible("#accept"):
            assert page.inner_text("#wrong").startswith("As the sample stands, 0 of ")
            page.locator("#sample select").first.select_option("billing")
            assert page.inner_text("#wrong").startswith("As the sample stands, 1 of ")
        third = page.context.browser.new_context().new_page()  # without the cookie
        third.goto(address.split("?")[0])
        assert "token" in third.inner_text("body")


@pytest.mark.slow
def test_a_refused_click_stays_told_and_undo_is_there_at_the_end(
    small: tuple[Path, tuple[object, ...]], new_page: Callable[..., Any]
) -> None:
    folder, arguments = small
    with serving(folder, *arguments) as (_, address):
        # A page whose console may complain of the status.
        page = opened(new_page().context.new_page(), address)
        page.route(
            "**/api/answer", lambda asked: asked.fulfill(status=409, json={"detail": "No space."})
        )
        page.keyboard.press("1")
        shows(page, "#alert", "No space.")
        with page.expect_response("**/api/train"), page.expect_response("**/api/status"):
            pass  # a poll that succeeds
        page.wait_for_timeout(200)
        assert page.inner_text("#alert") == "No space."
        page.unroute("**/api/answer")
        for left in range(7)[::-1]:
            page.keyboard.press("s")
            shows(page, "#counts", f"{7 - left} skipped")
        assert page.is_hidden("#alert")
        shows(page, "#fields", "Every text has a label")
        assert page.is_hidden("#skip")
        page.click("#undo")
        shows(page, "#counts", "6 skipped")
        assert page.is_visible("#skip")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_and_has_names_for_what_can_be_used(
    small: tuple[Path, tuple[object, ...]], new_page: Callable[..., Any], scheme: str
) -> None:
    folder, arguments = small
    with serving(folder, *arguments) as (_, address):
        page = opened(
            new_page(viewport={"width": 400, "height": 800}, color_scheme=scheme), address
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        unnamed = page.evaluate(
            """[...document.querySelectorAll("button, input, select, a")].filter(one =>
            !one.closest("[hidden]") && !(one.innerText || one.labels?.length
            || one.getAttribute("aria-label")).toString().trim()).map(one => one.outerHTML)"""
        )
        assert unnamed == []
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "jump"
        assert page.get_attribute("#live", "aria-live") == "polite"
        assert "the" in page.inner_text("#live") or "bold" in page.inner_text("#live")
