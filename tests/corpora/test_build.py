from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import datasets
import pyarrow.parquet as pq
import pytest
from PIL import Image

from embedworks.corpora.build import build_corpus
from embedworks.corpora.build_options import BuildOptions
from embedworks.corpora.build_plan import make_plan
from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.parts import BUILD, build_part, load_record
from embedworks.corpora.readers._rows import FIRST_ROWS
from embedworks.corpora.verify import check_corpus
from embedworks.errors import InputError
from helpers.sources import folder_bytes, question_files, read_all, web_server

PATIENCE_S = 60  # bounds a hang; nothing is measured


@pytest.fixture
def source(tmp_path) -> Path:
    return question_files(tmp_path / "questions")


def options(source: Path, **changes) -> BuildOptions:
    values = {
        "columns": {"query": "question", "positive": "answer", "topic": "topic"},
        "splits": {"test": 0.3},
        "split_by": "topic",
        "shard_rows": 50,
        "part_bytes": 1,
    }
    return BuildOptions(source=str(source), **{**values, **changes})


def test_every_row_comes_once_and_in_order(source, tmp_path):
    build_corpus(options(source, columns={}, splits={}, split_by=None), tmp_path / "out")
    rows = list(open_corpus(tmp_path / "out").iter_rows("train"))
    assert rows == read_all(source)


def test_the_split_keeps_groups_together_and_loses_nothing(source, tmp_path):
    manifest = build_corpus(options(source), tmp_path / "out")
    corpus = open_corpus(tmp_path / "out")
    train, test = (list(corpus.iter_rows(split)) for split in ("train", "test"))
    assert test
    assert not {row["topic"] for row in train} & {row["topic"] for row in test}
    expected = {row["question"]: row["answer"] for row in read_all(source)}
    assert {row["query"]: row["positive"] for row in train + test} == expected
    assert len(train) + len(test) == len(expected)
    assert manifest.split_rule.startswith("by the hash of column 'topic' (seed 0): test 0.3")


def test_without_a_column_equal_rows_stay_together(source, tmp_path):
    (source / "copy.jsonl").write_bytes((source / "000.jsonl").read_bytes())
    manifest = build_corpus(options(source, split_by=None), tmp_path / "out")
    corpus = open_corpus(tmp_path / "out")
    train, test = ({row["query"] for row in corpus.iter_rows(split)} for split in ("train", "test"))
    assert test
    assert not train & test
    assert sum(counts.duplicate_rows for counts in manifest.statistics.values()) == 60


def test_the_manifest_says_what_was_built(source, tmp_path):
    described = options(source, name="questions", licence="MIT", description="Questions.")
    manifest = build_corpus(described, tmp_path / "out")
    assert (manifest.name, manifest.licence, manifest.description) == ("questions", "MIT", "Questions.")
    assert manifest.source == f"{source} (jsonl, 4 files)"
    assert manifest.statistics["train"].rows == manifest.rows("train")
    assert manifest.statistics["train"].text["positive"].vocabulary_estimate == 5
    assert check_corpus(tmp_path / "out") == []
    assert not (tmp_path / "out" / BUILD).exists()


def test_shards_can_be_sought_in(source, tmp_path):
    build_corpus(options(question_files(source, files=1, rows=1000), shard_rows=600), tmp_path / "out")
    groups = pq.read_metadata(tmp_path / "out" / "train-00000-00000.parquet")
    assert groups.row_group(0).num_rows == 256
    assert groups.num_rows == 512  # whole row groups


def test_going_on_builds_only_what_is_missing_and_gives_the_same_bytes(source, tmp_path):
    build_corpus(options(source), tmp_path / "whole")
    plan = make_plan(options(source))
    folder = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        build_corpus(options(source), folder, on_part=_stop_after(2))
    first = folder / "train-00000-00000.parquet"
    written = first.stat().st_mtime_ns
    (folder / "train-00003-00000.parquet").write_bytes(b"left behind")
    (folder / f".train-00002-00000.parquet.{os.getpid()}-x.partial").write_bytes(b"half")
    seen = []
    build_corpus(options(source), folder, on_part=lambda done, parts, rows: seen.append((done, parts)))
    assert seen == [(3, 4), (4, 4)]
    assert first.stat().st_mtime_ns == written
    assert folder_bytes(folder) == folder_bytes(tmp_path / "whole")
    assert len(plan.parts) == 4


