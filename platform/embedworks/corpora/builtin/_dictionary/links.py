"""Where one entry of the dictionary points to others."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping

POINTER = re.compile(
    r"\b(?:[Ss]ee(?: also)?|[Ss]ame as|Cf\.|[Cc]ompare|[Oo]pposite (?:of|to)|[Oo]pposed to|[Vv]ariant of)"
    r"\s+([^.;:()]+)"
)
TAIL = re.compile(r"(?:^|(?<=[.;)])) *(?:-- )?(?:See|Cf\.|Compare)(?: also)?\b[^;]{0,120}$")
ALSO = re.compile(r"\b(?:called|named|known as)(?: also)? ([^.;:()]+)|\b[Aa]lso called ([^.;:()]+)")
SYNONYMS = re.compile(r"^Syn\. --\s*(?:To )?")
# A definition that only says of which word this one is a form.
FORM = re.compile(
    r"(?:[Ss]ee(?: under)?|(?:[Tt]he )?[Ss]ame as"
    r"|(?:[Aa]n? )?(?:[a-z]+ )?(?:[Vv]ariant(?: spelling)?|spelling|form|[Pp]lural) of"
    r"|(?:(?:\d[a-z]+ )?[a-z]+\.(?: & | )?)+ ?(?:of|from))"
    r"(?:\s+(?:the )?([^;:()]{0,60}?))?\.?$"
)
AROUND = re.compile(
    r"^(?:the |an? |also |to |and |or |under |\d(?:st|d|th) |[Nn]otes? (?:under|to) "
    r"|Illust\. (?:of|under|in) |def\w*\.? )+"
    r"|,? (?:n|v|a|adv|t|i)$|^\d+$"
)
ENDINGS = (("ies", "y"), ("s", ""), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", ""))
ELSEWHERE = frozenset(
    ["note", "above", "below", "def", "diagram", "table"]
)  # places in the book, not words of it
WORD = re.compile(r"[a-z]+(?:[-'][a-z]+)*")


Known = Mapping[
    str, str
]  # word -> the headword of a row that it stands for, itself or what it is a form of


def form_of(text: str) -> str | None:
    """What an entry is a form of, if its definition says nothing else; empty where that word got lost."""
    found = FORM.match(text)
    return (found[1] or "") if found else None


def without_pointers(text: str) -> str:
    """``text`` without a last sentence that only points to other entries."""
    return TAIL.sub("", text).strip()


def pointed_to(text: str, known: Known) -> list[str]:
    """Headwords that ``See``, ``Same as`` and the like point to, in order."""
    parts = (part for found in POINTER.findall(text) for part in _parts(found))
    return _resolve((part for part in parts if part.lower() not in ELSEWHERE), known)


def also_called(text: str, known: Known) -> list[str]:
    """Headwords that a definition gives as other names, in order."""
    return _resolve((part for pair in ALSO.findall(text) for part in _parts("".join(pair))), known)


def synonyms(printed: str, known: Known) -> list[str]:
    """Headwords of a paragraph of synonyms, in order."""
    parts = re.split(r"[;,.]", SYNONYMS.sub("", printed))
    return _resolve((AROUND.sub("", part.strip()) for part in parts), known)


def used(text: str, known: Known, common: Container[str]) -> list[str]:
    """Headwords that a definition is written with, common words left out, in order."""
    return _resolve((word for word in WORD.findall(text.lower()) if word not in common), known)


def lemma(word: str, known: Known) -> str | None:
    """The headword that ``word`` is, or is a plain inflection of: ``piercings`` -> ``piercing``."""
    if word in known:
        return known[word]
    for ending, replacement in ENDINGS:
        stem = word.removesuffix(ending) + replacement
        if word.endswith(ending) and len(stem) > 2 and stem in known:
            return known[stem]
    return None


def _parts(found: str) -> list[str]:
    return [AROUND.sub("", part.strip()) for part in re.split(r",| and | or | under ", found)]


def _resolve(words: Iterable[str], known: Known) -> list[str]:
    found = (lemma(word.lower(), known) for word in words if len(word) > 1)
    return list(dict.fromkeys(word for word in found if word))
