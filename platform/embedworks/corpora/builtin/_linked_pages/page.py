"""A page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """A titled text in sections, which leads to others of its kind.

    Attributes:
        title: Unique among the pages of its kind.
        sections: In order; the first one says what the page is about.
        links: Titles of pages of the same kind; those that there are not are left out later.
    """

    title: str
    sections: tuple[str, ...]
    links: tuple[str, ...]

    @classmethod
    def of(cls, title: str, sections: Iterable[str], links: Iterable[str]) -> Page:
        """A page without empty sections, repeated links and links to itself."""
        texts = tuple(" ".join(text.split()) for text in sections)
        found = tuple(link for link in dict.fromkeys(links) if link != title)
        return cls(title, tuple(text for text in texts if text), found)


def with_known_links(pages: Sequence[Page]) -> list[Page]:
    """The pages with the links that lead to one of them."""
    known = {page.title for page in pages}
    return [Page.of(page.title, page.sections, filter(known.__contains__, page.links)) for page in pages]
