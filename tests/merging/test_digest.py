"""Equal merges have equal digests, and anything that changes the result changes it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from embedworks.merging.digest import plan_digest
from embedworks.merging.methods.linear import Parameters
from helpers.merge_plans import linear_plan, write_models


@pytest.fixture
def files(tmp_path):
    return write_models(tmp_path, 2)


def test_a_plan_that_is_made_again_is_the_same(files):
    assert plan_digest(linear_plan(files, [1, 2])) == plan_digest(linear_plan(files, [1, 2]))


def changed(plan, **values):
    return replace(plan, tensors=(replace(plan.tensors[0], **values), *plan.tensors[1:]))


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: replace(plan, seed=1),
        lambda plan: replace(plan, method="ties"),
        lambda plan: replace(plan, tensors=plan.tensors[::-1]),
        lambda plan: changed(plan, dtype=torch.bfloat16),
        lambda plan: changed(plan, file="other.safetensors"),
        lambda plan: changed(plan, parameters=None),
        lambda plan: changed(plan, parameters=Parameters(weight=(1, 2.0000001), normalize=False)),
        lambda plan: changed(plan, sources=plan.tensors[0].sources[::-1]),
        lambda plan: changed(plan, base=plan.tensors[0].sources[0]),
    ],
)
def test_what_changes_the_result_changes_it(files, change):
    plan = linear_plan(files, [1, 2])
    assert plan_digest(change(plan)) != plan_digest(plan)


def test_a_file_that_was_written_again_changes_it(files):
    before = plan_digest(linear_plan(files, [1, 2]))
    os.utime(files[1], ns=(1, 1))
    assert plan_digest(linear_plan(files, [1, 2])) != before


def test_options_of_the_run_count_where_they_are_given(files):
    plan = linear_plan(files, [1, 2])
    assert plan_digest(plan, report=True) != plan_digest(plan, report=False)


@dataclass(frozen=True)
class Permuted:
    """A source that holds an array."""

    rows: object
    shape = (1,)
    dtype = torch.float32


@pytest.mark.parametrize("make", [np.array, lambda rows: torch.tensor(rows, dtype=torch.bfloat16)])
def test_arrays_in_sources_count(files, make):
    plan = linear_plan(files, [1, 2])
    digests = {plan_digest(changed(plan, base=Permuted(make(rows)))) for rows in ([1, 2], [2, 1], [1, 2])}
    assert len(digests) == 2


def test_what_has_no_plain_value_is_refused(files):
    with pytest.raises(TypeError, match="object"):
        plan_digest(changed(linear_plan(files, [1, 2]), base=Permuted(object())))
