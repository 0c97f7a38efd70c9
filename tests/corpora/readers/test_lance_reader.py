from __future__ import annotations

import sys

import pyarrow as pa
import pytest

from embedworks.corpora.readers import find_files
from embedworks.errors import InputError
from helpers.sources import read_all


def test_rows_come_fragment_by_fragment(tmp_path):
    lance = pytest.importorskip("lance")
    table = pa.table({"text": [f"row {i}" for i in range(25)]})
    lance.write_dataset(table, str(tmp_path / "a.lance"), max_rows_per_file=10)
    assert len(find_files(str(tmp_path / "a.lance")).files) == 3
    assert read_all(tmp_path / "a.lance") == table.to_pylist()


def test_a_folder_that_only_has_the_name_is_refused(tmp_path):
    pytest.importorskip("lance")
    (tmp_path / "a.lance").mkdir()
    with pytest.raises(InputError, match=r"a\.lance: not a Lance data set"):
        read_all(tmp_path / "a.lance")


def test_a_missing_library_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lance", None)
    with pytest.raises(InputError, match=r"pylance.*embedworks\[data\]"):
        read_all(tmp_path / "a.lance")
