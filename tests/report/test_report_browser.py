"""The page in a real browser: nothing is asked of a network, nothing foreign runs, nothing sticks out."""

from __future__ import annotations

import pytest

from embedworks.report.page import render, sections
from helpers.browser import GROUND, OUTSIDE, chromium
from helpers.reports import whole_report

ORDER = "() => [...document.querySelectorAll('.scores tbody th')].map((one) => one.title)"


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


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
