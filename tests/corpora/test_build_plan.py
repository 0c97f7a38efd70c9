from __future__ import annotations

from pathlib import Path

import pytest

from embedworks.corpora.build_options import BuildOptions, corpus_name
from embedworks.corpora.build_plan import make_plan
from embedworks.errors import InputError
from helpers.sources import question_files


@pytest.fixture
def source(tmp_path) -> Path:
    return question_files(tmp_path / "questions")


def plan(source: Path, **options):
    return make_plan(BuildOptions(source=str(source), **options))


def test_parts_follow_from_the_files_alone(source):
    one, many = plan(source), plan(source, part_bytes=1)
    assert [len(part.files) for part in one.parts] == [4]
    assert [[file.place.name for file in part.files] for part in many.parts] == [
        [f"00{n}.jsonl"] for n in range(4)
    ]
    assert plan(source, part_bytes=1) == many


def test_a_part_is_another_when_its_files_or_its_options_are(source):
    before = plan(source, part_bytes=1)
    (source / "002.jsonl").write_text((source / "002.jsonl").read_text() * 2)
    after = plan(source, part_bytes=1)
    same = [a.identity == b.identity for a, b in zip(before.parts, after.parts, strict=True)]
    assert same == [True, True, False, True]
    other = plan(source, part_bytes=1, shard_rows=5)
    assert not {part.identity for part in other.parts} & {part.identity for part in after.parts}
    named = plan(source, part_bytes=1, name="x", licence="MIT")
    assert [part.identity for part in named.parts] == [part.identity for part in after.parts]


def test_types_hold_what_all_files_have(source):
    # The first file has whole numbers, the others fractions.
    assert str(plan(source).layout.schema.field("score").type) == "double"
    (source / "zzz.jsonl").write_text('{"question": 3}\n')
    with pytest.raises(InputError, match=r"zzz\.jsonl: its columns do not go with"):
        plan(source)


def test_columns_are_renamed_and_the_rest_is_left_out_or_kept(source):
    columns = {"query": "question", "positive": "answer"}
    layout = plan(source, columns=columns).layout
    assert (layout.schema.names, layout.dropped) == (["query", "positive"], ["topic", "score"])
    layout = plan(source, columns=columns, keep_all=True).layout
    assert (layout.schema.names, layout.dropped) == (["query", "positive", "topic", "score"], [])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": {"query": "qstion"}}, "did you mean 'question'"),
        ({"columns": {"topic": "question"}, "keep_all": True}, "two columns would be called 'topic'"),
        ({"splits": {"test": 0.1}, "split_by": "topics"}, "did you mean 'topic'"),
        ({"splits": {"test": 1}}, "share 1"),
        ({"options": {"type": "a:int64"}}, "did you mean 'types'"),
        ({"format": "json"}, "did you mean 'jsonl'"),
    ],
)
def test_what_is_not_there_is_named_with_the_nearest(source, options, message):
    with pytest.raises(InputError, match=message):
        plan(source, **options)


def test_files_without_rows_are_no_corpus(tmp_path):
    (tmp_path / "a.jsonl").write_text("\n")
    with pytest.raises(InputError, match="has no rows"):
        plan(tmp_path)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("s3://bucket/docs/*.parquet", "bucket-docs"),
        ("s3://bucket/docs?region=x", "bucket-docs"),
        ("hf://datasets/owner/Name", "owner-name"),
        ("/data/a.jsonl", "a-jsonl"),
        ("/", "corpus"),
    ],
)
def test_a_corpus_is_called_like_its_source(source, name):
    assert corpus_name(source) == name
