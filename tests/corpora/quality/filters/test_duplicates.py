"""exact-duplicates and near-duplicates, on what each is meant to find."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from embedworks.corpora.quality.contract import Resources
from embedworks.corpora.quality.find import make_filter
from embedworks.errors import InputError
from helpers.quality import judged, kept, sentence


def test_exact_duplicates_are_found_after_folding_and_the_first_stays():
    texts = ["One two", "three", "one  TWO\n", "ｏｎｅ two", "One two.", "three", None, ""]
    assert kept("exact-duplicates", texts, columns=["text"]) == [0, 1, 4, 6, 7]
    assert judged("exact-duplicates", texts, columns=["text"])[5] == {
        "reason": "duplicate",
        "detail": "row 1",
    }


def test_exact_duplicates_to_the_letter():
    assert kept("exact-duplicates", ["a b", "A b", "a b", "a  b"], columns=["text"], fold=False) == [
        0,
        1,
        3,
    ]


def test_exact_duplicates_compare_all_columns_of_any_type():
    rows = pa.table(
        {
            "left": ["ab", "a", "ab", "ab"],
            "right": [["c", "d"], ["bc", "d"], ["c", "d"], ["cd"]],
            "image": [b"1", b"1", b"1", b"1"],
            "number": [1, 1, 1, 1],
        }
    )
    quality = make_filter({"name": "exact-duplicates", "columns": rows.column_names}, Resources())
    verdicts = quality.judge(quality.measure(rows), np.array([10, 11, 12, 13]))
    assert verdicts["detail"].to_pylist() == [None, None, "row 10", None]


def similar(text: str, jaccard: float) -> str:
    """The text with words replaced, so that the two sets of words have this Jaccard similarity."""
    words = text.split()
    shared = round(2 * len(words) * jaccard / (1 + jaccard))
    return " ".join([*words[:shared], *(f"new{i}" for i in range(len(words) - shared))])


def test_the_helper_makes_pairs_of_known_similarity():
    one = set(" ".join(f"w{i}" for i in range(400)).split())
    two = set(similar(" ".join(f"w{i}" for i in range(400)), 0.6).split())
    assert len(one & two) / len(one | two) == pytest.approx(0.6, abs=0.01)


@pytest.mark.parametrize(("jaccard", "stays"), [(0.95, False), (0.9, False), (0.65, True), (0.3, True)])
def test_near_duplicates_are_found_by_their_jaccard_similarity(jaccard, stays):
    """Four standard errors from the threshold of 0.8, on 30 pairs."""
    originals = [" ".join(f"w{seed}x{i}" for i in range(400)) for seed in range(30)]
    texts = [*originals, *(similar(text, jaccard) for text in originals)]
    left = kept("near-duplicates", texts, columns=["text"], ngram=1, slots=256)
    assert left == list(range(60 if stays else 30))


def test_near_duplicates_of_near_duplicates_go_with_the_first():
    words = sentence(1, 200).split()
    chain = [" ".join(words[shift : shift + 150]) for shift in (0, 12, 24, 36)]
    texts = [sentence(2), chain[2], sentence(3), chain[0], chain[1], chain[3]]
    details = judged("near-duplicates", texts, columns=["text"], ngram=1)
    assert [one["detail"] for one in details] == [None, None, None, "row 1", "row 1", "row 1"]
    assert kept("near-duplicates", [chain[0], chain[3]], columns=["text"], ngram=1) == [0, 1]


def test_near_duplicates_that_are_short_or_without_words():
    texts = ["Yes, it is.", "yes it is", "yes it was", "", "!", "?", None]
    assert kept("near-duplicates", texts, columns=["text"]) == [0, 2, 3, 4, 5, 6]


def test_near_duplicates_by_characters():
    texts = ["embedding models", "embedding model", "ranking tasks"]
    keys = {"columns": ["text"], "unit": "characters", "ngram": 2, "threshold": 0.7}
    assert kept("near-duplicates", texts, **keys) == [0, 2]


def test_a_missing_library_is_named_before_anything_is_read(monkeypatch):
    monkeypatch.setattr("embedworks.corpora.quality.minhash.find_spec", lambda name: None)
    with pytest.raises(InputError, match="rensa; expected install embedworks with the extra `data`"):
        make_filter({"name": "near-duplicates", "columns": ["text"]}, Resources())
