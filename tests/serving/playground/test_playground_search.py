"""Searching and comparing in a real browser, against what the API answers."""

from __future__ import annotations

from datetime import datetime, timedelta

from playwright.sync_api import expect

QUERY = "sort a list"
IDS = "all => all.map((one) => Number(one.dataset.id))"
HITS = "#lists .list.a .hit"


def ids(page, side="a"):
    return page.eval_on_selector_all(f"#lists .list.{side} .hit", IDS)


def wait_for(page, hits, side="a"):
    """Until the list begins with these hits."""
    first = page.locator(f"#lists .list.{side}:not(.waiting) .hit").first
    expect(first).to_have_attribute("data-id", str(hits[0]["id"]))
    return ids(page, side)


def test_typing_searches_and_the_address_keeps_it(open_page, endpoint):
    page = open_page()
    page.locator("#q").press_sequentially(QUERY, delay=5)
    hits = endpoint.found(QUERY)
    assert wait_for(page, hits) == [hit["id"] for hit in hits]
    first = page.locator(HITS).first
    assert f"{hits[0]['score']:.3f}" in first.inner_text()
    assert hits[0]["row"]["title"] in first.inner_text()
    timing = page.locator(".list.a .timing").inner_text()
    assert all(part in timing for part in ("embed", "search", "round trip"))
    expect(page.locator("#said")).to_contain_text("10 hits for sort a list")
    again = open_page(page.url.removeprefix(endpoint.address + "/"))
    assert wait_for(again, hits) == ids(page)
    assert again.locator("#q").input_value() == QUERY


def test_words_of_the_query_are_marked(open_page, endpoint):
    page = open_page()
    text = endpoint.found(QUERY)[3]["row"]["text"]
    page.fill("#q", f"{text.split(':')[0]} closing nothing")
    hits = endpoint.found(page.locator("#q").input_value())
    wait_for(page, hits)
    for hit, item in zip(hits, page.locator(HITS).all(), strict=True):
        marks = {word.lower() for word in item.locator(".text mark").all_inner_texts()}
        said = {word for word in text.split(":")[0].lower().split() if word not in ("a", "the")}
        assert marks - {"close"} == {word for word in hit["row"]["text"].lower().split() if word in said}


def test_requests_wait_for_a_pause_in_typing_and_enter_does_not(open_page, endpoint):
    page = open_page(f"#q={QUERY}")
    wait_for(page, endpoint.found(QUERY))
    seen = []
    page.on("request", lambda one: seen.append(one.url) if one.url.endswith("v1/search") else None)
    page.clock.install()
    page.clock.pause_at(datetime.now() + timedelta(hours=1))
    page.locator("#q").focus()
    for letter in " of":
        page.keyboard.type(letter)
        page.clock.run_for(100)
    assert seen == []
    with page.expect_request(lambda one: one.url.endswith("v1/search")) as asked:
        page.clock.run_for(200)
    size = {"layers": 4, "dimensions": 32}
    assert asked.value.post_data_json == {"index": "docs", "query": f"{QUERY} of", "limit": 30, **size}
    page.fill("#q", "the moon")
    page.press("#q", "Enter")  # no time passes
    wait_for(page, endpoint.found("the moon"))
    page.go_back()
    page.clock.resume()
    wait_for(page, endpoint.found(f"{QUERY} of"))


def test_example_questions_are_the_corpus_own(open_page, endpoint):
    page = open_page()
    page.locator(".chip").first.wait_for()
    questions = {one["query"] for one in endpoint.get("v1/indexes/docs/questions")["data"]}
    chips = page.locator(".chip").all_inner_texts()
    assert 3 <= len(chips) <= 8
    assert set(chips) <= questions
    page.locator(".chip").nth(1).click()
    assert wait_for(page, endpoint.found(chips[1]))
    assert page.locator("#q").input_value() == chips[1]


def test_keys_move_through_the_hits(open_page, endpoint):
    page = open_page(f"#q={QUERY}")
    wait_for(page, endpoint.found(QUERY))
    page.locator("h2").first.click()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    second = page.locator(HITS).nth(1)
    expect(second).to_be_focused()
    expect(second.locator(".facts")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(second.locator(".facts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#q")).to_be_focused()
    assert page.locator("#q").input_value() == QUERY


def test_two_choices_side_by_side_with_what_moved(open_page, endpoint):
    page = open_page(f"#q={QUERY}")
    a = endpoint.found(QUERY)
    wait_for(page, a)
    page.click("text=Compare")
    page.select_option("#index-b", "other")
    b = endpoint.found(QUERY, "other", layers=2, dimensions=16)
    assert wait_for(page, b, "b") == [hit["id"] for hit in b]
    assert ids(page) == [hit["id"] for hit in a]
    ranks = {hit["row"]["text"]: rank for rank, hit in enumerate(a)}
    wanted = []
    for rank, hit in enumerate(b):
        step = None if hit["row"]["text"] not in ranks else ranks[hit["row"]["text"]] - rank
        wanted.append("new" if step is None else f"▲ {step}" if step > 0 else f"▼ {-step}" if step else "=")
    assert page.locator(".list.b .move").all_inner_texts() == wanted
    shared = [one for one in wanted if one != "new"]
    assert len(set(wanted)) > 1, "the two models agree too much to test anything"
    assert page.locator(".list.a .move.gone").count() == 10 - len(shared)
    assert page.locator(".gutter path").count() == len(shared)
    assert f"{len(shared)} of 10 in both" in page.locator(".verdict").inner_text()
    again = open_page(page.url.removeprefix(endpoint.address + "/"))
    wait_for(again, b, "b")
    page.click("text=Close")
    expect(page.locator(".list.b")).to_be_hidden()
    assert "b=" not in page.url


def test_no_text_can_do_anything(open_page):
    hostile = "<img src=x onerror='window.harmed = true'>"
    page = open_page()
    page.fill("#q", hostile)
    page.press("#q", "Enter")
    page.locator(HITS).first.wait_for()
    assert page.locator("main img").count() == 0
    assert page.evaluate("window.harmed") is None
    assert "onerror" in page.locator("#code pre").inner_text()


def test_an_example_is_shown_until_something_is_typed(open_page, endpoint):
    page = open_page()
    page.locator(".hit").first.wait_for()
    example = page.locator("#q").get_attribute("placeholder")
    assert example in {one["query"] for one in endpoint.get("v1/indexes/docs/questions")["data"]}
    assert page.locator("#q").input_value() == ""
    assert wait_for(page, endpoint.found(example))
    assert "q=" not in page.url
    page.fill("#q", QUERY)
    wait_for(page, endpoint.found(QUERY))


def test_an_index_that_goes_over_to_another_version_is_shown_as_it_is(open_page, endpoint):
    page = open_page(f"#q={QUERY}&a=other:4x32")
    page.locator(".hit").first.wait_for()
    before = endpoint.get("v1/indexes/other")["version"]
    assert before in page.locator(".list.a .about").get_attribute("title")
    endpoint.folders["other"].add_version()
    endpoint.indexes["other"].room.look()
    after = endpoint.get("v1/indexes/other")["version"]
    assert after != before
    page.fill("#q", "the moon")
    wait_for(page, endpoint.found("the moon", "other"))
    expect(page.locator(".list.a .about")).to_have_attribute("title", f"version {after}")
