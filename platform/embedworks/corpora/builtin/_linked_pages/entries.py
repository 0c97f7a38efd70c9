"""The entries of the dictionary: words that definitions are written with or point to are their links."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain

from embedworks.corpora.builtin import dictionary
from embedworks.corpora.builtin._linked_pages.page import Page
from embedworks.corpora.splitting import hash_order


def entry_pages(letters: str, limit: int, seed: int) -> Iterator[Page]:
    """First definition, then the others with what illustrates them; entries of several definitions alone.

    Args:
        letters: Of the dictionary.
        limit: At most so many entries: those that most others lead to, so that few links are lost.
        seed: Chooses among those that equally many lead to.
    """
    rows = dictionary.rows(dictionary.Options(letters=letters))
    found: dict[str, Page] = {}
    senses: dict[str, list[str]] = defaultdict(list)
    for row in chain(*rows.values()):
        word = row["headword"]
        senses[word] += row["definitions"]
        if len(senses[word]) > 1:
            first, *others = dict.fromkeys(senses[word])
            links = [*row["see"], *row["synonyms"], *row["uses"]]
            earlier = found[word].links if word in found else ()
            found[word] = Page.of(word, [first, " ".join(others)], [*earlier, *links])
    leading = Counter(link for page in found.values() for link in page.links)
    order = sorted(hash_order(found, seed), key=lambda word: -leading[word])
    chosen = set(order[:limit])
    return (page for word, page in found.items() if word in chosen)
