from __future__ import annotations

from typing import Any

import pytest

from embedworks.errors import InputError
from embedworks.evaluation.local import About, Search, cut, group, retrieval_task
from embedworks.evaluation.tasks.python_docs_similarity import graded_pairs


def test_repeated_queries_and_texts_become_one() -> None:
    search = group([("q", "a"), ("p", "b"), ("q", "b"), ("q", "a")])
    assert search == Search({"q": ["a", "b"], "p": ["b"]}, ["a", "b"])


def test_cut_keeps_the_answers_and_depends_on_the_texts_alone() -> None:
    pairs = [(f"q{i}", f"d{i}") for i in range(50)]
    small = cut(group(pairs), queries=10, documents=25)
    assert (len(small.relevant), len(small.documents)) == (10, 25)
    assert {found[0] for found in small.relevant.values()} <= set(small.documents)
    again = cut(group(reversed(pairs)), queries=10, documents=25)
    assert set(again.relevant) == set(small.relevant)
    assert set(again.documents) == set(small.documents)


def test_answers_stay_beyond_the_limit() -> None:
    search = group([("q", f"d{i}") for i in range(9)])
    assert cut(search, documents=4).documents == [f"d{i}" for i in range(9)]


def test_an_empty_task_is_refused() -> None:
    about = About("x", "y", "Retrieval", "ndcg_at_10", ("Written",), "mit")
    with pytest.raises(InputError, match="no test queries"):
        retrieval_task(about, group([]))


def row(text: str, topic: str, title: str) -> dict[str, Any]:
    return {"positive": text, "topic": topic, "title": title}


def test_grades_are_balanced_and_right() -> None:
    rows = [row(f"{t}{s}{p}", f"t{t}", f"s{s}") for t in range(4) for s in range(2) for p in range(3)]
    pairs = graded_pairs(rows)
    grades = [grade for _, _, grade in pairs]
    # 4 topics x 2 sections x 3 pairs is the rarest grade
    assert {grade: grades.count(grade) for grade in grades} == {0.0: 24, 1.0: 24, 2.0: 24}
    for one, other, grade in pairs:
        assert one != other
        same_topic, same_section = one[0] == other[0], one[:2] == other[:2]
        assert grade == (2 if same_section else 1 if same_topic else 0)
    assert graded_pairs(reversed(rows)) == pairs


def test_topics_that_share_a_paragraph_are_never_unrelated() -> None:
    rows = [row(f"{t}{s}{p}", f"t{t}", f"s{s}") for t in range(3) for s in range(2) for p in range(2)]
    rows += [row("shared", "t0", "s0"), row("shared", "t1", "s1")]
    pairs = graded_pairs(rows)
    assert pairs
    assert not any("shared" in pair for pair in pairs)
    unrelated = {frozenset((one[0], other[0])) for one, other, grade in pairs if grade == 0}
    assert unrelated <= {frozenset("02"), frozenset("12")}


def test_a_missing_grade_gives_no_pairs() -> None:
    assert graded_pairs([row("a", "t", "s"), row("b", "t", "s")]) == []
