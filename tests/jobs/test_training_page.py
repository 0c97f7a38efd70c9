"""Every example of docs/training.md is a job that is accepted, and its options train."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from embedworks.jobs.load import load_job
from embedworks.jobs.runner import check_job
from embedworks.training.options import TrainingOptions
from helpers.encoded import Encoded, trained

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
EXAMPLES = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
STAGE = {
    "name": "docs",
    "kind": "train",
    "system": "starbucks",
    "from": "sentence-transformers/all-MiniLM-L6-v2",
    "corpus": {"source": "stdlib-code"},
    "steps": 100,
}
OF_A_JOB = {"search", "tracking", "stages"}
# What the engine does not see, and what only other machines can do.
BATCHES = {"epochs", "batch_size", "batch_tokens", "last_batch", "mixing", "chunk_size", "accumulate"}
ELSEWHERE = {*STAGE, *BATCHES, "workers", "evaluate", "resources"}


def job(example: Any) -> dict[str, Any]:
    """The example in the smallest job that can hold it."""
    whole: dict[str, Any] = {"name": "example", "stages": [STAGE]}
    if isinstance(example, list):
        return whole | {"stages": example}
    if not OF_A_JOB & example.keys():
        passes = {"steps": None} if "epochs" in example else {}
        return whole | {"stages": [without_nulls(STAGE | passes | example)]}
    if "stages" in example:
        return whole | {"stages": [STAGE | stage for stage in example["stages"]]}
    looks = {"every": 10, "tasks": ["stdlib-code-search"]}
    return whole | {"stages": [STAGE | {"evaluate": looks}]} | example


def without_nulls(stage: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in stage.items() if value is not None}


def test_the_page_has_examples_of_every_key():
    named = set()
    for example in EXAMPLES:
        for stage in job(example)["stages"]:
            named |= stage.keys()
    for key in sorted(set(TrainingOptions.model_fields) - named):
        assert f"`{key}`" in PAGE or f"{key}:" in PAGE, key


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: ",".join(map(str, example))[:40])
def test_an_example_is_accepted(example, tmp_path):
    file = tmp_path / "example.yaml"
    file.write_text(yaml.safe_dump(job(example)))
    check_job(load_job(file))


def of_the_engine(example: Any) -> dict[str, Any]:
    if isinstance(example, list) or OF_A_JOB & example.keys() or "phase_optimizers" in example:
        return {}
    if "nvme" in example.get("offload", {}).values() or example.get("compile"):
        return {}
    return {key: value for key, value in example.items() if key not in ELSEWHERE}


ENGINE = [options for example in EXAMPLES if (options := of_the_engine(example))]


@pytest.mark.parametrize("options", ENGINE, ids=lambda options: str(options)[:60])
def test_its_options_train(alone, options):
    before = {name: value.detach().clone() for name, value in Encoded().named_parameters()}
    after = trained(Encoded(), **options)
    assert all(torch.isfinite(value).all() for value in after.values())
    moved = {
        name for name, value in after.items() if name in before and not torch.equal(value, before[name])
    }
    # An adapter's second matrix starts as zeros; nothing else is new.
    moved |= {name for name, value in after.items() if ".lora_B." in name and value.any()}
    assert moved
