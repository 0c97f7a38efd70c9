"""The page in a real browser: nothing is asked of a network, nothing foreign runs, nothing sticks out."""

from __future__ import annotations

import shutil

import pytest

from embedworks.report.page import render, sections
from helpers.reports import whole_report

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
# Right edges beyond the window, of what does not stand in a box that scrolls by itself.
OUTSIDE = """() => [...document.querySelectorAll("body *")].filter((one) =>
    !one.closest(".scroll > *, pre > *, .unseen, details:not([open]) > :not(summary)")
    && one.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5
  ).map((one) => `${one.tagName} ${one.getAttribute("class")} ${one.textContent.trim().slice(0, 40)}`)"""
GROUND = "() => getComputedStyle(document.body).backgroundColor"
ORDER = "() => [...document.querySelectorAll('.scores tbody th')].map((one) => one.title)"


@pytest.fixture(scope="module")
def browser():
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=OPTIONS.split())
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(whole_report()), encoding="utf-8")
    return path


@pytest.fixture
def open_page(browser, file):
    said: list[str] = []
    asked: list[str] = []
    contexts = []

    def opened(width: int = 1280, scheme: str = "light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []
    assert {url for url in asked if not url.startswith("data:")} == {file.as_uri()}


def test_all_sections_are_there_and_foreign_texts_are_inert(open_page):
    page = open_page()
    shown = page.eval_on_selector_all("section", "all => all.map((one) => one.id)")
    assert shown == [*sections(whole_report()), "left-out"]
    assert page.evaluate("window.harmed") is None
    assert page.locator("img").count() == 0
    boxes = [one.bounding_box() for one in page.locator("svg:visible").all()]
    assert len(boxes) >= 10
    assert all(box["height"] > 15 and box["width"] > 10 for box in boxes)


def test_a_click_on_a_heading_sorts_and_a_second_one_turns_it_round(open_page):
    page = open_page()
    heading = page.locator(".scores thead button").nth(3)
    heading.click()
    down = page.evaluate(ORDER)
    assert down[0] == "code"
    assert page.locator(".scores th[aria-sort=descending]").count() == 1
    heading.click()
    up = page.evaluate(ORDER)
    assert up == down[::-1]
    page.locator(".scores thead button").nth(4).click()  # one model has no score there: it comes last
    assert page.evaluate(ORDER)[-1].startswith("merged")


def test_pointing_at_a_text_shows_it(open_page):
    page = open_page()
    page.locator("svg.map .spot").first.hover()
    assert page.locator("#tip").inner_text().startswith("text 0 </script><script>")
    assert page.locator("svg.map .spot.on").count() == 4  # it and its partner, in both maps


def test_nothing_sticks_out_on_a_phone(open_page):
    page = open_page(width=390)
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_dark_is_another_ground_with_light_letters(open_page):
    light, dark = (open_page(scheme=scheme).evaluate(GROUND) for scheme in ("light", "dark"))
    assert light != dark
