"""The helper's index, asked as a user would."""

from __future__ import annotations

import pytest

from embedworks.embedder import Embedder
from embedworks.vectors.table import Table
from helpers.indexes import SMALL, small_index, texts


@pytest.fixture(scope="module", params=["lance", "parquet"])
def index(request, tmp_path_factory):
    return small_index(tmp_path_factory.mktemp("index"), layout=request.param)


def test_a_text_finds_itself_and_its_copy_first(index):
    table = Table.open(index.path)
    rows = texts()
    vectors = Embedder.load(index.record.folder).encode([rows[0]["text"], rows[7]["text"]]).numpy()
    found = table.search(vectors, 3)
    assert found.exact
    assert found.ids[0][:2].tolist() == [0, len(rows) - 1]  # equal scores: the smaller id first
    assert found.ids[1][0] == 7
    assert found.rows[1][0] == rows[7]
    assert found.scores[1][0] == pytest.approx(1, abs=1e-5)


def test_a_smaller_size_is_another_column(index):
    table = Table.open(index.path)
    size = table.size(*SMALL)
    assert size.column == "vector_2x16"
    model = Embedder.load(index.record.folder)
    vectors = model.encode([texts()[11]["text"]], layers=2, dimensions=16).numpy()
    found = table.search(vectors, 1, size=size, where={"topic": texts()[11]["topic"]}, columns=["title"])
    assert found.ids[0].tolist() == [11]
    assert found.rows[0] == [{"title": texts()[11]["title"]}]


def test_the_map_has_every_row_in_the_unit_square_with_its_group(index):
    points = Table.open(index.path).map()
    rows = texts()
    assert points["id"].to_pylist() == list(range(len(rows)))
    assert points["group"].to_pylist() == [row["topic"] for row in rows]
    assert points["text"].to_pylist() == [row["text"] for row in rows]
    for axis in ("x", "y"):
        values = points[axis].to_numpy()
        assert (values.min(), values.max()) == (0, pytest.approx(1))


def test_questions_name_every_row_of_the_right_content(index):
    asked = Table.open(index.path).questions()
    rows = texts()
    assert len(asked) == 12
    assert len({one["query"] for one in asked}) == 12
    for one in asked:
        contents = {rows[number]["text"] for number in one["relevant"]}
        assert len(contents) == 1
        assert one["query"] in {rows[number]["query"] for number in one["relevant"]}
        assert one["relevant"] == [i for i, row in enumerate(rows) if row["text"] in contents]
