"""Grade how near two definitions of a dictionary are; headwords that no training row has.

The gold score is the structure that its makers gave the dictionary, so it needs no annotator:

    2   definitions of two words of which one is given as a synonym of the other
    1   two senses in one entry: related, not the same
    0   definitions of unrelated words, both of one part of speech

The grades are equally frequent, and the pairs of each are the first ones by hash. Grade 0 has the part of
speech in common so that the style of a definition does not give the grade away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.local import About, similarity_task, text_order

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskSTS

NAME = "dictionary-similarity"
corpora = ("dictionary",)

TOP_GRADE = 2
MAX_PAIRS_A_GRADE = 200
MIN_WORDS = 3  # of a definition: "Of Adz" is a pointer, not a meaning

ABOUT = About(
    name=NAME,
    description=(
        "Pairs of definitions of an English dictionary, of headwords that no training row has: 2 for "
        "synonyms, 1 for two senses of one word, 0 for unrelated words of one part of speech, equally many "
        f"of each, at most {MAX_PAIRS_A_GRADE} a grade."
    ),
    kind="STS",
    main_score="cosine_spearman",
    domains=("Written",),
    license="gpl-3.0",
)

Texts = tuple[str, str]


def build(corpora: Mapping[str, Corpus]) -> AbsTaskSTS:
    """The task from the test split of ``dictionary``."""
    columns = ["headword", "definition", "definitions", "synonyms", "see", "part_of_speech"]
    pairs = graded_pairs(corpora["dictionary"].iter_rows("test", columns=columns))
    return similarity_task(ABOUT, pairs, TOP_GRADE)


def graded_pairs(rows: Iterable[dict[str, Any]]) -> list[tuple[str, str, float]]:
    """(text, text, grade), equally many of each grade; empty if a grade has no pair."""
    entries = {row["headword"]: row for row in rows if _tells(row["definition"])}
    graded = {0: _unrelated(entries), 1: _senses(entries), 2: _synonyms(entries)}
    ordered = {
        grade: sorted({_ordered(*pair) for pair in pairs}, key=lambda pair: text_order("\n".join(pair)))
        for grade, pairs in graded.items()
    }
    count = min(MAX_PAIRS_A_GRADE, *(len(pairs) for pairs in ordered.values()))
    return [(*pair, float(grade)) for grade, pairs in ordered.items() for pair in pairs[:count]]


def _synonyms(entries: Mapping[str, dict[str, Any]]) -> Iterator[Texts]:
    for row in entries.values():
        for word in row["synonyms"]:
            other = entries.get(word)
            if other and other["definition"] != row["definition"]:
                yield row["definition"], other["definition"]


def _senses(entries: Mapping[str, dict[str, Any]]) -> Iterator[Texts]:
    for row in entries.values():
        senses = [text for text in row["definitions"] if _tells(text)]
        if len(senses) > 1 and senses[0] != senses[1]:
            yield senses[0], senses[1]


def _unrelated(entries: Mapping[str, dict[str, Any]]) -> Iterator[Texts]:
    """Neighbours in hash order, by part of speech, neither of which points to the other."""
    kinds: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(entries.values(), key=lambda row: text_order(row["headword"])):
        kinds[row["part_of_speech"]].append(row)
    for found in kinds.values():
        for one, other in zip(found[::2], found[1::2], strict=False):
            if not _linked(one, other) and one["definition"] != other["definition"]:
                yield one["definition"], other["definition"]


def _linked(one: dict[str, Any], other: dict[str, Any]) -> bool:
    links = [*one["synonyms"], *one["see"], *other["synonyms"], *other["see"]]
    return one["headword"] in links or other["headword"] in links


def _ordered(one: str, other: str) -> Texts:
    return (one, other) if one < other else (other, one)


def _tells(text: str) -> bool:
    return len(text.split()) >= MIN_WORDS
