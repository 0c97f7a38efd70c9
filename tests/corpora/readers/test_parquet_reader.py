from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedworks.errors import InputError
from helpers.sources import read_all

TABLE = pa.table({"text": [f"row {i}" for i in range(3000)], "n": list(range(3000))})


def test_it_reads_what_was_written(tmp_path):
    pq.write_table(TABLE.slice(0, 2000), tmp_path / "a.parquet")
    pq.write_table(TABLE.slice(2000), tmp_path / "b.parquet")
    assert read_all(tmp_path) == TABLE.to_pylist()


def test_a_dictionary_is_read_as_its_values(tmp_path):
    table = pa.table({"text": pa.array(["a", "b", "a"]).dictionary_encode()})
    pq.write_table(table, tmp_path / "a.parquet")
    assert read_all(tmp_path / "a.parquet") == [{"text": "a"}, {"text": "b"}, {"text": "a"}]


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "other"])
def test_a_damaged_file_is_named(tmp_path, damage):
    file = tmp_path / "a.parquet"
    pq.write_table(TABLE, file, write_page_checksum=True, compression=None)
    data = file.read_bytes()
    middle = len(data) // 2
    changed = {
        "cut": data[:-5],
        "flip": data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :],
        "empty": b"",
        "other": b"not a parquet file at all",
    }
    file.write_bytes(changed[damage])
    with pytest.raises(InputError, match=r"a\.parquet: not readable as parquet"):
        read_all(file)


def test_no_altered_byte_of_a_page_changes_or_loses_a_row(tmp_path):
    file = tmp_path / "a.parquet"
    table = TABLE.slice(0, 20)
    pq.write_table(table, file, write_page_checksum=True)
    data = file.read_bytes()
    pages_end = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    refused = 0
    for place in range(4, pages_end):
        # 0x15 turns the number of values in a page's header into one that Arrow stops at without an error.
        file.write_bytes(data[:place] + bytes([data[place] ^ 0x15]) + data[place + 1 :])
        try:
            assert read_all(file) == table.to_pylist()
        except InputError:
            refused += 1
    assert refused > pages_end / 2
