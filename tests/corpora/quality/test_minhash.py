from __future__ import annotations

import numpy as np
import pytest

from embedworks.corpora.quality.minhash import band_width, near_components, signatures


def signed(sets: list[set[int]], slots: int = 128) -> np.ndarray:
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, size=100_000, dtype=np.uint64)
    grams = np.concatenate([hashes[sorted(members)] for members in sets])
    return signatures(grams, np.cumsum([0, *map(len, sets)]), slots, seed=0)


@pytest.mark.parametrize("shared", [0, 50, 150, 200])
def test_equal_slots_estimate_the_jaccard_similarity(shared):
    left = set(range(200))
    right = set(range(200 - shared, 400 - shared))
    one, two = signed([left, right], slots=1024)
    assert (one == two).mean() == pytest.approx(shared / (400 - shared), abs=0.05)


def test_a_signature_does_not_depend_on_its_neighbours():
    sets = [set(range(start, start + 60)) for start in range(0, 900, 90)]
    together = signed(sets)
    alone = np.concatenate([signed([members]) for members in sets])
    assert (together == alone).all()


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8, 0.95, 1.0])
def test_a_pair_at_the_threshold_is_found_and_a_wider_band_would_lose_it(threshold):
    def found(width: int) -> float:
        return 1 - (1 - threshold**width) ** (128 // width)

    width = band_width(threshold, 128)
    assert found(width) >= 0.99
    assert width == 128 or found(width + 1) < 0.99


@pytest.mark.parametrize("seed", range(20))
def test_components_are_those_of_all_similar_pairs_that_share_a_band(seed):
    """Few values in few slots: buckets hold rows that are unlike, and chains of similar ones."""
    signature = np.random.default_rng(seed).integers(0, 2, size=(40, 16), dtype=np.uint32)
    threshold = 0.75
    assert near_components(signature, threshold).tolist() == by_brute_force(signature, threshold)


def by_brute_force(signature: np.ndarray, threshold: float) -> list[int]:
    width = band_width(threshold, signature.shape[1])
    label = list(range(len(signature)))
    for i in range(len(signature)):
        for j in range(i):
            equal = signature[i] == signature[j]
            bands = [equal[at : at + width].all() for at in range(0, len(equal) - width + 1, width)]
            if any(bands) and equal.mean() >= threshold:
                low, high = sorted((label[i], label[j]))
                label = [low if one == high else one for one in label]
    return label


def test_the_brute_force_example_has_components_of_several_sizes():
    signature = np.random.default_rng(0).integers(0, 2, size=(40, 16), dtype=np.uint32)
    sizes = np.bincount(near_components(signature, 0.75))
    assert sizes.max() > 2
    assert (sizes == 1).any()


def test_no_rows_have_no_components():
    assert near_components(np.empty((0, 128), dtype=np.uint32), 0.8).tolist() == []
