"""One text of the dictionary, freed of labels, marks and illustrations, which become columns."""

from __future__ import annotations

import re
from dataclasses import dataclass

from embedworks.corpora.builtin._dictionary.names import subject

# The package's own reader stopped at letters that it did not know, so that texts end in the mark of
# their source. What stands before it is cut short, often within a word.
CUT = re.compile(
    r"(?:1913 Webster|Suppl\.|PJC|WordNet [\d.]+|wn\d)[^\[\]]{0,30}\]\s*$"
    r"|\((?:[,?#]|-r\))|\bLinn$|^\W*$"
)
AUTHOR = re.compile(r"\s((?:[A-Z]\. |[A-Z][\w']+\.? |& ){0,3}[A-Z][\w']+)\.\s*\[?(?:1913 )?Webster\]$")
MARKS = re.compile(
    r"<!?--.*?-->|\{[\d, ]+[a-z]?\}|\[\d+\]"  # comments, numbers of senses, of footnotes
    r"|(?<=[A-Za-z])[\"`*](?=[A-Za-z])"  # stress and syllables
)
LABEL = re.compile(r"\(([A-Z][A-Za-z.,&' ]{1,30}?)(?:\)|(?<=\(Zo),)")
USAGE = re.compile(
    r"\[((?:Obs|R\.|Rare|Colloq|Slang|Archaic|Cant|Poetic|Prov|Eng\.|U\. ?S|Scot|Low|Local"
    r"|Humorous|Ludicrous|Sportive|A Latinism|Western|Southern"
    r"|obsolescent|archaic|informal|slang)[A-Za-z.,' ]{0,24})\]"
)
ILLUSTRATION = re.compile(r"[;,] ?(?:-- )?as, ([^.]*)")
SPACES = (
    (re.compile(r"\s+"), " "),
    (re.compile(r" (?=[,;.)])|(?<=\() "), ""),
    (re.compile(r"\(\s*\)"), ""),
    (re.compile(r"^[\s,;.:-]+|[\s,;:(-]+$"), ""),
)


@dataclass(frozen=True)
class Text:
    """A definition.

    Attributes:
        text: What is left of it, one line.
        labels: Subject labels as printed: ``Bot.``.
        usage: Remarks as printed: ``Obs.``.
        illustrations: Phrases that it gives for examples.
    """

    text: str
    labels: tuple[str, ...]
    usage: tuple[str, ...]
    illustrations: tuple[str, ...]


def is_cut(text: str) -> bool:
    """Whether the package holds only a part of a text, or nothing of it."""
    return CUT.search(text) is not None


def author(text: str) -> str:
    """Whom a quotation is from, where its source was left standing; else empty."""
    found = AUTHOR.search(text)
    return found[1] if found else ""


def read_text(raw: str) -> Text:
    """A definition and what was written into it."""
    text = _tidy(MARKS.sub("", raw))
    labels = tuple(label for label in LABEL.findall(text) if subject(label))
    text = LABEL.sub(lambda found: "" if subject(found[1]) else found[0], text)
    usage = tuple(USAGE.findall(text))
    text = USAGE.sub("", text)
    shown = [part for parts in ILLUSTRATION.findall(text) for part in parts.split(";")]
    text = _tidy(ILLUSTRATION.sub("", text))
    return Text(text, labels, usage, tuple(filter(None, map(_tidy, shown))))


def read_quotation(raw: str) -> str:
    """A quotation in one line."""
    return _tidy(MARKS.sub("", raw))


def _tidy(text: str) -> str:
    for pattern, replacement in SPACES:
        text = pattern.sub(replacement, text)
    return text


def mask(text: str, headword: str) -> str:
    """``text`` with a swung dash for the headword and its plural, as dictionaries print it."""
    if headword not in text.lower():
        return text
    return re.sub(rf"(?<!\w){re.escape(headword)}(?:e?s)?(?!\w)", "~", text, flags=re.IGNORECASE)
