from __future__ import annotations

import pytest

from embedworks.corpora.manifest import MANIFEST_FILE, Manifest, Shard
from embedworks.errors import InputError


def shard(file: str, rows: int = 3, digit: str = "a") -> Shard:
    return Shard(file=file, rows=rows, bytes=10, sha256=digit * 64)


def manifest(**changes) -> Manifest:
    values = {
        "name": "pairs",
        "columns": {"query": "string", "count": "int64"},
        "splits": {
            "train": [shard("train-00000.parquet"), shard("train-00001.parquet", 2, "b")],
            "test": [shard("test-00000.parquet", 1, "c")],
        },
    }
    return Manifest(**{**values, **changes})


def test_round_trip_keeps_everything_and_leaves_no_other_file(tmp_path):
    before = manifest(description="d", source="s", licence="l", split_rule="r")
    before.save(tmp_path)
    assert Manifest.load(tmp_path) == before
    assert [file.name for file in tmp_path.iterdir()] == [MANIFEST_FILE]


def test_rows_are_summed_by_split():
    assert manifest().rows("train") == 5
    with pytest.raises(InputError, match="did you mean 'train'"):
        manifest().rows("trian")


def test_digest_depends_on_content_alone():
    first = manifest().digest
    assert manifest(name="other", description="words", licence="l").digest == first
    splits = manifest().splits
    assert manifest(splits=dict(reversed(splits.items()))).digest == first
    assert manifest(splits={"train": splits["test"], "test": splits["train"]}).digest != first
    assert manifest(splits={**splits, "train": splits["train"][::-1]}).digest != first
    assert manifest(columns={"query": "string", "count": "int32"}).digest != first


def test_a_manifest_cannot_point_outside_its_folder():
    for file in ("../secret.parquet", "/etc/passwd", "sub/train.parquet", ".."):
        with pytest.raises(ValueError, match="without folders"):
            shard(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "JSON"), ('{"name": "x", "columns": {}}', "splits"), ('{"nme": 1}', "manifest.json")],
)
def test_an_unreadable_manifest_says_where(tmp_path, text, message):
    (tmp_path / MANIFEST_FILE).write_text(text)
    with pytest.raises(InputError, match=message):
        Manifest.load(tmp_path)


def test_missing_folder_and_missing_manifest_are_told_apart(tmp_path):
    with pytest.raises(InputError, match="no corpus folder"):
        Manifest.load(tmp_path / "none")
    with pytest.raises(InputError, match=r"has no manifest\.json"):
        Manifest.load(tmp_path)


def test_a_manifest_from_before_statistics_still_loads(tmp_path):
    (tmp_path / MANIFEST_FILE).write_text(
        '{"name": "old", "description": "", "source": "", "licence": "", "split_rule": "", '
        '"columns": {"query": "string"}, "splits": {"train": [{"file": "train-00000.parquet", '
        f'"rows": 3, "bytes": 10, "sha256": "{"a" * 64}"}}]}}}}'
    )
    loaded = Manifest.load(tmp_path)
    assert (loaded.rows("train"), loaded.statistics) == (3, {})


def test_a_shard_elsewhere_is_known_by_its_footer():
    elsewhere = Shard(file="s3://bucket/a.parquet", rows=3, bytes=10, footer_sha256="b" * 64)
    splits = {"train": [elsewhere]}
    assert (
        manifest(splits=splits).digest != manifest(splits={"train": [shard("a.parquet", digit="b")]}).digest
    )
    for hashes in ({}, {"sha256": "a" * 64, "footer_sha256": "b" * 64}):
        with pytest.raises(ValueError, match="either sha256 or footer_sha256"):
            Shard(file="a.parquet", rows=3, bytes=10, **hashes)
