from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest

from embedworks.corpora.readers._rows import FIRST_ROWS, TABLE_ROWS
from embedworks.errors import InputError
from helpers.sources import read_all

ROWS = [{"q": "007", "n": 1, "tags": ["a"]}, {"q": "2024-01-01", "n": 2, "tags": []}]


def lines(*rows: object) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def write(file: Path, data: bytes) -> Path:
    if file.suffix == ".gz":
        data = gzip.compress(data)
    elif file.suffix == ".zst":
        data = pa.compress(data, codec="zstd", asbytes=True)
    file.write_bytes(data)
    return file


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.jsonl.gz", "a.jsonl.zst"])
def test_values_come_back_as_they_were_and_dates_stay_text(tmp_path, name):
    assert read_all(write(tmp_path / name, lines(*ROWS) + b"\n")) == ROWS


def test_a_key_that_comes_late_or_goes_is_null_elsewhere(tmp_path):
    file = write(tmp_path / "a.jsonl", lines({"a": 1}, {"b": "x"}, {"a": 2.5}))
    assert read_all(file) == [{"a": 1.0, "b": None}, {"a": None, "b": "x"}, {"a": 2.5, "b": None}]


def test_memory_is_bounded_by_tables(tmp_path):
    from embedworks.corpora.readers import find_files, read_options, read_tables

    file = write(tmp_path / "a.jsonl", lines(*({"n": n} for n in range(FIRST_ROWS + TABLE_ROWS + 1))))
    found = find_files(str(file))
    tables = list(read_tables(found.files[0], "jsonl", read_options("jsonl", {})))
    assert [table.num_rows for table in tables] == [FIRST_ROWS, TABLE_ROWS, 1]


def test_a_named_type_holds_even_where_the_key_is_missing(tmp_path):
    file = write(tmp_path / "a.jsonl", lines({"a": 1}, {"a": 2}))
    assert read_all(file, types="a:double,b:string") == [{"a": 1.0, "b": None}, {"a": 2.0, "b": None}]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (lines(*ROWS) + b'{"q": \n', r"a\.jsonl:3: not JSON"),
        (lines(*ROWS) + b"{}\n", r"a\.jsonl:3: an object without keys"),
        (lines(*ROWS) + b"[1]\n", r"a\.jsonl:3: list .* expected an object"),
        (b"\n" + lines(*ROWS, {"q": 3}), r"a\.jsonl:4: column 'q' has '3'"),
        (lines({"n": 1}, {"n": 2**70}), r"a\.jsonl:2: column 'n'"),
    ],
)
def test_a_bad_line_is_named(tmp_path, data, message):
    with pytest.raises(InputError, match=message):
        read_all(write(tmp_path / "a.jsonl", data))


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst"])
def test_a_compressed_file_that_was_cut_short_is_named(tmp_path, name):
    file = write(tmp_path / name, lines(*({"text": str(n) * 9} for n in range(500))))
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(InputError, match=f"{name}: not readable as jsonl"):
        read_all(file)


def test_a_mark_before_the_first_line_is_no_part_of_it(tmp_path):
    assert read_all(write(tmp_path / "a.jsonl.gz", b"\xef\xbb\xbf" + lines(*ROWS))) == ROWS
