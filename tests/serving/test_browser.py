"""The playground in a real browser: by keyboard, narrow, and nothing leaves the machine."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from serve_extra import need_serve

from pet.serving import Keys, Served, Service
from pet.web import bound

need_serve(client=False)
from pet.serving import make_app

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
KEY = "a-key-for-this-test"
LONG = 120_000  # milliseconds: a machine that is busy may take its time
told = playwright.expect
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs the browser chromium")


@pytest.fixture(scope="module")
def address(served: Served) -> Iterator[str]:
    import uvicorn

    app = make_app(Service(lambda: served), Keys([KEY]))
    taken = bound("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    thread = threading.Thread(target=server.run, args=([taken],))
    thread.start()
    yield f"http://127.0.0.1:{taken.getsockname()[1]}/"
    server.should_exit = True
    thread.join()
    taken.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


def opened_page(browser: Any, **options: Any) -> Any:
    """Return a page that waits long."""
    page = browser.new_page(**options)
    page.set_default_timeout(LONG)
    return page


def test_a_person_tries_a_text_another_word_and_goes_back(browser: Any, address: str) -> None:
    page = opened_page(browser, viewport={"width": 400, "height": 800})
    faults: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    # By the keyboard alone.
    page.get_by_label("Key", exact=True).focus()
    page.keyboard.type(KEY)
    page.keyboard.press("Enter")
    told(page.locator("#field-text")).to_be_focused(timeout=LONG)
    page.keyboard.type("a cold <b id='made'>room</b>")
    # While it is typed the page answers what stands there.
    whole = "a cold <b id='made'>room</b> It was ____."
    told(page.locator("#members")).to_contain_text(whole, timeout=LONG, use_inner_text=True)
    before = page.inner_text("#verdict")
    assert "with probability" in before
    assert page.locator(".member").count() == 2
    assert page.locator("#made").count() == 0  # the text is no part of the page
    page.locator("summary").first.click()
    page.get_by_label("words for positive").first.fill("warm")
    page.wait_for_selector(".member.edited .change")
    assert "before:" in page.inner_text("#verdict")
    page.get_by_label("pattern", exact=True).first.fill("{text} no gap")
    page.wait_for_selector("#fault:not([hidden])")
    assert "no {mask}" in page.inner_text("#fault")
    page.get_by_role("button", name="Undo all changes").click()
    page.wait_for_selector(".edited", state="detached")
    told(page.locator("#verdict")).to_have_text(before, timeout=LONG, use_inner_text=True)
    assert page.locator("#fault").is_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert all(url.startswith(address) for url in asked)
    # What a change made impossible is told by the page; the browser's log has its status.
    assert all("422" in fault for fault in faults), faults
    page.close()


def test_everything_on_the_page_has_a_name_and_a_contrast(browser: Any, address: str) -> None:
    for scheme in ("light", "dark"):
        page = opened_page(browser, color_scheme=scheme)
        page.goto(address)
        page.get_by_label("Key", exact=True).fill(KEY)
        page.get_by_role("button", name="Open").click()
        page.get_by_label("text", exact=True).fill("a warm room")
        page.wait_for_selector("#votes:not([hidden])")
        nameless = page.evaluate(
            "[...document.querySelectorAll('input, textarea, select, button')].filter("
            "e => !e.labels?.length && !e.textContent.trim() && e.type !== 'hidden').length"
        )
        assert nameless == 0
        assert page.locator("[aria-live]").count() == 1
        for selector in ("body", ".note", ".words small", "summary"):
            assert _contrast(page, selector) >= 4.5, (scheme, selector)
        page.close()


def test_a_wrong_key_is_told(browser: Any, address: str) -> None:
    page = opened_page(browser)
    page.goto(address)
    page.get_by_label("Key", exact=True).fill("wrong")
    page.keyboard.press("Enter")
    told(page.locator("#key-note")).to_contain_text("opens nothing", timeout=LONG)
    assert page.locator("#ask").is_hidden()
    page.close()


def _contrast(page: Any, selector: str) -> float:
    """Return the contrast of a text with what is behind it, as WCAG 2 defines it."""
    return float(
        page.evaluate(
            """selector => {
              const parse = (text) => text.match(/[\\d.]+/g).map(Number);
              const over = ([r, g, b, a = 1], [R, G, B]) =>
                [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
              const light = (rgb) => {
                const [r, g, b] = rgb.map((v) => v / 255)
                  .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
              };
              const element = document.querySelector(selector);
              const chain = [];
              for (let at = element; at; at = at.parentElement) chain.unshift(at);
              let behind = [255, 255, 255];
              for (const at of chain) {
                behind = over(parse(getComputedStyle(at).backgroundColor), behind);
              }
              const text = over(parse(getComputedStyle(element).color), behind);
              const [high, low] = [light(text), light(behind)].sort((a, b) => b - a);
              return (high + 0.05) / (low + 0.05);
            }""",
            selector,
        )
    )
