"""What ``serve status`` prints of the indexes that are served."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from embedworks.cli.serve_versions import when


def lines(indexes: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A line an index, and one for a version that does not answer although the index names it."""
    for name, about in indexes.items():
        if about["version"] is None:
            yield f"index {name}: no replica says what it holds, {about['path']}"
            continue
        yield (
            f"index {name}: version {about['version']} since {when(about['since'])}, "
            f"{about['rows']:,} rows, {about['model']}"
        )
        others = {
            version: count for version, count in about["versions"].items() if version != about["version"]
        }
        for version, count in others.items():
            yield f"  {count} replicas still at {version}"
        if trouble := about["trouble"]:
            which = trouble["version"] or "its record"
            yield f"  not taken {when(trouble['since'])}: {which}: {trouble['reason']}"
