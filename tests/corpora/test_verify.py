from __future__ import annotations

import json
import logging
import pickle
from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest

from embedworks.corpora.corpus import Corpus, open_corpus
from embedworks.corpora.manifest import Manifest
from embedworks.corpora.verify import check_corpus
from embedworks.errors import InputError
from helpers.pairs import pair_corpus
from helpers.sources import web_server

BAD = "train-00001.parquet"  # rows 32 to 63 of 96


@pytest.fixture
def folder(tmp_path) -> Path:
    return pair_corpus(tmp_path / "pairs")


def damage(folder: Path, how: str) -> None:
    file = folder / BAD
    data = file.read_bytes()
    if how == "delete":
        file.unlink()
    elif how == "truncate":
        file.write_bytes(data[:-9])
    elif how == "footer":
        file.write_bytes(data[:-3] + b"XX1")
    else:
        pq.write_table(pq.read_table(file).slice(1), file)


@pytest.mark.parametrize("how", ["delete", "truncate", "footer", "rewrite"])
def test_a_bad_shard_is_found_before_a_row_is_read(folder, how):
    damage(folder, how)
    with pytest.raises(InputError, match=rf"pairs: bad shard {BAD}"):
        open_corpus(folder, on_bad_shard="stop")


@pytest.mark.parametrize("how", ["delete", "truncate", "footer", "rewrite"])
def test_a_bad_shard_can_be_left_out_and_is_told(folder, how, caplog):
    before = open_corpus(folder)
    everything = list(before.iter_rows("train"))
    damage(folder, how)
    with caplog.at_level(logging.WARNING):
        corpus = open_corpus(folder, on_bad_shard="quarantine")
    (bad,) = corpus.quarantined
    assert (bad.split, bad.rows, bad.problem.shard) == ("train", 32, BAD)
    assert f"left out {bad.problem}: 32 rows of train" in caplog.text
    assert list(corpus.iter_rows("train")) == everything[:32] + everything[64:]
    assert corpus.rows("train") == 64
    assert corpus.digest != before.digest
    assert set(corpus.manifest.statistics) == {"test"}


def test_whoever_unpickles_it_reads_the_same_rows(folder):
    damage(folder, "delete")
    corpus = open_corpus(folder, on_bad_shard="quarantine")
    again = pickle.loads(pickle.dumps(corpus))
    assert again.rows("train") == 64
    assert again.quarantined == corpus.quarantined
    assert Corpus(folder).rows("train") == 96


def test_nothing_is_left_out_where_all_is_well(folder):
    corpus = open_corpus(folder, on_bad_shard="quarantine")
    assert corpus.quarantined == ()
    assert corpus.digest == open_corpus(folder).digest


def test_a_corpus_of_bad_shards_alone_is_refused(folder):
    for file in folder.glob("*.parquet"):
        file.unlink()
    with pytest.raises(InputError, match="has no rows"):
        open_corpus(folder, on_bad_shard="quarantine")


def in_memory(folder: Path) -> str:
    memory = fsspec.filesystem("memory")
    if memory.exists("/verify"):
        memory.rm("/verify", recursive=True)
    memory.pipe({f"/verify/pairs/{file.name}": file.read_bytes() for file in folder.iterdir()})
    return "memory://verify/pairs"


def test_a_corpus_in_memory_reads_and_checks_like_one_on_disk(folder):
    corpus = open_corpus(in_memory(folder), on_bad_shard="stop")
    assert corpus.folder == "memory://verify/pairs"
    assert list(corpus.iter_rows("test")) == list(open_corpus(folder).iter_rows("test"))
    assert check_corpus("memory://verify/pairs") == []
    (folder / "train-00009.parquet").write_bytes(b"x")
    damage(folder, "truncate")
    found = {problem.shard: problem.kind for problem in check_corpus(in_memory(folder))}
    assert found == {BAD: "truncated", "train-00009.parquet": "extra"}


def test_a_corpus_in_a_bucket(folder, bucket):
    bucket.upload(folder, "pairs")
    uri = f"{bucket.uri}/pairs"
    assert list(open_corpus(uri).iter_rows("test")) == list(open_corpus(folder).iter_rows("test"))
    assert check_corpus(uri) == []
    bucket.client.put_object(Bucket=bucket.name, Key=f"pairs/{BAD}", Body=b"PAR1")
    (problem,) = check_corpus(uri)
    assert (problem.shard, problem.kind) == (BAD, "truncated")
    assert open_corpus(uri, on_bad_shard="quarantine").rows("train") == 64
    with pytest.raises(InputError, match=r"none has no manifest\.json"):
        open_corpus(f"{bucket.uri}/none").rows("train")


def test_a_corpus_on_a_web_server(folder):
    with web_server(folder.parent) as root:
        assert open_corpus(f"{root}/pairs", on_bad_shard="stop").rows("train") == 96
        assert check_corpus(f"{root}/pairs") == []
        damage(folder, "delete")
        with pytest.raises(InputError, match=rf"shard {root}/pairs/{BAD} is missing"):
            list(open_corpus(f"{root}/pairs").iter_rows("train"))


def test_a_manifest_from_elsewhere_cannot_name_files_of_this_machine(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["splits"]["train"][0]["file"] = "file:///etc/passwd"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert Manifest.load(folder)
    with pytest.raises(InputError, match="names a local file"):
        Manifest.load(in_memory(folder))


@pytest.mark.parametrize("changed", ["binary", "missing"])
def test_a_footer_that_contradicts_the_manifest_is_found(folder, changed):
    shard = folder / BAD
    table = pq.read_table(shard)
    other = (
        table.drop("text")
        if changed == "missing"
        else table.set_column(2, "text", table["text"].cast("binary"))
    )
    pq.write_table(other, shard)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["splits"]["train"][1]["bytes"] = shard.stat().st_size  # all that would tell otherwise
    (folder / "manifest.json").write_text(json.dumps(manifest))
    message = rf"{BAD}.* altered.*column 'text' is {changed}, not string"
    with pytest.raises(InputError, match=message):
        list(open_corpus(folder).iter_rows("train"))
    with pytest.raises(InputError, match=message):
        open_corpus(folder, on_bad_shard="stop")
