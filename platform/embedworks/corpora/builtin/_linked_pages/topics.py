"""The topics of Python's reference: names in quotes and headings of other topics are their links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from embedworks.corpora.builtin._linked_pages.page import Page
from embedworks.corpora.builtin._python_docs.passages import read_passages

HEADING = re.compile(r"^(\S[^\n]{3,60})\n(?:\*{4,}|={4,}|-{4,}|~{4,})$", re.MULTILINE)
QUOTED = re.compile(r'["`]+(\w+)["`]+')


def topic_pages() -> Iterator[Page]:
    """Prose by heading."""
    from pydoc_data.topics import topics

    headings = {found[1]: topic for topic, text in topics.items() if (found := HEADING.search(text))}
    for topic, text in sorted(topics.items()):
        sections = [
            " ".join(passage.text for passage in group)
            for _, group in groupby(read_passages(topic, text), key=lambda passage: passage.title)
        ]
        quoted = [name for name in QUOTED.findall(text) if name in topics]
        named = [other for heading, other in headings.items() if heading in text]
        yield Page.of(topic, sections, [*quoted, *named])
