"""Utterances as the embedders of dialog actions read them."""

from __future__ import annotations

import re

WORD = re.compile(r"[a-z0-9'?]+")


def normalise_utterance(text: str) -> str:
    """Lower case, words and question marks alone, joined by blanks; what has none of these stays as it is.

    Example:
        >>> normalise_utterance("Hi -- is it 5 o'clock?")
        "hi is it 5 o'clock?"
    """
    return " ".join(WORD.findall(text.lower())) or text
