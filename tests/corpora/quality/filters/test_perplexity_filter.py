from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from embedworks.corpora.quality.contract import Resources
from embedworks.corpora.quality.find import make_filter
from embedworks.errors import InputError
from helpers.quality import judged, kept

TEXTS = ["10", "20", "", "30", "40", "50"]


def scorer(texts: list[str]) -> np.ndarray:
    return np.array([float(text or "nan") for text in texts])


@pytest.fixture
def resources(tmp_path) -> Resources:
    return Resources(model=lambda name: tmp_path / name, scorer=lambda folder, tokens: scorer)


@pytest.mark.parametrize(
    ("keys", "rows"),
    [
        ({"min": 20, "max": 40}, [1, 3, 4]),
        ({"max": 25}, [0, 1]),
        ({"quantiles": [0.25, 0.75]}, [1, 3, 4]),
        ({"quantiles": [0.0, 0.75], "min": 15}, [1, 3, 4]),
        ({"write": "score"}, [0, 1, 3, 4, 5]),
    ],
)
def test_rows_inside_the_range_stay(resources, keys, rows):
    assert kept("perplexity", TEXTS, resources, column="text", model="lm", **keys) == rows


def test_reasons_say_on_which_side(resources):
    found = judged("perplexity", TEXTS, resources, column="text", model="lm", min=20, max=40)
    assert [found[row]["reason"] for row in (0, 2, 5)] == [
        "too likely",
        "nothing to predict",
        "too unlikely",
    ]
    assert found[5]["detail"] == "50 > 40"


def test_the_score_is_written_if_asked_for(resources):
    quality = make_filter(
        {"name": "perplexity", "column": "text", "model": "lm", "write": "ppl"}, resources
    )
    written = quality.written(quality.measure(pa.table({"text": TEXTS})))
    np.testing.assert_array_equal(written["ppl"], scorer(TEXTS))


@pytest.mark.parametrize("keys", [{}, {"min": 3, "max": 2}, {"quantiles": [0.9, 0.1]}])
def test_a_range_that_makes_no_sense_is_refused(resources, keys):
    with pytest.raises(InputError):
        kept("perplexity", TEXTS, resources, column="text", model="lm", **keys)
