"""The entries of the dictionary and the phrases explained under them, read letter by letter."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from embedworks.corpora.builtin._dictionary.links import form_of, without_pointers
from embedworks.corpora.builtin._dictionary.names import part_of_speech, subject
from embedworks.corpora.builtin._dictionary.text import (
    Text,
    author,
    is_cut,
    mask,
    read_quotation,
    read_text,
)

# Some keys are whole articles that the package could not take apart; they are no headwords.
HEADWORD = re.compile(r"-?[a-z0-9][a-z0-9 '&.,/+-]{0,59}")
PHRASE = re.compile(
    r"(?P<phrase>[A-Z][A-Za-z' -]{2,50}?)"
    r"(?:(?:\.|,? [a-z]\.)? ?\((?P<label>[A-Z][A-Za-z.,&' ]{1,30})(?:\)|(?<=\(Zo),))?"
    r"(?:[.,]| a\.| n\.)+ (?!or )(?P<definition>.{10,}[.?!)])"
)
FUSED = re.compile(r"[a-z][,;:][a-z]")
LETTERS = re.compile(r"[a-z]{3}$")
FUSED_QUOTATION = re.compile(r"(?<=\.) [^.]*[a-z]\.[A-Z][\w. &']*$")  # "... eye of day.Mrs. Barbauld."
SENSE = re.compile(r"\(([a-z])\) ")
SOURCE = re.compile(r"(?<=\.) (?:[A-Z][\w']*\.? ?(?:& )?){1,4}\.$")  # "... the bilges. Ham. Nav. Encyc."


@dataclass(frozen=True)
class Sense:
    """One definition, with its part of speech and the quotations that show it."""

    text: Text
    pointers: str  # the definition before its pointers were cut off
    part_of_speech: str
    quotations: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """A headword.

    Attributes:
        headword: Lower case, as the package has it.
        parent: The entry that a phrase is explained under; empty for an entry of its own.
        senses: Its definitions, those left out that only say which word this is a form of.
        forms: Words that it is called a form of.
        etymology: As printed; empty where it has none.
        synonyms: Paragraphs of synonyms, as printed.
        authors: Who is quoted, where the name is left.
    """

    headword: str
    parent: str
    senses: tuple[Sense, ...]
    forms: tuple[str, ...] = ()
    etymology: str = ""
    synonyms: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()


def read_letter(folder: Path, letter: str) -> Iterator[Entry]:
    """Entries under a letter in order, each followed by its phrases."""
    found: dict[str, Any] = json.loads(
        (folder / f"words_{letter.upper()}.json").read_text(encoding="utf-8")
    )
    parts = [(headword, part) for headword, entry in found.items() for part in entry["pos"]]
    _settle(parts)
    for headword, entry in found.items():
        if HEADWORD.fullmatch(headword):
            yield _entry(headword, entry["pos"])
            yield from _phrases(headword, entry["pos"])


def _settle(parts: list[tuple[str, dict[str, Any]]]) -> None:
    """Take from entries what the package's reader took from the next one, because they had none.

    An etymology belongs to the last of a run that shares it. A part of speech may be borrowed where
    several words are a headword, which often have none; nouns are what such headwords are.
    """
    for (headword, part), (_, following) in pairwise(parts):
        if part["etymology"] == following["etymology"]:
            part["etymology"] = None
        same = part["part_of_speech"] == following["part_of_speech"]
        if same and " " in headword and part_of_speech(part["part_of_speech"]) != "noun":
            part["part_of_speech"] = ""


def _entry(headword: str, parts: list[dict[str, Any]]) -> Entry:
    senses, forms = [], []
    for part in parts:
        for definition in part["definitions"]:
            if is_cut(definition["text"]):
                continue
            text = read_text(definition["text"])
            if (form := form_of(text.text)) is not None:
                forms.append(form)
            elif sense := _sense(text, part["part_of_speech"], definition["examples"], headword):
                senses.append(sense)
    return Entry(
        headword,
        "",
        tuple(senses),
        tuple(filter(None, forms)),
        next((_plain(part["etymology"]) for part in parts if _plain(part["etymology"])), ""),
        tuple(part["syn"] for part in parts if "syn" in part),
        _authors(parts),
    )


def _sense(text: Text, printed: str, quotations: list[str], headword: str) -> Sense | None:
    plain = without_pointers(text.text)
    if len(plain) < 3 or mask(plain.rstrip("."), headword) == "~":
        return None
    whole = [line for line in quotations if not is_cut(line) and not _fused(line, headword)]
    part = "affix" if "-" in (headword[:1], headword[-1:]) else part_of_speech(printed)
    return Sense(replace(text, text=plain), text.text, part, tuple(map(read_quotation, whole)))


def _fused(line: str, headword: str) -> bool:
    """Whether a piece before the headword got lost: ``Amongst innumerable stars, that shoneworlds``."""
    before = line.partition(headword)[0]
    return FUSED.search(line) is not None or (before != line and LETTERS.search(before) is not None)


def _plain(etymology: str | None) -> str:
    text = "" if etymology is None or is_cut(etymology.rstrip("]") + "]") else etymology
    return " ".join(text.strip("[] ").split())


def _authors(parts: list[dict[str, Any]]) -> tuple[str, ...]:
    texts = [
        text
        for part in parts
        for definition in part["definitions"]
        for text in (definition["text"], *definition["examples"])
    ]
    return tuple(dict.fromkeys(filter(None, map(author, texts))))


def _phrases(parent: str, parts: list[dict[str, Any]]) -> Iterator[Entry]:
    """Phrases that an entry explains at its end: ``Bilge keel (Naut.), a keel peculiar to ...``."""
    for part in parts:
        for segment in part.get("cs", "").split(" -- "):
            found = PHRASE.fullmatch(segment.strip())
            if found is None or is_cut(segment):
                continue
            phrase, label = found["phrase"], found["label"]
            senses = [_phrase_sense(phrase, text, label) for text in _split(found["definition"])]
            if any(senses):
                yield Entry(phrase.lower(), parent, tuple(filter(None, senses)))


def _split(definition: str) -> list[str]:
    """The senses ``(a)``, ``(b)`` of a phrase, or its only one."""
    return [text.strip(" ;") for text in SENSE.split(definition)[::2] if len(text) > 12]


def _phrase_sense(phrase: str, definition: str, label: str | None) -> Sense | None:
    read = read_text(definition)
    text = replace(read, text=FUSED_QUOTATION.sub("", SOURCE.sub("", read.text)))
    if form_of(text.text[:1].upper() + text.text[1:]) is not None:
        return None
    if label and subject(label):
        text = replace(text, labels=(label, *text.labels))
    return _sense(text, "v." if phrase.startswith("To ") else "", [], phrase.lower())
