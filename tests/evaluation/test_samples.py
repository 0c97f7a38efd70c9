from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import spearmanr

from embedworks.errors import InputError
from embedworks.evaluation.samples import (
    align,
    average_seeds,
    mean_samples,
    origin_of,
    rank_samples,
    read_samples,
    write_samples,
)


def test_parts_count_alike_whatever_their_sizes():
    samples = mean_samples({"a": {"0": 1.0, "1": 0.0, "2": 0.0, "3": 0.0}, "b": {"0": 1.0}})
    assert samples.score == pytest.approx((0.25 + 1.0) / 2)


def test_the_mean_share_of_pairs_is_spearmans_correlation_with_ties():
    rng = np.random.default_rng(0)
    predicted, gold = rng.normal(size=40).round(1), rng.integers(0, 4, 40).astype(float)
    samples = rank_samples({"one": (predicted, gold)})
    assert samples.score == pytest.approx(spearmanr(predicted, gold)[0], abs=1e-12)


def test_a_model_that_cannot_tell_pairs_apart_scores_nothing():
    assert rank_samples({"one": ([0.5] * 3, [1.0, 2.0, 3.0])}).score == 0.0


def test_a_file_gives_back_what_was_written(tmp_path):
    samples = rank_samples({"one": ([0.1, 0.3, 0.2], [1.0, 2.0, 3.0])})
    write_samples(tmp_path / "deep" / "a.parquet", samples, {"task": "x"})
    found = read_samples(tmp_path / "deep" / "a.parquet")
    assert (found.ids, found.parts) == (samples.ids, samples.parts)
    for name in ("values", "predicted", "gold"):
        np.testing.assert_array_equal(getattr(found, name), getattr(samples, name))
    assert origin_of(tmp_path / "deep" / "a.parquet") == {"task": "x"}
    assert origin_of(tmp_path / "none.parquet") == {}


def test_a_file_of_something_else_is_named(tmp_path):
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "a.parquet")
    for name in ("a.parquet", "none.parquet"):
        with pytest.raises(InputError, match=f"{name} holds no samples"):
            read_samples(tmp_path / name)


def test_samples_are_paired_by_name():
    first = mean_samples({"p": {"a": 1.0, "b": 2.0, "c": 3.0}})
    second = mean_samples({"p": {"c": 30.0, "a": 10.0, "b": 20.0}})
    assert align(first, second)[1].values.tolist() == [10.0, 20.0, 30.0]
    with pytest.raises(InputError, match="2 are of one alone"):
        align(first, mean_samples({"p": {"a": 1.0, "b": 2.0, "d": 3.0}}))


def test_seeds_are_averaged_sample_by_sample():
    runs = [mean_samples({"p": {"a": 1.0, "b": 0.0}}), mean_samples({"p": {"b": 1.0, "a": 1.0}})]
    assert average_seeds(runs).values.tolist() == [1.0, 0.5]
