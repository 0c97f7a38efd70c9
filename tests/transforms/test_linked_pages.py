"""Passages of linked pages, and the pairs of ICT, BFS and WLP; the sheet's checks of them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from embedworks.errors import InputError
from embedworks.transforms.linked_pages import (
    PAIR_TASKS,
    LinkedPages,
    pack_sentences,
    read_pages,
)


def row(name: str, *sections: str, links: tuple[str, ...] = ()) -> dict:
    return {"id": name, "title": name.upper(), "sections": list(sections), "links": list(links)}


ROWS = [
    row("a", "A one. A two.", "A three. A four. A five.", links=("b", "b", "nowhere", "a")),
    row("empty", "", " "),
    row("b", "B one.", "B two. B three.", links=("c",)),
    row("c", "C one. C two. C three. C four.", links=("b",)),
    row("d", "D one is alone."),
]


def words(texts: list[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def pages(rows=ROWS, length: int = 4) -> LinkedPages:
    return LinkedPages.collect(rows, length, words)


def draws(found: LinkedPages, tasks, count: int, **options):
    rng = np.random.default_rng(5)
    return [found.draw(tasks, rng, **options) for _ in range(count)]


def place(found: LinkedPages, passage: int) -> tuple[int, int]:
    page = int(found.page_M[passage])
    return page, passage - int(found.starts_P[page])


def test_sections_become_passages_and_links_are_joined_on_the_id():
    found = pages()
    a, b, c, d = found.pages
    # Two words a sentence, four a passage; a passage never goes on in the next section.
    assert a.passages == [["A one.", "A two."], ["A three.", "A four."], ["A five."]]
    assert (a.first, b.first, c.first, d.first) == (1, 1, 2, 1)
    assert (a.title, c.passages) == ("A", [["C one.", "C two."], ["C three.", "C four."]])
    # A and C link to B, B links to C; what leads to nowhere or back to its own page is no link.
    assert [list(page.linked_from) for page in found.pages] == [[], [0, 2], [1], []]


def test_a_longer_sentence_stands_alone():
    assert pack_sentences(["w", "x", "y", "z"], [2, 2, 9, 1], 4) == [["w", "x"], ["y"], ["z"]]
    assert pack_sentences([], [], 4) == []


def test_a_file_gives_the_same_pages(tmp_path):
    found = pages()
    found.save(tmp_path / "pages.parquet")
    again = read_pages(tmp_path / "pages.parquet")
    assert list(again.pages) == list(found.pages)
    assert draws(again, PAIR_TASKS, 20) == draws(found, PAIR_TASKS, 20)


def test_ict_takes_a_sentence_out_of_its_passage():
    found = pages()
    for pair in draws(found, ("ict",), 200):
        page, at = place(found, pair.passage)
        passage = list(found.pages[page].passages[at])
        assert len(passage) > 1
        assert pair.query not in pair.sentences
        index = passage.index(pair.query)
        back = [*pair.sentences[:index], pair.query, *pair.sentences[index:]]
        assert back == passage
    assert {pair.query for pair in draws(found, ("ict",), 400)} == {
        text for page in found.pages for passage in page.passages if len(passage) > 1 for text in passage
    }


def test_the_sentence_stays_with_a_probability():
    kept = [pair.query in pair.sentences for pair in draws(pages(), ("ict",), 2000, keep_probability=0.25)]
    assert 0.21 < np.mean(kept) < 0.29
    assert all(p.query in p.sentences for p in draws(pages(), ("ict",), 50, keep_probability=1.0))


def test_a_repeated_sentence_cannot_stay_behind():
    found = LinkedPages.collect([row("r", "Same. Same. Other.")], 8, words)
    assert found.pages[0].passages == [["Same.", "Other."]]


def test_bfs_leads_from_the_first_section_to_another_passage_of_the_page():
    found = pages()
    seen = set()
    for pair in draws(found, ("bfs",), 500):
        page, at = place(found, pair.passage)
        home = next(n for n, p in enumerate(found.pages[page].passages) if pair.query in p)
        assert home < found.pages[page].first
        assert home != at
        seen.add((page, home, at))
    # Of page a the first passage is the section; of c both are, each leads to the other; d has but one.
    assert seen == {(0, 0, 1), (0, 0, 2), (1, 0, 1), (2, 0, 1), (2, 1, 0)}


def test_wlp_leads_to_a_page_that_links_here():
    found = pages()
    seen = set()
    for pair in draws(found, ("wlp",), 500):
        source, _ = place(found, pair.passage)
        target = next(
            n for n, page in enumerate(found.pages) if any(pair.query in p for p in page.passages)
        )
        assert pair.query in [
            text for p in found.pages[target].passages[: found.pages[target].first] for text in p
        ]
        seen.add((source, target))
    # Only B to A: page a links to b, so it answers b's sentences, and nothing answers a's.
    assert seen == {(0, 1), (2, 1), (1, 2)}


def test_each_task_has_a_third_of_the_draws():
    counts = Counter(pair.task for pair in draws(pages(), PAIR_TASKS, 30_000))
    assert all(abs(counts[task] / 30_000 - 1 / 3) < 0.01 for task in PAIR_TASKS)


@pytest.mark.parametrize("tasks", [("ict",), ("bfs",), ("wlp",), PAIR_TASKS])
def test_q_is_how_often_a_document_is_drawn(tasks):
    same = [*ROWS, row("e", "E one. E two.", "D one is alone.", links=("a",))]
    found = pages(same)
    expected = found.probabilities(tasks)
    drawn = np.bincount(
        [found.document_M[p.passage] for p in draws(found, tasks, 8_000)], minlength=len(expected)
    )
    once = np.unique(found.document_M)
    assert expected[once].sum() == pytest.approx(1)
    assert np.abs(drawn[once] / 8_000 - expected[once]).max() < 0.02


def test_q_by_hand():
    # BFS draws pages a, b, c alike. Of a: both sentences are in passage 0, so 1 and 2 have a half each.
    # Of c: each half of the sentences leads to the other passage.
    expected = [0, 1 / 6, 1 / 6, 0, 1 / 3, 1 / 6, 1 / 6, 0]
    assert pages().probabilities(("bfs",)).tolist() == pytest.approx(expected)
    # WLP: b is asked for half of the time, answered by a (three passages) or c (two); c by b (two).
    expected = [1 / 12, 1 / 12, 1 / 12, 1 / 4, 1 / 4, 1 / 8, 1 / 8, 0]
    assert pages().probabilities(("wlp",)).tolist() == pytest.approx(expected)


def test_equal_texts_are_one_document():
    found = pages([row("a", "X one. X two."), row("b", "X one. X two.", "Y.")])
    assert found.document_M.tolist() == [0, 0, 2]


def test_what_gives_no_pair_is_refused():
    with pytest.raises(InputError, match="no page with text"):
        pages([row("a", "")])
    with pytest.raises(InputError, match=r"no pair for task wlp.*links"):
        pages([row("a", "One. Two.", "Three.")]).check(PAIR_TASKS)
