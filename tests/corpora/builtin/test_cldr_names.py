from __future__ import annotations

import sys
from collections import Counter

import pyarrow as pa
import pytest

from embedworks.corpora.builtin import cldr_names
from embedworks.errors import InputError


@pytest.fixture(scope="module")
def splits():
    return {split: list(rows) for split, rows in cldr_names.rows(cldr_names.Options()).items()}


@pytest.fixture(scope="module")
def by_id(splits):
    return {row["id"]: row for rows in splits.values() for row in rows}


@pytest.mark.parametrize(
    ("name", "english", "local", "group"),
    [
        ("territory/DE/fr", "Germany", "Allemagne", "Europe"),
        ("territory/ES/de", "Spain", "Spanien", "Europe"),  # its first zone is in Africa
        ("territory/RU/it", "Russia", "Russia", "Europe"),
        ("region/002/es", "Africa", "África", ""),
        ("language/ja/ru", "Japanese", "японский", "Asia"),
        ("script/Cyrl/zh", "Cyrillic", "西里尔文", "Europe"),
        ("currency/NOK/ko", "Norwegian Krone", "노르웨이 크로네", "Arctic"),
        ("unit/length-meter/tr", "meters", "metre", "length"),
        ("city/Europe/Athens/pl", "Athens", "Ateny", "Europe"),
    ],
)
def test_names_and_groups_are_those_of_cldr(by_id, name, english, local, group):
    row = by_id[name]
    assert (row["query"], row["positive"]) == (english, local)
    assert row["group"] == group or name.startswith("currency")


def test_splits_share_no_concept_and_no_name(splits):
    for columns in (("concept",), ("query", "positive")):
        train, test = (
            {row[name].casefold() for row in splits[split] for name in columns} for split in splits
        )
        assert not train & test
    rows = {split: len(found) for split, found in splits.items()}
    assert 0.3 < rows["test"] / sum(rows.values()) < 0.37


def test_every_language_and_kind_has_names_and_no_name_is_a_code(splits, by_id):
    languages = Counter(row["language"] for row in by_id.values())
    assert set(languages) == set(cldr_names.LANGUAGES)
    assert min(languages.values()) > 900
    assert {row["kind"] for row in splits["test"]} == {row["kind"] for row in splits["train"]}
    codes = {"language", "script", "currency", "territory", "region"}
    coded = [row for row in by_id.values() if row["kind"] in codes]
    assert not [row for row in coded if row["positive"] == row["concept"].partition("/")[2]]
    assert sum(map(len, splits.values())) == len(by_id)


def test_missing_names_say_how_to_install_them(monkeypatch):
    monkeypatch.setitem(sys.modules, "babel", None)
    with pytest.raises(InputError, match=r"babel is not installed.*embedworks\[worlds\]"):
        cldr_names.rows(cldr_names.Options())


def test_rows_fit_their_schema_and_another_seed_splits_otherwise(splits):
    assert pa.Table.from_pylist(splits["test"], schema=cldr_names.SCHEMA).num_rows == len(splits["test"])
    other = cldr_names.rows(cldr_names.Options(seed=1))
    assert {row["id"] for row in other["test"]} != {row["id"] for row in splits["test"]}
