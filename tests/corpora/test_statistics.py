from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedworks.corpora.statistics import SplitTally, text_columns

TEXTS = st.lists(st.one_of(st.none(), st.text(max_size=30)), max_size=40)


def tally(texts: list[str | None]) -> SplitTally:
    counted = SplitTally(["text"])
    counted.add(pa.table({"text": pa.array(texts, pa.string())}))
    return counted


@given(TEXTS, st.integers(0, 40))
@settings(deadline=None)
def test_parts_that_are_merged_count_like_the_whole(texts, cut):
    whole = tally(texts)
    merged = SplitTally(["text"])
    for part in (texts[:cut], texts[cut:]):
        merged.merge(SplitTally.from_json(json.loads(json.dumps(tally(part).to_json()))))
    assert merged.statistics(0) == whole.statistics(0)


@given(TEXTS)
@settings(deadline=None)
def test_what_is_exact_is_exact(texts):
    found = tally(texts).statistics(3)
    kept = [text for text in texts if text is not None]
    lengths = sorted(map(len, kept)) or [0]
    text = found.text["text"]
    assert (found.rows, found.duplicate_rows) == (len(texts), 3)
    assert (text.rows, text.nulls) == (len(kept), len(texts) - len(kept))
    assert (text.characters_min, text.characters_max) == (lengths[0], lengths[-1])
    assert text.characters_mean == pytest.approx(sum(lengths) / max(len(kept), 1), abs=0.01)
    assert text.characters_quantiles["0.5"] == lengths[max(0, (len(kept) + 1) // 2 - 1)]


def test_words_and_an_estimate_of_how_many_different_ones():
    words = [f"word{i}" for i in range(20_000)]
    text = tally([" ".join(words[start : start + 100]) for start in range(0, 20_000, 100)] * 2)
    found = text.statistics(0).text["text"]
    assert (found.words, found.words_mean) == (40_000, 100)
    assert found.vocabulary_estimate == pytest.approx(20_000, rel=0.05)


def test_lengths_beyond_a_thousand_are_kept_to_three_digits():
    found = tally(["x", "x" * 123_456, "x" * 999_999]).statistics(0).text["text"]
    assert found.characters_max == 999_999
    assert found.characters_quantiles["0.5"] == 123_000
    assert found.characters_quantiles["0.99"] == 999_999


def test_only_text_is_counted():
    schema = pa.schema([("a", pa.string()), ("b", pa.binary()), ("c", pa.large_string()), ("d", pa.int8())])
    assert text_columns(schema) == ["a", "c"]
