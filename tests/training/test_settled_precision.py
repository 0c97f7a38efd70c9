"""`precision: auto` becomes what the hardware is good at."""

import pytest
import torch

from embedworks.training.options import TrainingOptions
from embedworks.training.precision import settled

CPU = torch.device("cpu")


def precision(**given: object) -> str:
    return settled(TrainingOptions.model_validate({"steps": 1, **given}), CPU).precision


@pytest.mark.parametrize(("has_it", "expected"), [(True, "bf16"), (False, "fp32")])
def test_auto_is_bf16_where_the_hardware_multiplies_it(monkeypatch, has_it, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": has_it})
    assert precision() == expected


def test_optimizers_of_whole_tensors_get_fp32(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    assert precision(optimizer={"name": "lamb"}) == "fp32"


@pytest.mark.parametrize("asked", ["bf16", "fp32", "fp16"])
def test_what_a_job_asks_for_stays(asked):
    assert precision(precision=asked) == asked