def _stop_after(parts: int):
    def on_part(done: int, *_: int) -> None:
        if done == parts:
            raise KeyboardInterrupt

    return on_part


def test_a_file_that_changed_since_is_read_again_and_others_are_not(source, tmp_path):
    folder = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        build_corpus(options(source), folder, on_part=_stop_after(3))
    (source / "001.jsonl").write_text((source / "000.jsonl").read_text())
    seen = []
    build_corpus(options(source), folder, on_part=lambda done, parts, rows: seen.append(done))
    assert seen == [3, 4]
    build_corpus(options(source), tmp_path / "whole")
    assert folder_bytes(folder) == folder_bytes(tmp_path / "whole")


def test_a_part_without_one_of_its_shards_is_not_done(source, tmp_path):
    part = make_plan(options(source)).parts[0]
    (tmp_path / "out" / BUILD).mkdir(parents=True)
    build_part(part, tmp_path / "out")
    assert load_record(part, tmp_path / "out")
    next((tmp_path / "out").glob("train-*.parquet")).unlink()
    assert load_record(part, tmp_path / "out") is None


def test_a_build_that_was_killed_goes_on_to_the_same_bytes(source, tmp_path):
    question_files(source, files=40, rows=400)
    folder = tmp_path / "killed"
    asked = options(source).model_dump_json()
    code = (
        "import sys; from pathlib import Path; from embedworks.corpora.build import build_corpus; "
        "from embedworks.corpora.build_options import BuildOptions; "
        "build_corpus(BuildOptions.model_validate_json(sys.argv[1]), Path(sys.argv[2]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, asked, str(folder)])
    deadline = time.monotonic() + PATIENCE_S
    while len(list(folder.glob(f"{BUILD}/part-*.json"))) < 3:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / "manifest.json").exists()
    before = len(list(folder.glob(f"{BUILD}/part-*.json")))
    seen = []
    build_corpus(options(source), folder, on_part=lambda done, parts, rows: seen.append(done))
    assert len(seen) == 40 - before < 40
    build_corpus(options(source), tmp_path / "whole")
    assert folder_bytes(folder) == folder_bytes(tmp_path / "whole")


def test_a_build_that_was_killed_while_it_cleared_up_is_done(source, tmp_path):
    manifest = build_corpus(options(source), tmp_path / "out")
    (tmp_path / "out" / BUILD).mkdir()
    (tmp_path / "out" / BUILD / "options.json").write_text(options(source).model_dump_json())
    assert build_corpus(options(source), tmp_path / "out") == manifest
    assert not (tmp_path / "out" / BUILD).exists()


