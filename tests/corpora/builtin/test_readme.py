from __future__ import annotations

import pytest

from embedworks.corpora.builtin._readme import readme_paragraphs

PROSE = "A library that does one thing, and does it well enough for most."


@pytest.mark.parametrize(
    "written",
    [
        "A **library** that does `one thing`, and does it *well enough* for most.",
        "A [library](https://example.org) that does one thing,\nand does it well enough for most.",
        'A <a href="https://a.org">library</a> that does one thing, and does it well enough for most.',
        "A `library <https://example.org>`_ that does ``one thing``, and does it well enough for most.",
        "A library_ that does :func:`one thing`, and does it |badge| well enough for most.",
        "> A [library] that does one thing, and does it well enough for&nbsp;most.",
    ],
)
def test_marks_of_any_markup_are_taken_off(written):
    assert readme_paragraphs(f"# Title\n\n{written}\n") == [PROSE]


@pytest.mark.parametrize(
    "block",
    [
        "# A title that is long enough to be taken for a paragraph",
        "A title that is long enough to be taken for one\n===============================================",
        "```python\nprint('a line of code that is long enough for a paragraph')\n```",
        "    indented = 'a line of code that is long enough for a paragraph'",
        ".. image:: https://example.org/a.svg\n   :alt: a picture that is described with many words",
        "| a table | with rows that are | long enough to be prose |",
        "- an item of a list that is long enough to be a paragraph",
        "[![a badge with a long text in it](https://example.org/a.svg)](https://example.org)",
        "<!-- a comment that is long enough to be taken for a paragraph -->",
        "[docs]: https://example.org/a-target-of-links-with-a-long-name",
        "Copyright 2020-2026 by the people who wrote this and others",
        "Too short.",
    ],
)
def test_what_is_no_prose_is_left_out(block):
    assert readme_paragraphs(f"{block}\n\n{PROSE}\n\n{block}\n") == [PROSE]


def test_names_with_underscores_stay_as_they_are():
    text = "Call __init__ of my_module before some_function, which needs it to be there."
    assert readme_paragraphs(text) == [text]
