from __future__ import annotations

import gzip

import pytest

from embedworks.errors import InputError
from helpers.sources import read_all


def test_a_row_a_line(tmp_path):
    (tmp_path / "a.txt").write_bytes("one\r\n\n  two\nthree ü".encode())
    assert read_all(tmp_path / "a.txt") == [{"text": "one"}, {"text": "  two"}, {"text": "three ü"}]


def test_a_row_a_file(tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.txt.gz").write_bytes(gzip.compress(f"{name}\n\n{name}\n".encode()))
    expected = [{"text": f"{name}\n\n{name}\n", "file": f"{name}.txt.gz"} for name in ("a", "b")]
    assert read_all(tmp_path, rows="file") == expected


@pytest.mark.parametrize(("rows", "where"), [("line", r"a\.txt:2"), ("file", r"a\.txt")])
def test_bytes_that_are_not_utf8_are_named(tmp_path, rows, where):
    (tmp_path / "a.txt").write_bytes(b"one\n\xff\n")
    with pytest.raises(InputError, match=f"{where}: not UTF-8"):
        read_all(tmp_path / "a.txt", rows=rows)


@pytest.mark.parametrize("rows", ["line", "file"])
def test_a_mark_before_the_text_is_no_part_of_it(tmp_path, rows):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone")
    assert read_all(tmp_path / "a.txt", rows=rows)[0]["text"] == "one"
