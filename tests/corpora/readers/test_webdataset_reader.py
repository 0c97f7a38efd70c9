from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from embedworks.errors import InputError
from helpers.sources import read_all


def write_tar(file: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(file, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file


MEMBERS = {
    "a/1.txt": b"ein Hund",
    "a/1.png": b"\x89PNG\x00",
    "a/1.cls": b"3",
    "a/2.txt": b"cat",
    "a/2.seg.png": b"\x00\xff",
}
ROWS = [
    {"__key__": "a/1", "txt": "ein Hund", "png": b"\x89PNG\x00", "cls": 3, "seg.png": None},
    {"__key__": "a/2", "txt": "cat", "png": None, "cls": None, "seg.png": b"\x00\xff"},
]


def test_files_that_share_a_name_are_a_row(tmp_path):
    file = write_tar(tmp_path / "a.tar", MEMBERS)
    assert read_all(file) == ROWS
    (tmp_path / "b.tar.gz").write_bytes(gzip.compress(file.read_bytes()))
    assert read_all(tmp_path / "b.tar.gz") == ROWS


def test_a_file_that_was_cut_anywhere_is_named(tmp_path):
    whole = write_tar(tmp_path / "a.tar", MEMBERS).read_bytes()
    content = 512 * 2 * len(MEMBERS)
    for size in (0, 100, 512, 1024, 1100, 2048, content - 1, content):
        (tmp_path / "a.tar").write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"a\.tar"):
            read_all(tmp_path / "a.tar")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a.cls": b"three"}, r"a\.tar, a\.cls: not a whole number"),
        ({"a.txt": b"\xff"}, r"a\.tar, a\.txt: not UTF-8"),
        ({"a.txt": b"x", "a.TXT": b"y"}, r"a\.tar: 'a\.TXT' is there twice"),
    ],
)
def test_a_bad_member_is_named(tmp_path, members, message):
    with pytest.raises(InputError, match=message):
        read_all(write_tar(tmp_path / "a.tar", members))
