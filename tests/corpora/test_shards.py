from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.manifest import Manifest
from embedworks.corpora.shards import check_corpus, write_corpus
from embedworks.errors import InputError

SCHEMA = pa.schema([("text", pa.string()), ("number", pa.int64())])


def rows(count: int) -> list[dict[str, object]]:
    return [{"text": f"row {i} " + "x" * (i % 13), "number": i} for i in range(count)]


def write(folder: Path, count: int = 50, **options) -> Manifest:
    options = {"shard_rows": 20, "row_group_rows": 8, **options}
    return write_corpus(folder, {"train": rows(count), "test": rows(3)}, name="t", schema=SCHEMA, **options)


@given(count=st.integers(1, 60), shard=st.integers(1, 25), group=st.integers(1, 25))
@settings(max_examples=15, deadline=None)
def test_rows_survive_any_cut_into_shards_and_groups(tmp_path_factory, count, shard, group):
    folder = tmp_path_factory.mktemp("cut")
    manifest = write(folder, count, shard_rows=shard, row_group_rows=group)
    assert max(part.rows for part in manifest.splits["train"]) <= shard
    corpus = open_corpus(folder)
    assert list(corpus.iter_rows("train")) == rows(count)
    order = np.random.default_rng(count).permutation(count)
    expected = [rows(count)[i] for i in order]
    assert corpus.read("train", order).to_pylist() == expected


def test_only_the_row_groups_asked_for_are_read(tmp_path, monkeypatch):
    write(tmp_path)
    asked = []
    original = pq.ParquetFile.read_row_groups
    monkeypatch.setattr(
        pq.ParquetFile,
        "read_row_groups",
        lambda self, groups, **kw: asked.append(list(groups)) or original(self, groups, **kw),
    )
    open_corpus(tmp_path).read("train", np.array([17, 0, 16, 17]))
    assert asked == [[0], [0]]  # shards of 16 rows: the first group of each


def test_the_same_rows_give_the_same_digest(tmp_path):
    first, second = write(tmp_path / "a"), write(tmp_path / "b")
    assert first == second
    assert write(tmp_path / "c", 51).digest != first.digest


def test_problems_are_told_apart(tmp_path):
    manifest = write(tmp_path)
    missing, truncated, longer, flipped = (tmp_path / part.file for part in manifest.splits["train"][:4])
    missing.rename(tmp_path / "other.parquet")
    truncated.write_bytes(truncated.read_bytes()[:-1])
    longer.write_bytes(longer.read_bytes() + b"x")
    data = bytearray(flipped.read_bytes())
    data[len(data) // 2] ^= 1
    flipped.write_bytes(data)
    found = {problem.shard: problem.kind for problem in check_corpus(tmp_path)}
    assert found == {
        missing.name: "missing",
        truncated.name: "truncated",
        longer.name: "altered",
        flipped.name: "altered",
        "other.parquet": "extra",
    }


def test_a_flipped_byte_never_gives_wrong_text(tmp_path):
    manifest = write_corpus(tmp_path, {"train": rows(40)}, name="t", schema=SCHEMA)
    file = tmp_path / manifest.splits["train"][0].file
    good, caught = file.read_bytes(), 0
    footer = int.from_bytes(good[-8:-4], "little")
    for place in range(4, len(good) - footer - 8, 7):  # the pages; `shards check` hashes the rest as well
        file.write_bytes(good[:place] + bytes([good[place] ^ 255]) + good[place + 1 :])
        try:
            seen = list(open_corpus(tmp_path).iter_rows("train"))
        except InputError:
            caught += 1
        else:
            assert seen == rows(40)
    assert caught


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": "a"}, "column 'number' is missing"),
        ({"text": "a", "num_ber": 1}, "did you mean 'number'"),
        ({"text": "a", "number": "many"}, "rows 0 to 1 do not fit"),
    ],
)
def test_rows_that_do_not_fit_are_refused_and_nothing_is_left(tmp_path, row, message):
    with pytest.raises(InputError, match=message):
        write_corpus(tmp_path, {"train": [rows(1)[0], row]}, name="t", schema=SCHEMA)
    assert not list(tmp_path.iterdir())


def test_a_build_that_breaks_in_its_second_shard_leaves_no_shard(tmp_path):
    def broken():
        yield from rows(30)
        raise RuntimeError("out of rows")

    with pytest.raises(RuntimeError, match="out of rows"):
        write_corpus(
            tmp_path, {"train": broken()}, name="t", schema=SCHEMA, shard_rows=16, row_group_rows=8
        )
    assert not list(tmp_path.iterdir())


def test_a_corpus_is_never_written_over(tmp_path):
    write(tmp_path)
    with pytest.raises(InputError, match="already holds a corpus"):
        write(tmp_path)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(InputError, match="cut short"):
        write(tmp_path)
