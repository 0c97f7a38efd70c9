"""``--profile NAME``: makes a job's data that of one of its other sizes, before it is validated."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from embedworks.errors import InputError
from embedworks.jobs.overrides import apply_overrides, stage_names
from embedworks.jobs.schema import JobProfile
from embedworks.jobs.source import SourceMap
from embedworks.jobs.validate import validate_block


def apply_profile(data: dict[str, Any], source: SourceMap, name: str) -> SourceMap:
    """Make a job's data that of one of its profiles, in place; the job's name then ends with it.

    Args:
        data: A job's data.
        source: Where it came from.
        name: One of its ``profiles``.

    Returns:
        The source map that names ``--set`` for what the profile set.

    Raises:
        InputError: for a profile that there is not, or one that cannot be applied.
    """
    profiles = data.get("profiles") or {}
    if name not in profiles:
        raise InputError(
            f"the job has no profile {name!r}",
            where=source.file,
            expected=f"one of {', '.join(profiles)}" if profiles else "no --profile: the file has none",
            name=name,
            known=profiles,
        )
    profile = validate_block(JobProfile, profiles[name], source, ("profiles", name))
    known = stage_names(data.get("stages"))
    for stage in profile.without:
        if stage not in known:
            where = source.locate(("profiles", name, "without"))
            raise InputError(f"the job has no stage {stage!r}", where=where, name=stage, known=known)
    source = apply_overrides(data, source, _settings(profile))
    data["name"] = f"{data.get('name', '')}-{name}"
    return _left_out(data, source, profile.without)


def _settings(profile: JobProfile) -> Iterator[str]:
    """``path=value`` for each key; one of several stages, ``left,right.steps``, stands for each of them."""
    for key, value in profile.set.items():
        stages, dot, rest = key.partition(".")
        for stage in stages.split(","):
            yield f"{stage}{dot}{rest}={json.dumps(value)}"


def _left_out(data: dict[str, Any], source: SourceMap, stages: Collection[str]) -> SourceMap:
    """Take stages out; the places of those behind them move."""
    kept = [n for n, stage in enumerate(stage_names(data.get("stages"))) if stage not in stages]
    data["stages"] = [data["stages"][number] for number in kept]
    return source.moved(("stages",), kept)
