"""The random generators of many samples at once, bit for bit those that numpy would make one by one.

``default_rng((seed, epoch, sample))`` spends most of its time hashing the three numbers, one Python
object at a time; for a short text that is a tenth of the time in which it is tokenised. Here the hash
runs over the whole batch. It is numpy's documented ``SeedSequence``, whose results numpy keeps stable.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.random import PCG64, Generator
from numpy.random.bit_generator import ISeedSequence
from numpy.typing import ArrayLike, NDArray

Words = NDArray[np.uint32]

# Shape legend: B samples, 4 words of entropy or of the pool.


def _powers(first: int, factor: int, count: int) -> Words:
    constants = [first]
    for _ in range(count - 1):
        constants.append(constants[-1] * factor % 2**32)
    return np.array(constants, dtype=np.uint32)


# Constants of O'Neill's seed_seq, as numpy has them; each hash uses the next one, whatever the data.
HASH_IN = _powers(0x43B0D7E5, 0x931E8875, 17)
HASH_OUT = _powers(0x8B51F9DD, 0x58F38DED, 9)
MIX_LEFT, MIX_RIGHT = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
SHIFT = np.uint32(16)
OTHERS = [np.flatnonzero(np.arange(4) != source) for source in range(4)]


def sample_rng(seed: int, epoch: int, sample: int, view: int = 0) -> Generator:
    """The random generator that belongs to one sample in one epoch, on any machine.

    Args:
        seed: The stage's seed.
        epoch: How often the corpus was read through before.
        sample: The row's index in its corpus.
        view: Which of several versions of the sample; view 0 draws what a sample without views draws.
    """
    return np.random.default_rng((seed, epoch, sample, view) if view else (seed, epoch, sample))


def sample_rngs(
    seed: int, epochs_B: ArrayLike, samples_B: ArrayLike, views_B: ArrayLike = 0
) -> list[Generator]:
    """:func:`sample_rng` of B samples, several times as fast.

    Args:
        seed: The stage's seed.
        epochs_B: ``(B,)`` integers, or one for all samples.
        samples_B: ``(B,)`` integers.
        views_B: ``(B,)`` integers, or one for all samples.
    """
    samples_B = np.asarray(samples_B)
    entropy_B4 = np.empty((len(samples_B), 4), np.int64)
    entropy_B4[:, 0], entropy_B4[:, 1] = seed, np.asarray(epochs_B)
    entropy_B4[:, 2], entropy_B4[:, 3] = samples_B, np.asarray(views_B)
    if entropy_B4.size and not 0 <= entropy_B4.min() <= entropy_B4.max() < 2**32:
        return [sample_rng(*row) for row in entropy_B4.tolist()]  # these take more than one word
    state_B4 = _state(_pool(entropy_B4.astype(np.uint32)))
    return [Generator(PCG64(cast(Any, _Seed(words)))) for words in state_B4]  # numpy's stub is too narrow


class _Seed(ISeedSequence):
    """A seed sequence whose output is known already."""

    def __init__(self, words: NDArray[np.uint64]) -> None:
        self.words = words

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        """The four 64-bit words that PCG64 asks for."""
        assert n_words == 4, "only PCG64 may read this"
        assert np.dtype(dtype) == np.uint64, "only PCG64 may read this"
        return self.words


def _pool(entropy_B4: Words) -> Words:
    """The ``(B, 4)`` pool, in which every word depends on all four."""
    pool_B4 = _hash(entropy_B4, HASH_IN[:5])
    for source, others in enumerate(OTHERS):
        first = 4 + 3 * source
        hashed_B3 = _hash(pool_B4[:, source, None], HASH_IN[first : first + 4])
        mixed_B3 = MIX_LEFT * pool_B4[:, others] - MIX_RIGHT * hashed_B3
        pool_B4[:, others] = mixed_B3 ^ (mixed_B3 >> SHIFT)
    return pool_B4


def _state(pool_B4: Words) -> NDArray[np.uint64]:
    """``(B, 4)`` 64-bit words to start PCG64 from."""
    state_B8 = _hash(np.tile(pool_B4, 2), HASH_OUT)
    return np.ascontiguousarray(state_B8).astype("<u4", copy=False).view("<u8")


def _hash(words_BK: Words, constants: Words) -> Words:
    hashed_BK: Words = (words_BK ^ constants[:-1]) * constants[1:]
    hashed_BK ^= hashed_BK >> SHIFT
    return hashed_BK
