from __future__ import annotations

from math import log

import pytest

from embedworks.evaluation.bm25 import Bm25, score_bm25, words
from embedworks.evaluation.local import About, group, retrieval_task

DOCUMENTS = ["red fish", "blue fish fish swim", "a stone"]


def indexed() -> Bm25:
    model = Bm25()
    model.index([{"id": f"d{number}", "text": text} for number, text in enumerate(DOCUMENTS)])
    return model


def test_scores_are_the_formulas() -> None:
    mean = (2 + 4 + 2) / 3
    idf = log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    expected = [
        idf * count * 2.5 / (count + 1.5 * (0.25 + 0.75 * length / mean)) if count else 0
        for count, length in ((1, 2), (2, 4), (0, 2))
    ]
    assert indexed().scores("Fish?") == pytest.approx(expected)
    assert indexed().scores("fish fish") == pytest.approx([2 * score for score in expected])
    assert not indexed().scores("unknown").any()


def test_search_ranks_and_cuts_and_keeps_to_what_is_to_be_ranked() -> None:
    queries = [{"id": "q", "text": "blue fish"}]
    found = indexed().search(queries, top_k=2)
    assert list(found["q"]) == ["d1", "d0"]
    assert list(indexed().search(queries, top_k=2, top_ranked={"q": ["d2"]})["q"]) == ["d2"]


def test_identifiers_fall_apart_and_titles_count() -> None:
    assert words("os.path_join(Überall)") == ["os", "path", "join", "überall"]
    model = Bm25()
    model.index([{"id": "d", "title": "Rivers", "text": "of water"}])
    assert model.scores("rivers")[0] > 0


def test_mteb_scores_it() -> None:
    about = About("bm25-task", "for a test", "Retrieval", "ndcg_at_10", ("Written",), "mit")
    task = retrieval_task(about, group([("blue swim", DOCUMENTS[1]), ("stone", DOCUMENTS[2])]))
    score = score_bm25(task)
    assert (score.value, score.metric, score.n) == (1.0, "ndcg_at_10", 2)
