"""Installed distributions: what they require and mention are their links."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from embedworks.corpora.builtin import packages
from embedworks.corpora.builtin._linked_pages.page import Page


def distribution_pages() -> Iterator[Page]:
    """Summary and first paragraph, then the README's other paragraphs."""
    for row in chain(*packages.rows(packages.Options()).values()):
        rest = [text for text in row["paragraphs"] if text not in row["text"]]
        links = [*row["requires"], *row["optional"], *row["mentions"]]
        yield Page.of(row["name"], [row["text"], *rest], links)
