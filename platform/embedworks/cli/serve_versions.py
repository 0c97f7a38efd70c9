"""What ``serve status`` prints of the versions that are served."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any


def lines(models: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A line a model, and one for each thing that is to be known of its versions."""
    for name, about in models.items():
        previous = f", before: {about['previous']}" if about["previous"] else ""
        yield f"{name}: version {about['version']} since {when(about['since'])}{previous}"
        for role in ("canary", "shadow"):
            if part := about.get(role):
                yield f"  {role} {part['version']} for {part['share']:.0%}{_compared(part)}"
        if roll := about["last_roll"]:
            yield f"  last roll {when(roll['at'])}: {roll['before']} to {roll['after']}, {roll['why']}"
        if failure := about["last_failure"]:
            what = f"{failure['role']} {failure['version']}"
            yield f"  not taken {when(failure['at'])}: {what}: {failure['reason'].splitlines()[0]}"
        yield from _followed(about.get("follows"))


def when(seconds: int) -> str:
    """Unix seconds as UTC.

    >>> when(0)
    '1970-01-01 00:00:00Z'
    """
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(seconds))


def _compared(part: Mapping[str, Any]) -> str:
    report = part.get("compared_with_model")
    if not report:
        return ""
    mean = report["cosine"].get("mean")
    cosine = f", mean cosine {mean:.4f}" if mean is not None else ""
    lost = report["failed"] + report["refused"]
    return f"; {report['compared']} compared, {report['dropped']} dropped, {lost} failed{cosine}"


def _followed(follows: Mapping[str, Any] | None) -> Iterator[str]:
    if follows:
        yield f"  follows {follows['source']}"
        for source, trouble in follows["troubles"].items():
            yield f"  cannot see {source} since {when(trouble['since'])}: {trouble['reason']}"
