"""``python-docs``: questions about Python's language reference, each with the paragraph that answers it.

The text is ``pydoc_data.topics`` of the running Python. Questions are made by rule, without a model:
from headings, from what is being defined, from conditions and versions that a sentence names, from a
passage's rarest words; and inverse clozes take one sentence out of a passage and ask for the rest.
"""

from __future__ import annotations

import platform
import re
from collections import Counter
from collections.abc import Iterable, Iterator

import pyarrow as pa

from embedworks.corpora.builtin._python_docs.passages import Passage, read_passages, split_sentences
from embedworks.corpora.builtin._python_docs.questions import Question, ask, content_words, keywords
from embedworks.corpora.recipe import RecipeOptions, Row, Rows
from embedworks.corpora.splitting import components, held_out

NAME = "python-docs"
DESCRIPTION = "Questions about Python's language reference, each with the paragraph that answers it."
LICENCE = "PSF-2.0"
SPLIT_RULE = (
    "by topic: topics that share a sentence form one group, and whole groups are held out in hash order "
    "until about 30 % of the rows are in test"
)
TEST_SHARE = 0.3
SCHEMA = pa.schema([(name, pa.string()) for name in ("query", "positive", "topic", "title", "kind", "id")])
COLUMNS = {
    "query": "a question or a cloze about the paragraph",
    "positive": "the paragraph that answers it",
    "topic": "the topic of the reference",
    "title": "headings above the paragraph, outermost first",
    "kind": "the rule that made the query",
    "id": "topic, paragraph and place",
}
SERVES = (
    "self-positioning",
    "starbucks",
    "deberta-v3",
    "ul2",
    "retrieval-pretraining",
    "well-read-students",
)

SHARED = 60  # characters of a sentence that ties two topics together
CLOZE_WORDS = range(8, 31)
CLOZE_REST = 120  # characters that have to be left
KEYWORDS_NEED = 100  # characters of a passage that can be asked for by its words alone
# A sentence that opens so cannot be understood away from its neighbours.
LEANING = re.compile(
    r"\(|(?:its?|this|that|these|those|they|such|then|thus|therefore|however|otherwise|see|note|if not|"
    r"for example|for instance|in (?:this|that|these)|as a result|similarly|conversely|also)\b",
    re.IGNORECASE,
)


Options = RecipeOptions


def source(options: RecipeOptions) -> str:  # noqa: ARG001
    """Where the text comes from."""
    return f"pydoc_data.topics of Python {platform.python_version()}"


def rows(options: RecipeOptions) -> Rows:
    """Both splits."""
    from pydoc_data.topics import topics

    found = list(_rows(_distinct(topics)))
    group = _groups(topics)
    test = held_out(Counter(group[row["topic"]] for row in found), TEST_SHARE, options.seed)
    return {
        "train": (row for row in found if group[row["topic"]] not in test),
        "test": (row for row in found if group[row["topic"]] in test),
    }


def _distinct(topics: dict[str, str]) -> list[Passage]:
    """Every passage once, under the shortest topic that has it: the one most about it."""
    found: dict[str, Passage] = {}
    for topic in sorted(topics, key=lambda name: (len(topics[name]), name)):
        for passage in read_passages(topic, topics[topic]):
            found.setdefault(passage.text, passage)
    return list(found.values())


def _groups(topics: dict[str, str]) -> dict[str, str]:
    """topic -> its group, for topics that share a sentence."""
    holders: dict[str, set[str]] = {}
    for topic in topics:
        for passage in read_passages(topic, topics[topic]):
            for sentence in (passage.text, *split_sentences(passage.text)):
                if len(sentence) >= SHARED:
                    holders.setdefault(sentence, set()).add(topic)
    return components(holders.values())


def _rows(passages: list[Passage]) -> Iterator[Row]:
    """At most two rows a passage, each with a query that no other row has."""
    frequency = Counter(word for passage in passages for word in set(content_words(passage.text)))
    asked = [[*ask(passage), *_by_keywords(passage, frequency)] for passage in passages]
    count = Counter(question.text.lower() for questions in asked for question in questions)
    used: set[str] = set()
    number: Counter[str] = Counter()
    for passage, questions in zip(passages, asked, strict=True):
        number[passage.topic] += 1
        chosen, positive = _choose(passage, [q for q in questions if count[q.text.lower()] == 1])
        for place, question in enumerate(chosen):
            if question.text.lower() not in used:
                used.add(question.text.lower())
                name = f"{passage.topic}-{number[passage.topic]:03d}-{place}"
                yield _row(passage, question, positive, name)


def _row(passage: Passage, question: Question, positive: str, name: str) -> Row:
    return {
        "query": question.text,
        "positive": positive,
        "topic": passage.topic,
        "title": " > ".join(passage.title),
        "kind": question.kind,
        "id": name,
    }


def _by_keywords(passage: Passage, frequency: Counter[str]) -> list[Question]:
    return [keywords(passage, frequency)] if len(passage.text) >= KEYWORDS_NEED else []


def _choose(passage: Passage, questions: list[Question]) -> tuple[list[Question], str]:
    """The best question with an inverse cloze, or else with one of another kind; and what answers both."""
    parts = split_sentences(passage.text)
    first = questions[:1]
    cut = _cloze_sentence(parts, keep={0, *(question.sentence for question in first)})
    if cut is None:
        # Keywords are easy to match: they stand in only where no rule finds a question.
        others = [q for q in questions[1:] if q.kind not in (questions[0].kind, "keywords")]
        return [*first, *others[:1]], passage.text
    sentence = parts.pop(cut)
    query = (sentence[0].lower() if sentence[1:2].islower() else sentence[0]) + sentence[1:].rstrip(".")
    return [*first, Question(query, "cloze", cut)], " ".join(parts)


def _cloze_sentence(parts: list[str], keep: Iterable[int]) -> int | None:
    """The last sentence of at least three that can stand alone, if there is one."""
    for index in reversed(range(len(parts)) if len(parts) >= 3 else ()):
        rest = sum(map(len, parts)) - len(parts[index])
        fits = rest >= CLOZE_REST and len(parts[index].split()) in CLOZE_WORDS
        if fits and index not in keep and not LEANING.match(parts[index]):
            return index
    return None
