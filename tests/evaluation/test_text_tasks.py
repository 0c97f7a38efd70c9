"""How the offline suite's text tasks are made from rows."""

from __future__ import annotations

from typing import Any

import pytest
from sentence_transformers import SentenceTransformer

from embedworks.evaluation.find import find_task
from embedworks.evaluation.tasks import (
    dictionary_silver_similarity,
    dictionary_similarity,
    emoji_name_similarity,
)
from embedworks.folder import resolve_model


class Rows:
    """A corpus in memory."""

    def __init__(self, **splits: list[dict[str, Any]]) -> None:
        self.splits = splits

    def iter_rows(self, split: str, columns: list[str]) -> list[dict[str, Any]]:
        return [{name: row[name] for name in columns} for row in self.splits[split]]


def build(name: str, **splits: list[dict[str, Any]]):
    source = find_task(name)
    return source.build({source.corpora[0]: Rows(**splits)})


def entry(word: str, *definitions: str, **more: Any) -> dict[str, Any]:
    row = {"headword": word, "definition": definitions[0], "definitions": list(definitions)}
    blank = {"synonyms": [], "see": [], "part_of_speech": "noun", "kind": "entry", "subject": ""}
    return {**blank, **row, "query": definitions[0], **more}


def test_definitions_are_graded_by_the_dictionarys_own_links() -> None:
    rows = [
        entry("barque", "a small sailing ship", "any vessel of the sea", synonyms=["bark"]),
        entry("bark", "a ship with three masts"),
        entry("fig", "a sweet pear-shaped fruit"),
        entry("adz", "of adze"),  # too short to tell anything
    ]
    pairs = dictionary_similarity.graded_pairs(rows)
    grades = {grade: {one, other} for one, other, grade in pairs}
    assert sorted(grade for *_, grade in pairs) == [0, 1, 2]
    assert grades[2] == {"a small sailing ship", "a ship with three masts"}
    assert grades[1] == {"a small sailing ship", "any vessel of the sea"}
    assert "a sweet pear-shaped fruit" in grades[0] or grades[0] != grades[2]
    assert dictionary_similarity.graded_pairs(reversed(rows)) == pairs


def test_unrelated_definitions_never_point_to_each_other() -> None:
    rows = [
        entry("one", "the first definition here", "another sense of it", synonyms=["two"]),
        entry("two", "the second definition here"),
    ]
    assert dictionary_similarity.graded_pairs(rows) == []  # no pair is left for grade 0


def test_emoji_are_graded_by_shared_keywords() -> None:
    rows = [
        {"query": "cat", "tags": ["pet", "animal", "face"]},
        {"query": "dog", "tags": ["pet", "animal", "bone"]},
        {"query": "anvil", "tags": ["tool", "iron", "smith"]},
        {"query": "dot", "tags": ["pet"]},
    ]
    graded = {frozenset(pair): index for *pair, index in emoji_name_similarity.graded_pairs(rows)}
    assert graded == {
        frozenset(("cat", "dog")): 0.5,
        frozenset(("cat", "anvil")): 0,
        frozenset(("dog", "anvil")): 0,
    }


def test_a_reverse_dictionary_asks_for_headwords_of_entries() -> None:
    task = build(
        "reverse-dictionary",
        test=[entry("fig", "a fruit"), entry("date", "a fruit"), entry("by and by", "x", kind="phrase")],
    )
    split = task.dataset["default"]["test"]
    assert split["corpus"]["text"] == ["fig", "date"]
    assert split["queries"]["text"] == ["a fruit"]
    assert split["relevant_docs"] == {"q0": {"d0": 1, "d1": 1}}


def test_docstrings_are_searched_by_code() -> None:
    task = build("stdlib-docstring-search", test=[{"query": "Add.", "positive": "return a + b"}])
    split = task.dataset["default"]["test"]
    assert (split["queries"]["text"], split["corpus"]["text"]) == (["return a + b"], ["Add."])


def test_emoji_names_are_matched_across_languages() -> None:
    names = [{"language": "en", "name": "fire"}, {"language": "de", "name": "feuer"}]
    others = ["ar", "es", "fa", "fr", "id", "it", "ja", "ko", "pt", "ru", "tr", "zh"]
    names += [{"language": code, "name": f"{code} fire"} for code in others]
    task = build("emoji-names-crosslingual", test=[{"query": "fire", "names": names}])
    assert task.dataset["de-en"]["test"].to_list() == [{"sentence1": "feuer", "sentence2": "fire"}]
    assert len(task.dataset) == 13


