"""The space of a search: which stages it touches, whether its values fit, and values drawn from it."""

from __future__ import annotations

import copy
import itertools
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from embedworks.errors import InputError
from embedworks.jobs.load import LoadedJob, build_job
from embedworks.jobs.overrides import apply_overrides
from embedworks.jobs.references import depends_on
from embedworks.jobs.schema import Job, Stage
from embedworks.jobs.search.options import Domain, SpaceOptions
from embedworks.jobs.source import SourceMap

Values = dict[str, Any]

SEED = "seed"


def searched_stages(job: Job) -> tuple[Stage, ...]:
    """The stages that a trial runs: those that the space touches and the score needs, in order."""
    assert job.search is not None
    touched = {key for path in job.search.space for key in _touched(job, path)}
    needed = {job.search.from_}
    for stage in reversed(job.stages):
        if stage.name in needed:
            needed |= depends_on(job, stage)
    for stage in job.stages:
        if depends_on(job, stage) & touched:
            touched.add(stage.name)
    return tuple(stage for stage in job.stages if stage.name in touched & needed)


def before_search(job: Job) -> tuple[Stage, ...]:
    """The stages that trials need but the space does not touch: they run once."""
    searched = {stage.name for stage in searched_stages(job)}
    needed = set(searched)
    for stage in reversed(job.stages):
        if stage.name in needed:
            needed |= depends_on(job, stage)
    return tuple(stage for stage in job.stages if stage.name in needed - searched)


def check_space(loaded: LoadedJob, check: Callable[[LoadedJob], None]) -> None:
    """Try the values of the space in the job, one key after the other.

    Args:
        loaded: A job with a search.
        check: Checks a job that comes out.

    Raises:
        InputError: naming the line of the key that does not exist or does not take such values.
    """
    job = loaded.job
    assert job.search is not None
    for path, domain in job.search.space.items():
        where = loaded.source.locate(("search", "space", path))
        names = [stage.name for stage in job.stages]
        if path.partition(".")[0] not in ("stages", SEED, *names):
            first = path.partition(".")[0]
            what = f"search.space has {path!r}, and the job has no stage {first!r}"
            raise InputError(
                what, where=where, expected=f"one of {', '.join(names)}", name=first, known=names
            )
        for value in domain.samples():
            try:
                check(with_values(loaded, {path: value}))
            except InputError as error:
                known = [error.nearest] if error.nearest else []
                what = f"search.space cannot set {path} to {value}: {error.what}"
                raise InputError(
                    what, where=where, expected=error.expected, name=error.nearest, known=known
                ) from error
    if job.search.from_ not in {stage.name for stage in searched_stages(job)}:
        what = f"search.from is {job.search.from_!r}, whose scores do not depend on search.space"
        raise InputError(what, where=loaded.source.locate(("search", "from")))


def with_values(loaded: LoadedJob, values: Mapping[str, Any]) -> LoadedJob:
    """The job of a trial: with these values, and without the search.

    Raises:
        InputError: if it is not valid.
    """
    data = loaded.job.model_dump(mode="json", by_alias=True, exclude_unset=True)
    del data["search"]
    return set_values(data, loaded.source, values)


def set_values(data: dict[str, Any], source: SourceMap, values: Mapping[str, Any]) -> LoadedJob:
    """The job that ``data`` is with these values.

    Raises:
        InputError: if it is not valid.
    """
    data = copy.deepcopy(data)
    arguments = [f"{path}={json.dumps(value)}" for path, value in values.items()]
    return build_job(data, apply_overrides(data, source, arguments))


def draw(options: SpaceOptions, seed: int, number: int) -> Values:
    """The values of one trial of a random search: the same whatever the others were."""
    random = np.random.default_rng([seed, number])
    return {path: _draw(domain, random) for path, domain in options.space.items()}


def grid(options: SpaceOptions) -> list[Values]:
    """Every combination of the axes' values, the last axis changing fastest."""
    axes = [_points(domain, options.points) for domain in options.space.values()]
    return [dict(zip(options.space, values, strict=True)) for values in itertools.product(*axes)]


def _points(domain: Domain, count: int) -> list[Any]:
    """Values of one axis of a grid: every choice, or points of a range evenly, its ends among them."""
    if domain.choice is not None:
        return list(domain.choice)
    spaced = np.geomspace if domain.is_log else np.linspace
    points = spaced(*domain.bounds, count).clip(*domain.bounds).tolist()
    return list(dict.fromkeys(round(point) for point in points)) if domain.is_whole else points


def check_grid(options: SpaceOptions) -> None:
    """Refuse a grid that is larger than the search may be.

    Raises:
        InputError: with its size.
    """
    size = len(grid(options))
    if size > options.trials:
        what = f"the grid has {size} points, and search.trials is {options.trials}"
        raise InputError(what, expected=f"{size} trials, fewer points, or another algorithm")


def _draw(domain: Domain, random: np.random.Generator) -> Any:
    if domain.choice is not None:
        return domain.choice[int(random.integers(len(domain.choice)))]
    low, high = domain.bounds
    if domain.is_whole and not domain.is_log:
        return int(random.integers(int(low), int(high) + 1))
    ends = (
        (math.log(low), math.log(high + 1 if domain.is_whole else high)) if domain.is_log else (low, high)
    )
    value = float(random.uniform(*ends))
    value = math.exp(value) if domain.is_log else value
    value = min(max(value, low), high)  # rounding in exp may step over an end
    return int(value) if domain.is_whole else value


def _touched(job: Job, path: str) -> list[str]:
    """The stages that a key of the space belongs to."""
    first, _, rest = path.partition(".")
    names = [stage.name for stage in job.stages]
    if first == SEED:
        return names
    key = rest.partition(".")[0] if first == "stages" else first
    return [names[int(key)] if key.isdecimal() and key not in names else key]
