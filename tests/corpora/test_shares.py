from __future__ import annotations

import pyarrow as pa
import pytest

from embedworks.corpora.shares import check_shares, split_of
from embedworks.errors import InputError

SHARES = {"test": 0.2, "dev": 0.1}


def splits(values: list[object], seed: int = 0) -> list[str]:
    return split_of(pa.chunked_array([pa.array(values)]), SHARES, seed).tolist()


def test_equal_values_stay_together_wherever_they_stand():
    values = [f"topic {i % 50}" for i in range(500)]
    found = dict(zip(values, splits(values), strict=True))
    assert splits(values) == [found[value] for value in values]
    assert splits(values[::-1]) == splits(values)[::-1]
    assert splits([None, "a", None])[0] == splits([None])[0]


def test_shares_are_kept_over_many_values_and_the_seed_draws_another_split():
    values = list(range(20_000))
    found = splits(values)
    assert found.count("test") / len(values) == pytest.approx(0.2, abs=0.01)
    assert found.count("dev") / len(values) == pytest.approx(0.1, abs=0.01)
    assert splits(values, seed=1) != found


def test_a_larger_share_takes_values_away_from_train_alone():
    values = pa.chunked_array([pa.array(range(1000))])
    small, large = (split_of(values, {"test": share}, 0) for share in (0.1, 0.3))
    assert set((small == "test").nonzero()[0]) < set((large == "test").nonzero()[0])


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"test": 0}, "share 0"),
        ({"test": 1.5}, "share 1.5"),
        ({"test": 0.5, "dev": 0.5}, "no rows for train"),
        ({"train": 0.5}, "what the other splits leave"),
        ({"../x": 0.5}, "cannot be called"),
    ],
)
def test_shares_that_make_no_sense_are_refused(shares, message):
    with pytest.raises(InputError, match=message):
        check_shares(shares)


@pytest.mark.parametrize("value", [["a", "b"], {"a": 1}, b"x", 1.5, True])
def test_a_value_of_any_type_can_be_hashed(value):
    assert len(set(splits([value] * 20))) == 1
