from hypothesis import given
from hypothesis import strategies as st

from embedworks.inference.batches import pad, plan_batches

LENGTHS = st.lists(st.integers(1, 512), max_size=80)


@given(LENGTHS, st.integers(1, 4096))
def test_every_text_is_in_one_batch_within_the_budget(lengths: list[int], max_tokens: int) -> None:
    batches = plan_batches(lengths, max_tokens)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[i] for i in batch)
        assert len(batch) == 1 or len(batch) * longest <= max_tokens


def test_short_texts_are_not_padded_to_a_long_one() -> None:
    assert plan_batches([500, 10, 10, 11, 10], max_tokens=4096) == [[1, 2, 4, 3], [0]]


def test_a_little_padding_is_cheaper_than_another_pass() -> None:
    assert plan_batches([12, 10, 14], max_tokens=4096) == [[1, 0, 2]]


def test_equal_lengths_keep_their_order_and_fill_the_budget() -> None:
    assert plan_batches([8] * 5, max_tokens=16) == [[0, 1], [2, 3], [4]]


def test_padding_is_on_the_right_and_masked() -> None:
    input_ids, mask = pad([[5, 6, 7], [8]], pad_id=9)
    assert input_ids.tolist() == [[5, 6, 7], [8, 9, 9]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
