from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.shards import check_corpus, write_corpus
from embedworks.errors import InputError
from helpers.pairs import pair_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return open_corpus(pair_corpus(tmp_path_factory.mktemp("corpus") / "pairs"))


@given(st.lists(st.integers(0, 95), max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_rows_come_in_the_order_asked_for(corpus, indices):
    everything = [row["query"] for row in corpus.iter_rows("train")]
    table = corpus.read("train", np.array(indices, dtype=np.int64), ["query"])
    assert table["query"].to_pylist() == [everything[i] for i in indices]


def test_it_pickles_to_its_path(corpus):
    again = pickle.loads(pickle.dumps(corpus))
    assert again.read("test", np.array([3])).to_pylist() == corpus.read("test", np.array([3])).to_pylist()


def test_unknown_names_are_refused_with_the_nearest(corpus):
    with pytest.raises(InputError, match="'train'"):
        corpus.rows("trian")
    with pytest.raises(InputError, match="'query'"):
        corpus.read("train", np.array([0]), ["qurey"])


@pytest.mark.parametrize("fault", ["flip", "truncate", "delete", "extra"])
def test_check_finds_every_kind_of_damage(tmp_path, fault):
    folder = pair_corpus(tmp_path / "pairs")
    shard = folder / "train-00001.parquet"
    data = shard.read_bytes()
    if fault == "flip":
        shard.write_bytes(data[:50] + bytes([data[50] ^ 255]) + data[51:])
    elif fault == "truncate":
        shard.write_bytes(data[:-7])
    elif fault == "delete":
        shard.unlink()
    else:
        (folder / "train-00009.parquet").write_bytes(data)
    (problem,) = check_corpus(folder)
    assert problem.shard.startswith("train-0000")


@pytest.mark.parametrize("damage", ["truncate", "delete"])
def test_reading_a_bad_shard_names_it(tmp_path, damage):
    folder = pair_corpus(tmp_path / "pairs")
    shard = folder / "train-00001.parquet"
    shard.write_bytes(shard.read_bytes()[:-7]) if damage == "truncate" else shard.unlink()
    with pytest.raises(InputError, match=r"train-00001\.parquet"):
        open_corpus(folder).read("train", np.arange(90))


def test_a_broken_build_leaves_nothing_behind(tmp_path, corpus):
    def rows():
        yield {"query": "a", "positive": "b", "text": "c"}
        raise OSError("the source went away")

    with pytest.raises(OSError, match="went away"):
        write_corpus(tmp_path / "c", {"train": rows()}, name="c", schema=corpus.schema)
    assert not list((tmp_path / "c").glob("*")) if (tmp_path / "c").exists() else True


def test_a_corpus_without_rows_is_refused(tmp_path, corpus):
    with pytest.raises(InputError, match="no rows"):
        write_corpus(tmp_path / "empty", {"train": []}, name="empty", schema=corpus.schema)
    folder = pair_corpus(tmp_path / "pairs")
    manifest = corpus.manifest.model_copy(update={"splits": {"train": []}})
    manifest.save(folder)
    with pytest.raises(InputError, match="no rows"):
        open_corpus(folder)


def _from_front_to_back(corpus):
    return list(corpus.iter_rows("train"))


def _by_index(corpus):
    return corpus.read("train", np.arange(20)).to_pylist()


@pytest.mark.parametrize("read", [_from_front_to_back, _by_index])
def test_no_altered_byte_of_a_shard_changes_or_loses_a_row(tmp_path, read):
    folder = pair_corpus(tmp_path / "pairs", rows=20)
    shard = folder / "train-00000.parquet"
    everything = read(open_corpus(folder))
    data = shard.read_bytes()
    refused = 0
    for place in range(len(data)):
        # 0x15 turns the number of values in a page's header into one that Arrow stops at without an error.
        shard.write_bytes(data[:place] + bytes([data[place] ^ 0x15]) + data[place + 1 :])
        try:
            assert read(open_corpus(folder)) == everything
        except InputError:
            refused += 1
    assert refused > len(data) / 2