def test_a_folder_in_use_is_refused(source, tmp_path):
    build_corpus(options(source), tmp_path / "out")
    with pytest.raises(InputError, match="already holds a corpus"):
        build_corpus(options(source), tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        build_corpus(options(source), tmp_path / "half", on_part=_stop_after(1))
    with pytest.raises(InputError, match=r"begun with seed 0, not 1; expected the same options"):
        build_corpus(options(source, seed=1), tmp_path / "half")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            {"question": "a", "extra": 1},
            r"002\.jsonl, rows 1024 to 1024: column 'extra' is not in the first rows",
        ),
        (
            {"question": "a", "score": "many"},
            r"002\.jsonl, rows 1024 to 1024: column 'score' has string where double",
        ),
    ],
)
def test_a_row_that_does_not_fit_stops_the_build_and_names_the_file(source, tmp_path, line, message):
    rows = [{"question": "a", "answer": "b", "topic": "c", "score": 0.5}] * FIRST_ROWS + [line]
    (source / "002.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(InputError, match=message):
        build_corpus(options(source, columns={}), tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.json").exists()
    assert not list((tmp_path / "out").glob("*-00002-*.parquet"))


def test_from_a_bucket_compressed(source, tmp_path, bucket):
    for file in sorted(source.iterdir()):
        data = gzip.compress(file.read_bytes(), mtime=0)
        bucket.client.put_object(Bucket=bucket.name, Key=f"questions/{file.name}.gz", Body=data)
    build_corpus(options(f"{bucket.uri}/questions/*.jsonl.gz"), tmp_path / "out")
    build_corpus(options(source), tmp_path / "local")
    remote, local = (open_corpus(tmp_path / name) for name in ("out", "local"))
    assert remote.digest == local.digest
    assert remote.manifest.source == f"{bucket.uri}/questions/*.jsonl.gz (jsonl, 4 files)"


def test_from_a_web_server(source, tmp_path):
    with web_server(source) as root:
        build_corpus(options(f"{root}/*.jsonl"), tmp_path / "out")
    build_corpus(options(source), tmp_path / "local")
    assert open_corpus(tmp_path / "out").digest == open_corpus(tmp_path / "local").digest


def test_the_splits_of_a_data_set_are_kept(tmp_path):
    parts = {name: datasets.Dataset.from_dict({"text": [name] * 3}) for name in ("test", "train")}
    datasets.disable_progress_bars()
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "saved")
    plain = options(tmp_path / "saved", columns={}, splits={}, split_by=None)
    manifest = build_corpus(plain, tmp_path / "out")
    assert {split: manifest.rows(split) for split in manifest.splits} == {"test": 3, "train": 3}
    assert [row["text"] for row in open_corpus(tmp_path / "out").iter_rows("test")] == ["test"] * 3


def test_images_of_many_folders_share_the_columns_of_their_metadata(tmp_path):
    for number, label in enumerate(("cat", "dog")):
        (tmp_path / "in" / label).mkdir(parents=True)
        Image.new("RGB", (4, 3)).save(tmp_path / "in" / label / f"{number}.png")
    line = {"file_name": "1.png", "text": "a dog"}
    (tmp_path / "in" / "dog" / "metadata.jsonl").write_text(json.dumps(line) + "\n")
    build_corpus(options(tmp_path / "in", columns={}, splits={}, split_by=None), tmp_path / "out")
    rows = list(open_corpus(tmp_path / "out").iter_rows("train"))
    assert [(row["label"], row["text"]) for row in rows] == [("cat", None), ("dog", "a dog")]


@pytest.mark.parametrize("kept", [{"text": "text"}, {"text": "text", "group": "group"}])
def test_a_group_does_not_leak_where_files_write_its_number_in_two_ways(tmp_path, kept):
    (tmp_path / "in").mkdir()
    for name, kind in (("0", int), ("1", float)):
        rows = [{"text": str(number), "group": kind(number)} for number in range(50)]
        (tmp_path / "in" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    build_corpus(options(tmp_path / "in", columns=kept, split_by="group"), tmp_path / "out")
    corpus = open_corpus(tmp_path / "out")
    train, test = ({row["text"] for row in corpus.iter_rows(split)} for split in ("train", "test"))
    assert test
    assert not train & test
    assert len(train) + len(test) == 50


def test_a_folder_inside_the_source_is_refused(source):
    for folder in (source, source / "deep" / "out"):
        with pytest.raises(InputError, match="is inside the source"):
            build_corpus(options(source), folder)
    assert sorted(file.name for file in source.iterdir()) == [f"{n:03d}.jsonl" for n in range(4)]


def test_a_file_in_place_of_the_folder_is_refused(source, tmp_path):
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(InputError, match=r"cannot make .*; expected a new or empty folder"):
            build_corpus(options(source), folder)


def test_a_column_that_no_shard_can_hold_is_named_before_anything_is_written(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a", "meta": {}}\n')
    whole = options(tmp_path / "a.jsonl", columns={}, splits={}, split_by=None)
    with pytest.raises(InputError, match=r"column 'meta' of .*, struct<>, has no form in Parquet"):
        build_corpus(whole, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    build_corpus(whole.model_copy(update={"columns": {"text": "text"}}), tmp_path / "out")
