"""Pages cut into passages of sentences, and the pairs of texts that their order and links give.

    ICT   a sentence of a passage, and the passage without it                     (inverse cloze)
    BFS   a sentence of a page's first section, and another passage of the page   (body first selection)
    WLP   a sentence of a page's first section, and a passage of a page that links to it

The three are those of Chang et al., 2020 (arXiv 2002.03932).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from embedworks.errors import InputError
from embedworks.transforms.sentences import split_sentences

PairTask = Literal["ict", "bfs", "wlp"]
PAIR_TASKS: tuple[PairTask, ...] = ("ict", "bfs", "wlp")
SCHEMA = pa.schema(
    [
        ("title", pa.string()),
        ("passages", pa.list_(pa.list_(pa.string()))),
        ("first", pa.int32()),
        ("linked_from", pa.list_(pa.int32())),
    ]
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Passage = Sequence[str]  # its sentences


class PagePair(NamedTuple):
    """One example.

    Attributes:
        query: A sentence.
        passage: The document's number, which stands for its whole text.
        sentences: What of the passage is shown.
        task: Which task made it.
    """

    query: str
    passage: int
    sentences: Sequence[str]
    task: PairTask


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        title: What is shown of it beside a passage.
        passages: In order, each a list of sentences; one at least.
        first: How many of them are of the first section; one at least.
        linked_from: Numbers of other pages that link to this one.
    """

    title: str
    passages: Sequence[Passage]
    first: int
    linked_from: Sequence[int]


