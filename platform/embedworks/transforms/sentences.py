"""Texts into sentences."""

from __future__ import annotations

import re

END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]*[A-Z0-9])")
NO_END = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|cf|vs|resp|approx|al|[Ff]ig|[Ee]q|No|Dr|Mr|Mrs|St|[A-Z])\.)[\"')\]]*$"
)


def split_sentences(text: str) -> list[str]:
    """The sentences of a text in order; joined by spaces they are the text again, its space apart.

    A full stop, question or exclamation mark ends a sentence where a capital or a digit follows, but not
    after an abbreviation, an initial, or inside brackets. Colons and semicolons end none.

    Example:
        >>> split_sentences("It is new. See e.g. Table 2 (of K. Lee. It is old). Why? Because.")
        ['It is new.', 'See e.g. Table 2 (of K. Lee. It is old).', 'Why?', 'Because.']
    """
    text = " ".join(text.split())
    found: list[str] = []
    start = 0
    for match in END.finditer(text):
        # Quotes and brackets that close behind the mark belong to the sentence that ends.
        stop = match.end() - len(match[0]) + len(match[0].rstrip())
        piece = text[start:stop]
        if not NO_END.search(piece) and piece.count("(") <= piece.count(")"):
            found.append(piece)
            start = match.end()
    if start < len(text):
        found.append(text[start:])
    return found
