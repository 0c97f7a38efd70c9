"""``--where`` as people write it: ``topic=lists``, ``year>=2020``, ``kind!=draft``."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from embedworks.errors import InputError

WORDS = {">=": "gte", "<=": "lte", "!=": "ne", ">": "gt", "<": "lt", "=": "in"}
_FORM = re.compile(r"\s*(.+?)\s*(>=|<=|!=|>|<|=)\s*(.*?)\s*", re.DOTALL)


def parse_where(texts: Sequence[str]) -> dict[str, Any]:
    """Conditions as a filter. A column with ``=`` more than once may have any of the values.

    A value that reads as a number, ``true`` or ``false`` is one; in double quotes it is a string.

    Example:
        >>> parse_where(["topic=lists", "topic=files", "year>=2020", 'release="3.12"'])
        {'topic': ['lists', 'files'], 'year': {'gte': 2020}, 'release': '3.12'}

    Raises:
        InputError: for a text of another form, or a column with both equal and other conditions.
    """
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        match = _FORM.fullmatch(text)
        if not match:
            raise InputError(
                f"--where {text!r} is no condition", expected="COLUMN=VALUE; or with >=, <=, >, <, !="
            )
        column, sign, value = match[1], match[2], _value(match[3])
        words = found.setdefault(column, {})
        if sign == "=":
            words.setdefault("in", []).append(value)
        elif WORDS[sign] in words:
            raise InputError(f"--where has {column}{sign} twice", expected="it once")
        else:
            words[WORDS[sign]] = value
    return {column: _condition(column, words) for column, words in found.items()}


def _condition(column: str, words: dict[str, Any]) -> Any:
    values = words.get("in")
    if values is None:
        return words
    if len(words) > 1:
        raise InputError(f"--where has {column}= and another condition of {column}", expected="one of them")
    return values if len(values) > 1 else values[0]


def _value(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str | int | float) else text
