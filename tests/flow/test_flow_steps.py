"""Average-linkage clusters of each speaker's utterances, and their names."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering

from embedworks.flow.steps import Turn, cluster, find_steps, unit_rows
from embedworks.flow.texts import normalise_utterance


def same_groups(left, right) -> bool:
    return len(set(zip(left, right, strict=True))) == len(set(left)) == len(set(right))


@pytest.mark.parametrize("options", [{"clusters": 5}, {"clusters": 1}, {"threshold": 0.9}])
def test_clusters_are_those_of_scikit_learn(options):
    vectors = np.random.default_rng(2).normal(size=(40, 4))
    theirs = AgglomerativeClustering(
        n_clusters=options.get("clusters"),
        distance_threshold=options.get("threshold"),
        metric="cosine",
        linkage="average",
    ).fit_predict(vectors)
    ours = cluster(vectors, **options)
    assert same_groups(ours.tolist(), theirs.tolist())
    assert len(set(ours.tolist())) > 1 or options == {"clusters": 1}


def test_average_linkage_by_hand():
    # Angles 0, 20, 50 and 90 degrees. 0 and 20 join at 1 - cos 20 = .06; then 50: mean of 1 - cos 50 = .357
    # and 1 - cos 30 = .134 is .246, against .234 between 50 and 90, which join first.
    angles = np.radians([0, 20, 50, 90])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1) * [[1], [5], [2], [9]]
    assert cluster(vectors, clusters=2).tolist() == [0, 0, 1, 1]
    assert cluster(vectors, threshold=0.24).tolist() == [0, 0, 1, 1]
    assert cluster(vectors, threshold=0.2).tolist() == [0, 0, 1, 2]


def test_a_vector_of_zeros_is_the_first_axis():
    assert unit_rows(np.array([[0.0, 0.0], [0.0, 2.0]])).tolist() == [[1, 0], [0, 1]]


def test_few_utterances_and_more_clusters_than_these():
    assert cluster(np.ones((1, 3)), clusters=4).tolist() == [0]
    assert cluster(np.eye(3), clusters=9).tolist() == [0, 1, 2]


def test_speakers_never_share_a_step():
    turns = [Turn("user", "yes"), Turn("system", "yes")]
    keys, steps = find_steps(turns, np.ones((2, 3)), threshold=1.0)
    assert keys == ["user: 0", "system: 0"]
    assert [step.name for step in steps.values()] == ["yes", "yes"]


def test_a_step_is_named_by_the_nearest_to_its_centroid():
    angles = np.radians([0, 30, 50])  # the mean points to about 27 degrees
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    _, steps = find_steps([Turn("u", text) for text in "abc"], vectors, clusters=1)
    assert steps["u: 0"].name == "b"
    assert steps["u: 0"].size == 3


def test_clusters_of_one_name_become_one_step():
    # The same words with opposite vectors, as where context was embedded too.
    turns = [Turn("u", "ok"), Turn("u", "no"), Turn("u", "ok")]
    keys, steps = find_steps(turns, np.array([[1, 0], [0, 1], [-1, 0]]), clusters={"u": 3})
    assert keys == ["u: 0", "u: 1", "u: 0"]
    assert steps["u: 0"].size == 2


def test_words_alone_are_read():
    assert normalise_utterance("Is it 5 o'clock -- yet?!") == "is it 5 o'clock yet?"
    assert normalise_utterance("...") == "..."
