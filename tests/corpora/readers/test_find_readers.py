from __future__ import annotations

import pytest

from embedworks.corpora.readers import find_files, find_reader, format_names, format_of, read_options
from embedworks.errors import InputError


def test_every_format_has_what_a_reader_needs():
    assert len(format_names()) == 8
    for name in format_names():
        reader = find_reader(name)
        assert reader.EXTENSIONS
        assert callable(reader.tables)
        assert reader.__doc__
        for field in reader.Options.model_fields.values():
            assert field.description


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("A.PARQUET", "parquet"),
        ("a.jsonl.zst", "jsonl"),
        ("a.tar.gz", "webdataset"),
        ("a.tsv", "csv"),
        ("a.gz", None),
        ("parquet", None),
    ],
)
def test_the_extension_names_the_format(file, expected):
    assert format_of(file) == expected


def test_a_folder_of_two_formats_is_not_guessed_at(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n')
    (tmp_path / "b.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match=r"holds csv, jsonl files; expected a glob .* --format with"):
        find_files(str(tmp_path))
    found = find_files(str(tmp_path), "csv")
    assert [file.place.name for file in found.files] == ["b.csv"]
    assert found.left_out == (str(tmp_path / "a.jsonl"),)


def test_a_named_format_is_believed_for_a_file_of_any_name(tmp_path):
    (tmp_path / "data.log").write_text("x\n")
    with pytest.raises(InputError, match="no extension that names a format"):
        find_files(str(tmp_path / "data.log"))
    assert find_files(str(tmp_path / "data.log"), "text").files
    assert find_files(str(tmp_path / "*.log"), "text").files


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(InputError, match="did you mean 'parquet'"):
        find_reader("parqet")
    with pytest.raises(InputError, match=r"format csv has no option 'delimitr'.*did you mean 'delimiter'"):
        read_options("csv", {"delimitr": ";"})
    with pytest.raises(InputError, match="option 'rows' of format text"):
        read_options("text", {"rows": "word"})
