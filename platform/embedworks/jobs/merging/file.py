"""A merge in a file of its own: a mergekit file, or the keys of a merge stage.

What a job needs is imported only for a stage: it would take longer than most merges.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedworks.errors import InputError, KeyPath
from embedworks.jobs.source import SourceMap, read_yaml
from embedworks.merging.recipe import Recipe, parse_recipe

if TYPE_CHECKING:
    from embedworks.jobs.load import LoadedJob

STAGE = "merged"
Where = Callable[[KeyPath], str]


def read_config(config: Path) -> tuple[dict[str, Any], SourceMap]:
    """What a file holds, and where its keys stand.

    Raises:
        InputError: for a file that is neither a recipe nor a merge stage.
    """
    try:
        text = config.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {config}: {error.strerror}", expected="a YAML file") from error
    value, source = read_yaml(text, str(config))
    if not isinstance(value, dict) or not {"merge_method", "method"} & set(value):
        is_job = isinstance(value, dict) and "stages" in value
        expected = (
            f"`embedworks run {config}`" if is_job else "the key merge_method, or method of a merge stage"
        )
        raise InputError("a whole job" if is_job else "no merge", where=str(config), expected=expected)
    return value, source


def as_job(value: dict[str, Any], source: SourceMap, out: Path) -> LoadedJob:
    """A merge stage as a job of that stage alone.

    Raises:
        InputError: for a stage that is none.
    """
    from embedworks.jobs.load import build_job

    stage = {"name": STAGE, "kind": "merge", **value}
    lines = {("stages", 0, *path): line for path, line in source.lines.items()}
    output = out.absolute().parent / f".{out.name}.job"
    job = {"name": "merge", "output": str(output), "stages": [{**stage, "name": STAGE}]}
    return build_job(job, SourceMap(source.file, lines, {}))


def needs_a_job(loaded: LoadedJob) -> bool:
    """Whether a stage measures, searches or trains, which is done on a Ray cluster."""
    from embedworks.jobs.merging.settings import check_method, is_formula

    stage: Any = loaded.job.stages[0]
    check_method(loaded, stage)
    return bool(stage.search or stage.probe or not is_formula(stage.method))


def recipe_from(value: dict[str, Any], source: SourceMap, loaded: LoadedJob | None) -> tuple[Recipe, Where]:
    """The recipe of a file, and where its keys stand."""
    if loaded is None:
        return parse_recipe(value, source.locate), source.locate
    from embedworks.jobs.merging.settings import recipe_of

    stage: Any = loaded.job.stages[0]
    return recipe_of(stage), source.locate
