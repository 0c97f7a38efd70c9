import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedworks.transforms.seeding import sample_rng, sample_rngs

WORDS = st.integers(0, 2**32 - 1)
LARGE = st.integers(0, 2**62)


@given(WORDS, st.lists(st.tuples(WORDS, WORDS), max_size=9), st.integers(0, 3))
def test_a_batch_of_generators_is_numpys_own(seed: int, keys: list[tuple[int, int]], view: int) -> None:
    epochs, samples = ([key[i] for key in keys] for i in (0, 1))
    for rng, key in zip(sample_rngs(seed, epochs, samples, view), keys, strict=True):
        numpys = np.random.default_rng((seed, *key, view))
        assert rng.bit_generator.state == numpys.bit_generator.state


@given(LARGE, LARGE, LARGE, st.integers(0, 1))
def test_numbers_of_more_than_32_bits(seed: int, epoch: int, sample: int, view: int) -> None:
    (rng,) = sample_rngs(seed, [epoch], [sample], view)
    assert rng.bit_generator.state == sample_rng(seed, epoch, sample, view).bit_generator.state


@given(LARGE, LARGE)
def test_view_0_is_the_sample_itself(seed: int, sample: int) -> None:
    itself = np.random.default_rng((seed, 0, sample))
    assert sample_rng(seed, 0, sample).bit_generator.state == itself.bit_generator.state


def test_a_negative_number_is_refused_as_numpy_refuses_it() -> None:
    with pytest.raises(ValueError, match="non-negative"):
        sample_rngs(0, [0], [-1])


def test_one_epoch_serves_all_samples() -> None:
    assert len(sample_rngs(0, 3, np.arange(5))) == 5
