"""Sliders, the plot of quality against latency, the map, the load and two texts in a real browser."""

from __future__ import annotations

import math

import pytest
from playwright.sync_api import expect

QUERY = "sort a list"
EDGE = 16  # pixels around the map's points


def test_sliders_stop_at_the_stored_sizes_and_search_at_them(open_page, endpoint):
    page = open_page(f"#q={QUERY}")
    page.locator(".hit").first.wait_for()
    with page.expect_request(lambda one: one.url.endswith("v1/search")) as asked:
        page.press("#layers-a", "ArrowLeft")
    body = asked.value.post_data_json
    assert (body["layers"], body["dimensions"]) == (2, 16)
    assert page.locator("#layers-a").get_attribute("aria-valuetext") == "2 layers"
    assert page.locator("#dimensions-a").is_disabled()  # two layers are stored at 16 dimensions alone
    hits = endpoint.found(QUERY, layers=2, dimensions=16)
    expect(page.locator(".list.a:not(.waiting) .hit .score").first).to_have_text(f"{hits[0]['score']:.3f}")
    assert "a=docs%3A2x16" in page.url
    assert '"layers":2' in page.locator("#code pre").inner_text()


def ndcg(ids, relevant):
    found = sum(1 / math.log2(rank + 2) for rank, one in enumerate(ids) if one in relevant)
    return found / sum(1 / math.log2(rank + 2) for rank in range(min(10, len(relevant))))


def test_quality_is_measured_at_every_size(open_page, endpoint):
    page = open_page()
    page.click("#quality .strong")
    expect(page.locator("#quality .strong")).to_have_text("Measure again", timeout=30_000)
    assert page.locator(".spot").count() == 2
    expect(page.locator(".spot.chosen")).to_have_attribute("data-size", "4×32")
    page.click("#quality summary")
    rows = {row[0]: row[1:] for row in map(str.split, page.locator("#quality tbody tr").all_inner_texts())}
    questions = endpoint.get("v1/indexes/docs/questions")["data"]
    for layers, dimensions in ((4, 32), (2, 16)):
        found = [
            endpoint.post(
                "v1/search", index="docs", query=one["query"], layers=layers, dimensions=dimensions
            )
            for one in questions
        ]
        scores = [
            ndcg([hit["id"] for hit in answer["data"][0]["hits"]], set(one["relevant"]))
            for answer, one in zip(found, questions, strict=True)
        ]
        row = rows[f"{layers}×{dimensions}"]
        assert float(row[0]) == pytest.approx(sum(scores) / len(scores), abs=0.0006)
        assert int(row[-1]) == len(questions)
    page.click(".spot[data-size='2×16']")
    expect(page.locator(".spot.chosen")).to_have_attribute("data-size", "2×16")
    assert page.locator("#layers-a").get_attribute("aria-valuetext") == "2 layers"
    page.click("#quality .switch button:last-child")
    assert "hit@10" in page.locator("svg.quality").text_content()


def places(endpoint, box):
    """Where the map's points are on the canvas."""
    points = endpoint.get("v1/indexes/docs/map")

    def scaled(values):
        low, high = min(values), max(values)
        return [(value - low) / (high - low) for value in values]

    across, up = scaled(points["x"]), scaled(points["y"])
    spots = [
        (EDGE + x * (box["width"] - 2 * EDGE), EDGE + (1 - y) * (box["height"] - 2 * EDGE))
        for x, y in zip(across, up, strict=True)
    ]
    return points, spots


def alone(spots, box):
    """A point that no other and no button is near."""

    def room(i):
        others = min(math.dist(spots[i], spots[j]) for j in range(len(spots)) if j != i)
        return others if spots[i][0] < box["width"] - 60 and 40 < spots[i][1] < box["height"] - 170 else 0

    return max(range(len(spots)), key=room)


def test_the_map_shows_reads_and_searches_rows(open_page, endpoint):
    page = open_page(f"#q={QUERY}")
    page.locator(".hit").first.wait_for()
    canvas = page.locator("canvas.map")
    expect(canvas).to_have_attribute("data-lit", "10")
    box = {
        "width": canvas.evaluate("one => one.clientWidth"),
        "height": canvas.evaluate("one => one.clientHeight"),
    }
    points, spots = places(endpoint, box)
    assert canvas.get_attribute("data-points") == str(len(points["id"]))
    drawn = canvas.evaluate(
        "one => new Set(one.getContext('2d').getImageData(0, 0, one.width, one.height).data).size"
    )
    assert drawn > 20
    canvas.scroll_into_view_if_needed()
    chosen = alone(spots, box)
    spot = {"x": spots[chosen][0], "y": spots[chosen][1]}
    canvas.hover(position=spot)
    tip = page.locator("#map .tip")
    expect(tip).to_be_visible()
    expect(tip).to_contain_text(points["text"][chosen])
    assert points["group"][chosen] in tip.inner_text()
    canvas.click(position=spot)
    expect(page.locator("#map .card")).to_be_visible()
    expect(page.locator("#map .card")).to_contain_text(points["text"][chosen])
    page.click("text=Search for this")
    expect(page.locator("#q")).to_have_value(points["text"][chosen])
    expect(page.locator(".list.a:not(.waiting) .hit .score").first).to_have_text("1.000")


def test_the_map_zooms_and_one_group_stands_out(open_page):
    page = open_page(f"#q={QUERY}")
    canvas = page.locator("canvas.map")
    expect(canvas).to_have_attribute("data-points", "61")
    expect(canvas).to_have_attribute("data-lit", "10")  # hits that come later would change the picture
    look = "one => one.toDataURL()"
    whole = canvas.evaluate(look)
    page.click("[aria-label='Zoom in']")
    near = canvas.evaluate(look)
    assert near != whole
    page.click("[aria-label='Whole map']")
    assert canvas.evaluate(look) == whole
    canvas.focus()
    page.keyboard.press("+")
    assert canvas.evaluate(look) == near
    page.keyboard.press("0")
    page.locator("#map .legend button").first.click()
    assert canvas.evaluate(look) != whole


def test_the_live_load_counts_what_is_asked(open_page, endpoint):
    page = open_page()
    page.locator("#load dd").first.wait_for()
    for _ in range(20):
        endpoint.found(QUERY)
    row = page.locator("#load tbody tr", has=page.locator("th:text-is('index docs')"))
    expect(row.locator("td.n").first).not_to_have_text("0", timeout=10_000)
    cells = row.locator("td.n").all_inner_texts()
    assert float(cells[0].replace(",", "")) > 0
    assert float(cells[1].replace(",", "")) > 0
    assert "s" in cells[2]
    expect(page.locator("#pulse")).to_contain_text("req/s")


def test_two_texts_have_a_similarity(open_page, endpoint):
    page = open_page()
    page.fill("#pair-1", "the red bird")
    page.fill("#pair-2", "the blue bird")
    body = {"model": "tiny", "left": ["the red bird"], "right": ["the blue bird"]}
    score = endpoint.post("v1/similarity", **body)["scores"][0][0]
    expect(page.locator("#pair .value")).to_have_text(f"{score:.3f}")
