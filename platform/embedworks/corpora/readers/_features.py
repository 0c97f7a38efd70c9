"""What Hugging Face datasets writes beside Arrow's types: class names and images, as plain columns."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from embedworks.errors import InputError

KEY = b"huggingface"


def plain(table: pa.Table, file: str) -> pa.Table:
    """Class numbers as their names, images and sounds as their bytes, dictionaries as their values.

    Raises:
        InputError: for an image that is only a path, which nobody but its writer can open.
    """
    features = _features(table.schema)
    columns = [
        _plain(table[name], features.get(name, {}), f"{file}, {name!r}") for name in table.column_names
    ]
    return pa.table(columns, schema=plain_schema(table.schema))


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The schema of what :func:`plain` gives."""
    features = _features(schema)
    return pa.schema([pa.field(f.name, _plain_type(f.type, features.get(f.name, {}))) for f in schema])


def _features(schema: pa.Schema) -> dict[str, Any]:
    written = (schema.metadata or {}).get(KEY)
    features = (json.loads(written).get("info") or {}).get("features") if written else None
    return {name: value for name, value in (features or {}).items() if isinstance(value, dict)}


def _plain_type(kind: pa.DataType, feature: dict[str, Any]) -> pa.DataType:
    if feature.get("_type") == "ClassLabel" and feature.get("names"):
        return pa.string()
    if _is_media(kind, feature):
        return pa.binary()
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _plain(column: pa.ChunkedArray, feature: dict[str, Any], where: str) -> pa.ChunkedArray:
    if feature.get("_type") == "ClassLabel" and feature.get("names"):
        # The library writes -1 for a label that is not known.
        known = pc.if_else(pc.equal(column, -1), None, column)
        return pa.chunked_array([pc.take(pa.array(feature["names"], pa.string()), known.combine_chunks())])
    if _is_media(column.type, feature):
        data = pc.struct_field(column, "bytes")
        if pc.any(pc.and_(pc.is_null(data), pc.is_valid(pc.struct_field(column, "path")))).as_py():
            raise InputError(
                "holds paths and not the files themselves", where=where, expected="embedded bytes"
            )
        return data
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _is_media(kind: pa.DataType, feature: dict[str, Any]) -> bool:
    return feature.get("_type") in ("Image", "Audio") and pa.types.is_struct(kind)
