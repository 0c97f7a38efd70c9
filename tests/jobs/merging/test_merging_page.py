"""Every example of docs/merging.md is accepted: as a recipe, as stages, or as keys of a stage."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from embedworks.jobs.load import build_job
from embedworks.jobs.merging.settings import check_method
from embedworks.jobs.schema import MergeStage
from embedworks.jobs.source import read_yaml
from embedworks.merging.planning import check_recipe
from embedworks.merging.recipe import parse_recipe

PAGE = Path(__file__).parents[3] / "docs" / "merging.md"
START = "sentence-transformers/all-MiniLM-L6-v2"
EARLIER = [
    {"name": name, "kind": "merge", "method": "passthrough", "models": [START]} for name in ("docs", "code")
]
STAGE = {"name": "merged", "kind": "merge", "method": "ties", "base": START, "models": ["docs", "code"]}


def blocks():
    for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S):
        if block.startswith("goal:"):  # alternatives, one a line
            yield from block.splitlines()
        else:
            yield block


def checked(stages):
    data, source = {"name": "page", "stages": [*EARLIER, *stages]}, read_yaml("{}", "merging.md")[1]
    loaded = build_job(data, source)
    for stage in loaded.job.stages:
        assert isinstance(stage, MergeStage)
        check_method(loaded, stage)


@pytest.mark.parametrize("text", blocks())
def test_an_example_is_accepted(text):
    value, _ = read_yaml(text, "merging.md")
    if "merge_method" in value:
        check_recipe(parse_recipe(value))
    elif isinstance(value, list):
        checked(value)
    elif "t" in value.get("parameters", {}):
        checked([{**STAGE, "method": "slerp", "base": None, **value}])
    else:
        more = {"method": "greedy-soup", "base": None, "probe": {"source": "python-docs"}}
        checked([{**STAGE, **more, **value}])
