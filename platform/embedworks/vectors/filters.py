"""Conditions on the kept columns, checked against their types: as SQL for Lance, as a mask in memory.

    {"topic": "lists", "year": {"gte": 2020}, "kind": ["how-to", "reference"]}

All must hold. Nothing a user writes reaches the SQL unquoted: columns are ones that exist, numbers are
Python's own, strings have their quotes doubled.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from embedworks.errors import InputError
from embedworks.vectors.records import KEY

Filter = Mapping[str, Any]

COMPARISONS: dict[str, tuple[str, Callable[..., Any]]] = {
    "gt": (">", pc.greater),
    "gte": (">=", pc.greater_equal),
    "lt": ("<", pc.less),
    "lte": ("<=", pc.less_equal),
    "ne": ("!=", pc.not_equal),
}
MOST_VALUES = 10_000
LARGEST, LEAST = sys.float_info.max, -(2**63)
_FORM = 'a value, a list of values, or {"gt"|"gte"|"lt"|"lte"|"ne": value}'


@dataclass(frozen=True)
class Condition:
    """One comparison of a column: ``word`` is ``in`` or one of :data:`COMPARISONS`."""

    column: str
    word: str
    values: tuple[Any, ...]

    def sql(self) -> str:
        """As Lance reads it. A row without a value passes none."""
        name = f"`{self.column}`"
        if self.word == "in":
            return f"{name} IN ({', '.join(map(_literal, self.values))})" if self.values else "false"
        return f"{name} {COMPARISONS[self.word][0]} {_literal(self.values[0])}"

    def mask(self, column: pa.ChunkedArray) -> NDArray[np.bool_]:
        """``(N,)`` whether each value passes."""
        if self.word == "in":
            found = pc.is_in(column, value_set=pa.array(self.values, column.type))
        else:
            found = COMPARISONS[self.word][1](column, pa.scalar(self.values[0], column.type))
        whole: NDArray[np.bool_] = np.asarray(pc.fill_null(found, False).to_numpy(zero_copy_only=False))
        return whole


def filterable(schema: pa.Schema) -> list[str]:
    """The columns that conditions may name: numbers, strings and truth values, no vectors."""
    return [field.name for field in schema if field.name != KEY and _kind(field.type)]


def read_filter(where: Filter | None, schema: pa.Schema) -> list[Condition]:
    """The conditions of a filter, each checked.

    Raises:
        InputError: for an unknown column or comparison, naming the nearest; or a value of another type.
    """
    if where is not None and not isinstance(where, Mapping):
        raise InputError("a filter is a mapping of columns", where="filter", expected=f"column: {_FORM}")
    known = filterable(schema)
    conditions: list[Condition] = []
    for column, asked in (where or {}).items():
        if column not in known:
            raise InputError(
                f"there is no column {column!r} to filter by",
                where="filter",
                expected=f"one of {', '.join(known)}",
                name=str(column),
                known=known,
            )
        if "`" in column:
            raise InputError(f"column {column!r} cannot be filtered by", expected="a name without `")
        conditions += _conditions(column, asked, schema.field(column).type)
    return conditions


def sql(conditions: Sequence[Condition]) -> str | None:
    """All conditions as one; None where there is none."""
    return " AND ".join(f"({condition.sql()})" for condition in conditions) or None


def _conditions(column: str, asked: Any, kind: pa.DataType) -> list[Condition]:
    if isinstance(asked, Mapping):
        if not asked:
            raise InputError("says nothing", where=f"filter.{column}", expected=_FORM)
        return [_compare(column, word, value, kind) for word, value in asked.items()]
    values = asked if isinstance(asked, list | tuple) else [asked]
    if len(values) > MOST_VALUES:
        raise InputError(
            f"{len(values)} values are too many",
            where=f"filter.{column}",
            expected=f"at most {MOST_VALUES}",
        )
    return [Condition(column, "in", tuple(_checked(column, value, kind) for value in values))]


def _compare(column: str, word: Any, value: Any, kind: pa.DataType) -> Condition:
    if word not in COMPARISONS:
        raise InputError(
            f"unknown comparison {word!r}",
            where=f"filter.{column}",
            expected=f"one of {', '.join(COMPARISONS)}",
            name=str(word),
            known=COMPARISONS,
        )
    return Condition(column, word, (_checked(column, value, kind),))


def _kind(kind: pa.DataType) -> str | None:
    """What a value for this type must be, in words; None for types that cannot be filtered by."""
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "a string"
    if pa.types.is_boolean(kind):
        return "true or false"
    if pa.types.is_integer(kind):
        return "an integer"
    return "a number" if pa.types.is_floating(kind) else None


def _checked(column: str, value: Any, kind: pa.DataType) -> Any:
    """The value, if the column can hold it."""
    wanted = _kind(kind)
    if not _fits(value, kind):
        expected = f"{wanted} that {kind} holds" if wanted == "an integer" else wanted
        raise InputError(f"{value!r:.80} does not fit", where=f"filter.{column}", expected=expected)
    return float(value) if wanted == "a number" else value


def _fits(value: Any, kind: pa.DataType) -> bool:
    if isinstance(value, bool):
        return bool(pa.types.is_boolean(kind))
    if isinstance(value, str):
        return _kind(kind) == "a string" and "\0" not in value
    if isinstance(value, int) and pa.types.is_integer(kind):
        return _in_range(value, kind)
    # False for what is not finite, and for whole numbers that no float holds.
    return isinstance(value, int | float) and _kind(kind) == "a number" and abs(value) <= LARGEST


def _in_range(value: int, kind: pa.DataType) -> bool:
    signed = pa.types.is_signed_integer(kind)
    low, high = (
        (-(1 << kind.bit_width - 1), 1 << kind.bit_width - 1) if signed else (0, 1 << kind.bit_width)
    )
    return bool(low <= value < high)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if value == LEAST:  # the parser reads the number before its sign, and that does not fit
        return f"({LEAST + 1} - 1)"
    return repr(value)
