from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from embedworks.report.data import Head, Report
from embedworks.report.page import render, sections
from helpers.reports import HOSTILE, whole_report

SECTIONS = [
    "scores",
    "significance",
    "costs",
    "grids",
    "training",
    "map",
    "neighbours",
    "lineage",
    "merges",
    "made",
]


class Reader(HTMLParser):
    """Elements by name, with attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def of(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag == name]


@pytest.fixture(scope="module")
def page() -> str:
    return render(whole_report())


def test_texts_from_anywhere_do_not_run(page):
    reader = Reader(page)
    assert HOSTILE not in page
    assert not reader.of("img")
    assert len(reader.of("script")) == 2  # the page's own, and the texts of the map as data
    assert [one.get("type") for one in reader.of("script")] == ["application/json", None]
    assert not [name for _, attributes in reader.found for name in attributes if name.startswith("on")]


def test_the_page_asks_for_nothing(page):
    for tag, attributes in Reader(page).found:
        for name in ("src", "href", "srcset", "action", "poster"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:")), (tag, name, value)
    assert "@import" not in page
    assert "url(" not in page
    assert re.search(r"default-src 'none'", page)


def test_sections_without_data_are_left_out():
    assert list(sections(whole_report())) == SECTIONS
    bare = Report(head=Head("a job", "a job", "1 May 2026"))
    assert sections(bare) == {}
    assert "<section" not in render(bare)
    assert 'id="merges"' not in render(whole_report(merges=(), inputs=()))


def test_every_drawing_has_a_name_and_tables_have_scopes(page):
    reader = Reader(page)
    assert len(reader.of("svg")) >= 10
    assert all(one.get("aria-label") and one.get("role") == "img" for one in reader.of("svg"))
    assert all(one.get("scope") in ("col", "row") for one in reader.of("th"))


def test_the_best_of_each_column_is_marked_and_tints_follow_the_reference(page):
    rows = re.findall(r'<th scope="row" title="(\S+?)".*?</tr>', page, re.DOTALL)
    assert rows[:2] == ["org/base", "docs"]  # the reference, then the best mean
    starred = re.findall(r'<td class="n top" style="[^"]*" data-v="([^"]*)"', page)
    assert starred == ["0.7", "0.6", "0.8"]  # docs on the first and the third task, code on the second
    docs = page[page.index('title="docs"') :]
    assert "--hue:var(--better)" in docs[: docs.index("</tr>")]
    assert "var(--worse)" not in docs[: docs.index("</tr>")]
    code = page[page.index('title="code"') :]
    assert code[: code.index("</tr>")].count("var(--worse)") == 2


def test_a_gate_that_held_the_alias_back_is_told(page):
    assert "held back" in page
    assert "gate not met" in page