class LinkedPages:
    """Pages with all their pairs.

    Args:
        pages: By number.
    """

    def __init__(self, pages: Sequence[Page]) -> None:
        self.pages = pages
        self.starts_P = np.cumsum([0, *(len(page.passages) for page in pages)])

    @classmethod
    def collect(
        cls, rows: Iterable[Mapping[str, Any]], length: int, measure: Callable[[list[str]], list[int]]
    ) -> LinkedPages:
        """From rows with ``id``, ``title``, ``sections`` and ``links``; pages without text are left out.

        Args:
            rows: Pages; the link table is joined on ``id``.
            length: Passages have at most so many tokens, but for single sentences that are longer.
            measure: Tokens of texts.

        Raises:
            InputError: if no page has text.
        """
        kept = [row for row in rows if any(text.strip() for text in row["sections"])]
        if not kept:
            raise InputError("the corpus has no page with text", expected="rows with `sections`")
        numbers = {row["id"]: number for number, row in enumerate(kept)}
        linked: list[list[int]] = [[] for _ in kept]
        for number, row in enumerate(kept):
            for link in dict.fromkeys(row["links"] or ()):
                if link in numbers and numbers[link] != number:
                    linked[numbers[link]].append(number)
        pages = []
        for row, sources in zip(kept, linked, strict=True):
            # A sentence that is repeated would stay in the passage it is taken out of.
            sections = [
                list(dict.fromkeys(split_sentences(text))) for text in row["sections"] if text.strip()
            ]
            cut = [pack_sentences(section, measure(section), length) for section in sections]
            passages = [passage for section in cut for passage in section]
            pages.append(Page(row["title"] or "", passages, len(cut[0]), sources))
        return cls(pages)

    def save(self, file: Path) -> None:
        """Write a Parquet file."""
        columns = {name: [getattr(page, name) for page in self.pages] for name in SCHEMA.names}
        pq.write_table(pa.table(columns, SCHEMA), file)

    @classmethod
    def load(cls, file: Path) -> LinkedPages:
        """Read what :meth:`save` wrote."""
        return cls([Page(**row) for row in pq.read_table(file).to_pylist()])

    @cached_property
    def texts_M(self) -> list[str]:
        """All passages by number."""
        return [" ".join(passage) for page in self.pages for passage in page.passages]

    @cached_property
    def document_M(self) -> Ints:
        """``(M,)``: for each passage the number of the first one with the same text."""
        first: dict[str, int] = {}
        return np.array([first.setdefault(text, n) for n, text in enumerate(self.texts_M)], np.int64)

    @cached_property
    def page_M(self) -> Ints:
        """``(M,)``: the page of each passage."""
        return np.repeat(np.arange(len(self.pages)), np.diff(self.starts_P))

    @cached_property
    def eligible(self) -> Mapping[PairTask, Ints]:
        """What each task draws from: passages of two sentences, pages of two passages, pages linked to."""
        sentences = [len(passage) for page in self.pages for passage in page.passages]
        return {
            "ict": np.flatnonzero(np.array(sentences) > 1),
            "bfs": np.flatnonzero(np.diff(self.starts_P) > 1),
            "wlp": np.flatnonzero([len(page.linked_from) > 0 for page in self.pages]),
        }

    def check(self, tasks: Iterable[PairTask]) -> None:
        """Refuse tasks that have no pair.

        Raises:
            InputError: naming the task.
        """
        needs = {"ict": "passages of two sentences", "bfs": "pages of two passages", "wlp": "links"}
        for task in tasks:
            if not len(self.eligible[task]):
                raise InputError(f"the corpus gives no pair for task {task}", expected=needs[task])

    def draw(
        self, tasks: Sequence[PairTask], rng: np.random.Generator, keep_probability: float = 0.0
    ) -> PagePair:
        """An example: a task uniformly, then a pair of that task.

        Of ICT a passage and a sentence are drawn, uniformly; of BFS a page, a sentence of its first section
        and another passage; of WLP a page A, a sentence of its first section, a page B that links to A, and
        a passage of B.

        Args:
            tasks: To draw from.
            rng: The sample's generator.
            keep_probability: How often the sentence of ICT stays in its passage.
        """
        task = tasks[int(rng.integers(len(tasks)))]
        number = _one_of(self.eligible[task], rng)
        if task == "ict":
            sentences = list(self._passage(number))
            place = int(rng.integers(len(sentences)))
            query = sentences[place]
            if keep_probability == 0 or rng.random() >= keep_probability:
                sentences.pop(place)
            return PagePair(query, number, sentences, task)
        query, at = self._first_sentence(number, rng)
        if task == "wlp":
            number = _one_of(self.pages[number].linked_from, rng)
            at = None
        passages = len(self.pages[number].passages)
        chosen = int(rng.integers(passages if at is None else passages - 1))
        if at is not None and chosen >= at:
            chosen += 1
        found = int(self.starts_P[number]) + chosen
        return PagePair(query, found, self._passage(found), task)

    def probabilities(self, tasks: Sequence[PairTask]) -> Floats:
        """``(M,)`` Q: how likely :meth:`draw` is to give each passage's text as the document."""
        total_M = np.zeros(int(self.starts_P[-1]))
        for task in tasks:
            eligible = self.eligible[task]
            share = 1 / (len(tasks) * len(eligible))
            if task == "ict":
                total_M[eligible] += share
            for number in eligible.tolist() if task != "ict" else ():
                page = self.pages[number]
                if task == "bfs":
                    total_M[self._range(number)] += share * _other_passage(page)
                else:
                    for source in page.linked_from:
                        count = len(self.pages[source].passages)
                        total_M[self._range(source)] += share / (len(page.linked_from) * count)
        by_text_M: Floats = np.bincount(self.document_M, total_M, len(total_M)).astype(np.float64)
        found_M: Floats = by_text_M[self.document_M]
        return found_M

    def _range(self, page: int) -> slice:
        return slice(int(self.starts_P[page]), int(self.starts_P[page + 1]))

    def _passage(self, number: int) -> Passage:
        page = int(self.page_M[number])
        return self.pages[page].passages[number - int(self.starts_P[page])]

    def _first_sentence(self, page: int, rng: np.random.Generator) -> tuple[str, int | None]:
        """A sentence of the first section, and the place of the passage that it is in."""
        section = self.pages[page].passages[: self.pages[page].first]
        places = [(text, place) for place, passage in enumerate(section) for text in passage]
        return places[int(rng.integers(len(places)))]


def pack_sentences(sentences: Sequence[str], sizes: Sequence[int], length: int) -> list[list[str]]:
    """Sentences in order into passages of at most ``length`` tokens; a longer sentence stands alone.

    Example:
        >>> pack_sentences(["a", "b", "c", "d"], [3, 4, 9, 1], 8)
        [['a', 'b'], ['c'], ['d']]
    """
    found: list[list[str]] = []
    room = 0
    for sentence, size in zip(sentences, sizes, strict=True):
        if size > room:
            found.append([])
            room = length
        found[-1].append(sentence)
        room -= size
    return found


def _one_of(values: Sequence[int] | Ints, rng: np.random.Generator) -> int:
    # `rng.choice` makes an array of a list first, and takes ten times as long.
    return int(values[int(rng.integers(len(values)))])


def _other_passage(page: Page) -> Floats:
    """How likely each passage of a page is to be the one of BFS, given the page."""
    sentences = np.zeros(len(page.passages))
    sentences[: page.first] = [len(passage) for passage in page.passages[: page.first]]
    found: Floats = (1 - sentences / sentences.sum()) / (len(page.passages) - 1)
    return found


@lru_cache(maxsize=4)
def read_pages(file: Path) -> LinkedPages:
    """The pages that :meth:`LinkedPages.save` wrote; read once a process."""
    return LinkedPages.load(file)
