from __future__ import annotations

import sysconfig

import pytest

from embedworks.corpora.builtin import dictionary, linked_pages, packages
from embedworks.corpora.builtin._linked_pages.distributions import distribution_pages
from embedworks.corpora.builtin._linked_pages.entries import entry_pages
from embedworks.corpora.builtin._linked_pages.modules import module_pages
from embedworks.corpora.builtin._linked_pages.page import Page, with_known_links
from embedworks.corpora.builtin._linked_pages.topics import topic_pages

PAINT = '''"""Paint things, see :mod:`brush` and :class:`store.shelf.Tin`. Nothing dries."""
import brush
from store import shelf

class Wall:
    """A wall that can be painted any number of times.

    >>> Wall()
    """

    def paint(self):
        """Paint the whole wall with the brush, from the left."""

    def look(self):
        """Short."""
'''


def test_a_page_has_no_empty_section_and_no_link_to_itself():
    page = Page.of("a", ["One.\n two", "  "], ["b", "a", "b", "c"])
    assert (page.sections, page.links) == (("One. two",), ("b", "c"))
    assert with_known_links([page, Page.of("b", ["x"], ())])[0].links == ("b",)


def test_modules_are_pages_with_docstrings_as_sections_and_imports_as_links(tmp_path, monkeypatch):
    (tmp_path / "store").mkdir()
    (tmp_path / "paint.py").write_text(PAINT)
    (tmp_path / "bare.py").write_text("x = 1")
    (tmp_path / "store" / "__init__.py").write_text('"""Where things are kept until they are needed."""\n')
    inner = '"""Shelves of the store, one above the other one."""\nfrom . import till\nfrom .. import x\n'
    (tmp_path / "store" / "shelf.py").write_text(inner)
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(tmp_path))
    found = {page.title: page for page in module_pages()}
    assert set(found) == {"paint", "store", "store.shelf"}
    assert found["paint"].sections == (
        "Paint things, see brush and store.shelf.Tin. Nothing dries.",
        "A wall that can be painted any number of times.",
        "Paint the whole wall with the brush, from the left.",
    )
    assert {"brush", "store", "store.shelf"} <= set(found["paint"].links)
    assert {"store", "store.till"} <= set(found["store.shelf"].links)


def test_distributions_link_to_what_they_require_and_mention(monkeypatch):
    row = {
        "name": "web",
        "text": "Serves. It is fast.",
        "paragraphs": ["It is fast.", "It is small."],
        "requires": ["io"],
        "optional": ["ssl"],
        "mentions": ["io", "net"],
    }
    monkeypatch.setattr(packages, "rows", lambda _options: {"train": [row], "test": []})
    assert list(distribution_pages()) == [
        Page("web", ("Serves. It is fast.", "It is small."), ("io", "ssl", "net"))
    ]


def test_entries_of_several_definitions_are_pages(monkeypatch):
    def entry(word, *definitions, **links):
        links = {"see": [], "synonyms": [], "uses": []} | links
        return {"headword": word, "definitions": list(definitions)} | links

    rows = [
        entry("keel", "A beam.", "A ship.", uses=["beam"], see=["hull"]),
        entry("beam", "Of wood."),
        entry("hull", "Of a ship.", "Of a nut.", "Of a ship."),
    ]
    monkeypatch.setattr(dictionary, "rows", lambda _options: {"train": rows, "test": []})
    found = list(entry_pages("abc", 10, seed=0))
    assert found == [
        Page("keel", ("A beam.", "A ship."), ("hull", "beam")),
        Page("hull", ("Of a ship.", "Of a nut."), ()),
    ]
    assert list(entry_pages("abc", 1, seed=0)) == found[1:]  # keel leads to hull, and nothing to keel


def test_topics_link_to_those_that_they_name():
    found = {page.title: page for page in topic_pages()}
    assert len(found) > 70
    assert "while" in found["break"].links
    assert all(target in found for page in found.values() for target in page.links)
    assert sum(bool(page.links) for page in found.values()) > 40


def test_links_stay_within_a_split_and_a_kind(monkeypatch):
    many = [Page.of(f"p{n}", [f"Text {n}."], [f"p{m}" for m in range(40)]) for n in range(40)]
    monkeypatch.setattr(linked_pages, "module_pages", lambda: iter(many))
    monkeypatch.setattr(linked_pages, "topic_pages", lambda: iter(many[:20]))
    options = linked_pages.Options(kinds=("module", "topic"))
    found = {split: list(own) for split, own in linked_pages.rows(options).items()}
    assert {split: len(own) for split, own in found.items()} == {"train": 57, "test": 3}
    for own in found.values():
        ids = {row["id"] for row in own}
        assert all(set(row["links"]) <= ids for row in own)
        assert all(link.split("/")[0] == row["kind"] for row in own for link in row["links"])


def test_without_the_dictionary_nothing_of_it_is_needed(monkeypatch):
    monkeypatch.setattr(linked_pages, "versions", lambda *_names, **_options: pytest.fail("not wanted"))
    assert "distributions" in linked_pages.source(linked_pages.Options(kinds=("topic",)))