def test_subjects_are_those_that_test_has_enough_of() -> None:
    def some(word: str, count: int, subject: str):
        return [entry(f"{word}{n}", f"{subject} {word} {n}", subject=subject) for n in range(count)]

    train = some("t", 9, "law") + some("t", 9, "music") + some("t", 9, "art")
    test = some("e", 12, "law") + some("e", 10, "music") + some("e", 9, "art") + some("e", 20, "")
    task = build("dictionary-subjects", train=train, test=test)
    assert len(task.dataset["test"]) == 22
    assert set(task.dataset["train"]["label"]) == {0, 1}


def test_paragraphs_of_several_topics_are_not_clustered() -> None:
    rows = [{"positive": f"{topic} {n}", "topic": topic} for topic in ("a", "b") for n in range(6)]
    rows += [{"positive": "a 0", "topic": "b"}, {"positive": "c 0", "topic": "c"}]
    task = build("python-docs-topics", test=rows)
    assert sorted(task.dataset["test"]["labels"]) == [0] * 5 + [1] * 6


@pytest.mark.parametrize("change", ["text", "order", "label"])
def test_a_tasks_revision_changes_with_its_data(change: str) -> None:
    rows = [{"positive": f"{topic} {n}", "topic": topic} for topic in ("a", "b") for n in range(6)]
    before = build("python-docs-topics", test=rows).metadata.revision
    assert build("python-docs-topics", test=list(rows)).metadata.revision == before
    if change == "text":
        rows[0] = {**rows[0], "positive": "other"}
    elif change == "label":
        rows[0] = {**rows[0], "topic": "b"}
    else:
        rows[0], rows[1] = rows[1], rows[0]
    assert build("python-docs-topics", test=rows).metadata.revision != before


def test_groups_of_emoji_are_told_by_names() -> None:
    train = [{"query": f"{kind} {i}", "category": kind} for kind in ("Flags", "Food") for i in range(8)]
    few = [{"query": "run", "category": "Activities"}]
    test = [{"query": "flag", "category": "Flags"}, {"query": "rice", "category": "Food"}, few[0]]
    splits = build("emoji-groups", train=train + few, test=test).dataset
    assert splits["test"]["text"] == ["flag", "rice"], "one example of a class is too few"
    assert len(splits["train"]) == 16


def test_docstrings_are_clustered_by_large_modules() -> None:
    sizes = {"ast": 30, "csv": 8, "abc": 7}
    rows = [{"query": f"{name} {i}", "module": name} for name, n in sizes.items() for i in range(n)]
    (split,) = build("stdlib-modules", test=rows).dataset.values()
    assert len(split) == 25 + 8
    assert len(set(split["labels"])) == 2


def test_half_of_the_silver_pairs_are_senses_of_one_headword() -> None:
    rows = [
        entry("barque", "a small sailing ship", "any vessel of the sea"),
        entry("fig", "a sweet pear-shaped fruit", "a fig"),  # too short to tell anything
        entry("bank", "the edge of a river", "a house for money"),
        entry("adz", "a tool for cutting wood"),
        entry("barque", "a homograph of the ship"),
    ]
    pairs = dictionary_silver_similarity.same_and_other(rows)
    senses = {row["headword"]: set() for row in rows}
    for row in rows:
        senses[row["headword"]] |= set(row["definitions"])
    same = [any({one, other} <= found for found in senses.values()) for one, other in pairs]
    assert same == [True, True, False, False]
    assert "a fig" not in {text for pair in pairs for text in pair}
    assert len(dictionary_silver_similarity.same_and_other(rows, 2)) == 2


def test_the_judge_s_cosine_is_the_silver_score() -> None:
    pairs = [("a small sailing ship", "a vessel with sails"), ("a small sailing ship", "a sweet fruit")]
    near, far = dictionary_silver_similarity.judged(pairs)
    assert near[:2] == pairs[0]
    # The same model, read by its authors' own library.
    judge = SentenceTransformer(str(resolve_model(dictionary_silver_similarity.JUDGE)), device="cpu")
    ship, vessel, fruit = judge.encode([*pairs[0], pairs[1][1]], normalize_embeddings=True)
    assert near[2] == pytest.approx(ship @ vessel, abs=0.0051)  # to two decimals
    assert far[2] == pytest.approx(ship @ fruit, abs=0.0051)
    assert near[2] > far[2] + 0.3
