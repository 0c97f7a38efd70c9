"""Keys, errors, nothing to show, being offline; phones, themes and motion, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from embedworks.serving.gate import Gate
from embedworks.serving.keys import make_key
from embedworks.serving.tasks import builtin_tasks
from helpers.browser import GROUND, LOW, MOVING, NAMELESS, OUTSIDE
from helpers.contrast import FAINT

QUERY = "sort a list"
PHONE = {"width": 390, "has_touch": True, "is_mobile": True}


def test_a_key_is_asked_for_and_kept_in_the_tab_alone(open_page, endpoint):
    token, key = make_key("alice")
    endpoint.api.configure(Gate([key]), builtin_tasks())
    page = open_page(f"#q={QUERY}", wait="#key-dialog[open]")
    page.fill("#key-input", "wrong")
    page.click("text=Use it")
    page.locator("#key-dialog[open]").wait_for()
    page.fill("#key-input", token)
    page.click("text=Use it")
    page.locator(".hit").first.wait_for()
    kept = page.evaluate("[JSON.stringify(sessionStorage), JSON.stringify(localStorage), location.href]")
    assert token in kept[0]
    assert token not in kept[1] + kept[2]
    snippet = page.locator("#code pre").inner_text()
    assert "Bearer $KEY" in snippet
    assert token not in page.content()
    page.reload()
    page.locator(".hit").first.wait_for()
    expect(page.locator("#key-dialog")).to_be_hidden()


def test_without_a_key_the_page_says_why_it_is_empty(open_page, endpoint):
    endpoint.api.configure(Gate([make_key("alice")[1]]), builtin_tasks())
    page = open_page(wait="#key-dialog[open]")
    page.click("#key-cancel")
    expect(page.locator("#banner")).to_contain_text("API key")


def test_an_error_shows_the_message_of_the_api(open_page, endpoint):
    page = open_page(f"#q={QUERY}")
    page.locator(".hit").first.wait_for()
    with page.expect_response(lambda one: one.url.endswith("v1/search")) as answer:
        page.fill("#q", "tree " * 200)
    assert answer.value.status == 413
    expect(page.locator(".list.a .fault")).to_contain_text(answer.value.json()["error"]["message"])
    page.fill("#q", QUERY)
    page.locator(".hit").first.wait_for()
    expect(page.locator(".fault")).to_have_count(0)


def test_an_endpoint_that_is_away_is_asked_again(open_page, endpoint):
    page = open_page()
    page.context.set_offline(True)
    page.fill("#q", QUERY)
    expect(page.locator("#banner")).to_contain_text("does not answer")
    expect(page.locator(".fault")).to_contain_text("does not answer")
    page.context.set_offline(False)
    page.locator(".hit").first.wait_for()
    expect(page.locator("#banner")).to_be_hidden()


def test_an_endpoint_without_an_index_says_how_to_have_one(open_page, endpoint):
    endpoint.api.serve(endpoint.rooms, {})
    page = open_page(wait="#empty")
    text = page.locator("#empty").inner_text()
    assert "embedworks embed" in text
    assert "embedworks serve --index" in text
    expect(page.locator("#search")).to_be_hidden()
    expect(page.locator("#pair .value")).not_to_have_text("–")  # the model is there all the same
    endpoint.api.serve(endpoint.rooms, endpoint.indexes)
    page.locator(".hit").first.wait_for()  # it looks again by itself


def test_an_endpoint_of_indexes_alone_has_no_pair(open_page, endpoint):
    endpoint.api.serve({}, endpoint.indexes)
    page = open_page(f"#q={QUERY}")
    page.locator(".hit").first.wait_for()
    expect(page.locator("#pair")).to_be_hidden()


@pytest.mark.parametrize("hash_", ["", "&a=docs:4x32&b=other:2x16"], ids=["one list", "two"])
def test_nothing_sticks_out_on_a_phone_and_thumbs_find_everything(open_page, hash_):
    page = open_page(f"#q={QUERY}{hash_}", **PHONE)
    page.locator(".hit:visible").first.wait_for()
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(LOW) == []
    if hash_:
        expect(page.locator(".list.b")).to_be_hidden()
        page.tap("text=List B")
        expect(page.locator(".list.b")).to_be_visible()
        expect(page.locator(".list.a")).to_be_hidden()
        assert page.evaluate(OUTSIDE) == []
    page.tap("#thumbs >> text=Map")
    expect(page.locator("canvas.map")).to_be_in_viewport()


def test_a_tap_on_the_map_reads_a_row(open_page):
    page = open_page(f"#q={QUERY}", **PHONE)
    canvas = page.locator("canvas.map")
    expect(canvas).to_have_attribute("data-lit", "10")
    canvas.scroll_into_view_if_needed()
    wide, high = canvas.evaluate("one => [one.clientWidth, one.clientHeight]")
    for place in range(1, 12):  # sixty points leave gaps
        canvas.tap(position={"x": wide * place / 14, "y": high / 2})
        if page.locator("#map .card").is_visible():
            break
    expect(page.locator("#map .card .strong")).to_be_visible()


def test_dark_is_another_ground_and_the_button_chooses(open_page):
    light, dark = (open_page(scheme=scheme) for scheme in ("light", "dark"))
    grounds = light.evaluate(GROUND), dark.evaluate(GROUND)
    assert grounds[0] != grounds[1]
    before = light.locator("canvas.map").evaluate("one => one.toDataURL()")
    light.click("#theme-button")
    assert light.evaluate(GROUND) == grounds[0]
    light.click("#theme-button")
    assert light.evaluate(GROUND) == grounds[1]
    assert light.locator("canvas.map").evaluate("one => one.toDataURL()") != before
    light.reload()
    light.locator("#columns").wait_for()
    assert light.evaluate(GROUND) == grounds[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_can_be_read(open_page, scheme):
    page = open_page(f"#q={QUERY}&a=docs:4x32&b=other:2x16", scheme=scheme)
    page.locator(".list.b .move").first.wait_for()
    assert page.evaluate(FAINT) == []


def test_every_control_has_a_name(open_page):
    page = open_page(f"#q={QUERY}&a=docs:4x32&b=other:2x16")
    page.locator(".list.b .hit").first.wait_for()
    assert page.evaluate(NAMELESS) == []


def test_motion_is_reduced_where_that_is_asked_for(open_page):
    page = open_page(f"#q={QUERY}", reduced_motion="reduce")
    page.locator(".hit").first.wait_for()
    assert page.evaluate(MOVING) == []
