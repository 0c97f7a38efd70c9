from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from embedworks.corpora.corpus import open_corpus
from embedworks.errors import InputError
from embedworks.vectors import map as maps
from embedworks.vectors import questions
from embedworks.vectors.table import Table
from helpers.indexes import small_index, texts


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return small_index(tmp_path_factory.mktemp("index"))


def test_a_map_of_few_rows_draws_the_same_ones_for_every_model(index, tmp_path):
    drawn = []
    for record in (index.record, index.add_version(switch=False)):
        folder = index.folder.folder(record.id)
        maps.write(folder, record, limit=20)
        points = Table(folder, record).map()
        drawn.append(points["id"].to_pylist())
        assert points["text"].to_pylist() == [texts()[i]["text"] for i in drawn[-1]]
    assert len(drawn[0]) == 20
    assert drawn[0] == drawn[1] == sorted(drawn[0])


def test_a_map_is_turned_onto_an_earlier_one(index):
    folder = index.folder.folder(index.record.id)
    maps.write(folder, index.record)
    before = Table.open(index.path).map()
    x, y = before["x"].to_numpy(), before["y"].to_numpy()
    quarter = before.set_column(1, "x", pa.array(1 - y)).set_column(2, "y", pa.array(x))
    maps.write(folder, index.record, onto=quarter)
    after = Table.open(index.path).map()
    for axis in ("x", "y"):
        alike = np.corrcoef(after[axis].to_numpy(), quarter[axis].to_numpy())[0, 1]
        assert alike > 0.95, axis
    assert abs(np.corrcoef(after["x"].to_numpy(), x)[0, 1]) < 0.9


def test_a_map_without_a_group_or_texts_has_points_all_the_same(index):
    folder = index.folder.folder(index.record.id)
    bare = index.record.model_copy(update={"group": None, "column": "picture", "keep": ("year",)})
    maps.write(folder, bare, limit=12)
    points = Table.open(index.path).map()
    assert points.num_rows == 12
    assert points["group"].null_count == points["text"].null_count == 12


def test_questions_are_as_many_as_asked_for_and_of_a_column_that_is_there(index):
    corpus, folder = open_corpus(index.corpus), index.folder.folder(index.record.id)
    questions.write(folder, index.record, corpus, "query", limit=3)
    assert len(Table.open(index.path).questions()) == 3
    questions.write(folder, index.record, corpus, "query", limit=500)
    asked = Table.open(index.path).questions()
    assert {one["query"] for one in asked} == {row["query"] for row in texts()}
    copied = next(one for one in asked if one["query"] == texts()[0]["query"])
    assert copied["relevant"] == [0, len(texts()) - 1]
    with pytest.raises(InputError, match="did you mean 'query'"):
        questions.write(folder, index.record, corpus, "qury")
