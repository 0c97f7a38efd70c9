from __future__ import annotations

import gzip

import pytest

from embedworks.errors import InputError
from helpers.sources import read_all

TEXT = 'id,text\n007,"a\nb"\n8,\n'
ROWS = [{"id": "007", "text": "a\nb"}, {"id": "8", "text": ""}]


def test_every_value_is_text_as_it_stands(tmp_path):
    (tmp_path / "a.csv").write_text(TEXT)
    assert read_all(tmp_path / "a.csv") == ROWS


def test_tabs_and_compression_follow_from_the_name(tmp_path):
    (tmp_path / "a.tsv.gz").write_bytes(gzip.compress(TEXT.replace(",", "\t").encode()))
    assert read_all(tmp_path / "a.tsv.gz") == ROWS


def test_options(tmp_path):
    (tmp_path / "a.csv").write_text("1;x\n2;y\n")
    rows = read_all(tmp_path / "a.csv", delimiter=";", names="n,t", types="n:int64")
    assert rows == [{"n": 1, "t": "x"}, {"n": 2, "t": "y"}]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a,b\n1,2\n1,2,3\n", {}, r"a\.csv: .*Row #3: Expected 2 columns, got 3"),
        ("a,b\n1,2\nx,2\n", {"types": "a:int64"}, r"a\.csv: .*Row #3: .*invalid value 'x'"),
        ("a,b\n1,2\n", {"types": "c:int64"}, r"a\.csv: no column 'c'"),
        ("a,b\n1,2\n", {"types": "a:integer"}, "cannot be of type 'integer'"),
        ("a,a\n1,2\n", {}, r"a\.csv: two columns are called 'a'"),
        ("", {}, r"a\.csv: Empty CSV file"),
    ],
)
def test_a_bad_file_is_named_with_its_row(tmp_path, text, options, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_all(tmp_path / "a.csv", **options)


def test_bytes_that_are_not_utf8_are_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"a,b\n\xff,2\n")
    with pytest.raises(InputError, match=r"a\.csv: .*UTF8"):
        read_all(tmp_path / "a.csv")
