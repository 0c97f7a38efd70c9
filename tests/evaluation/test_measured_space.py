"""Spaces of made functions have the measures that they were made to have."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

from embedworks.corpora.corpus import open_corpus
from embedworks.errors import InputError
from embedworks.evaluation.measured_space import measure_space
from evaluation.test_evaluate import DOCS, docs_rows, write


@pytest.fixture
def corpus(tmp_path):
    rows = docs_rows()
    rows[1]["positive"] = rows[0]["positive"]  # one paragraph, two questions
    return open_corpus(write(tmp_path / "python-docs", rows))


def space_of(monkeypatch, tmp_path, function, corpus, pairs=None):
    module = types.ModuleType("made_space")
    module.embed = function
    monkeypatch.setitem(sys.modules, "made_space", module)
    monkeypatch.setattr("inspect.getsource", lambda _module: "made")
    return measure_space("python:made_space:embed", corpus, pairs)


def even(texts):
    """A direction a text, drawn by its last word: a query's is its paragraph's."""
    return np.stack([np.random.default_rng(int(t.split()[-1])).normal(size=16) for t in texts])


def test_an_even_space_whose_pairs_are_one(monkeypatch, tmp_path, corpus) -> None:
    monkeypatch.setattr("embedworks.evaluation.subjects.PROBE", "probe 0")
    full, half = space_of(monkeypatch, tmp_path, even, corpus, [(0, 16), (0, 8)])
    assert (full.layers, full.dimensions, full.n) == (0, 16, DOCS - 1)
    # Of 60 pairs one is no pair any more: its question is about another paragraph's text.
    assert 0 < full.measures["alignment"] < 0.1
    assert abs(full.measures["mean_cosine"]) < 0.05
    assert full.measures["effective_rank"] > 12
    assert half.dimensions == 8
    assert half.measures["effective_rank"] < 8.001


def test_a_cone_is_told_from_an_even_space(monkeypatch, tmp_path, corpus) -> None:
    monkeypatch.setattr("embedworks.evaluation.subjects.PROBE", "probe 0")
    (cone,) = space_of(monkeypatch, tmp_path, lambda texts: even(texts) + 10, corpus)
    (flat,) = space_of(monkeypatch, tmp_path, even, corpus)
    assert cone.measures["mean_cosine"] > 0.9
    assert cone.measures["isotropy"] < flat.measures["isotropy"]
    assert cone.measures["uniformity"] > flat.measures["uniformity"]


def test_a_pair_that_is_not_there_is_refused(monkeypatch, tmp_path, corpus) -> None:
    monkeypatch.setattr("embedworks.evaluation.subjects.PROBE", "probe 0")
    with pytest.raises(InputError, match="dimensions=17"):
        space_of(monkeypatch, tmp_path, even, corpus, [(0, 17)])
