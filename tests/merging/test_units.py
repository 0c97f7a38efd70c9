"""How work is divided, and what a unit is estimated to hold."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from embedworks.merging import units
from embedworks.merging.method import Holds
from embedworks.merging.methods import linear
from embedworks.merging.units import contiguous_parts, held_bytes, merge_unit, plan_units, unit_bytes
from helpers.merge_plans import in_memory, linear_plan, write_models


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.setattr(units, "PIECE", 60)
    return linear_plan(write_models(tmp_path, 3), [0.5, 1, -1], copied=["layer.0.weight"])


def spans(plan, method=linear):
    return [(plan.tensors[u.tensor].name, u.start, u.stop) for u in plan_units(plan, method)]


def test_elementwise_methods_take_pieces(plan):
    found = spans(plan)
    large = [("embeddings.weight", start, min(start + 60, 400)) for start in range(0, 400, 60)]
    assert [span for span in found if span[0] == "embeddings.weight"] == large
    assert len(found) == len(large) + 4
    assert [unit.number for unit in plan_units(plan, linear)] == list(range(len(found)))


def test_other_methods_take_whole_tensors_but_copies_are_divided(plan):
    assert [span[1:] for span in spans(plan, SimpleNamespace()) if span[0] != "layer.0.weight"] == [
        (0, 400),
        (0, 8),
        (0, 1),
    ]
    assert ("layer.0.weight", 60, 64) in spans(plan, SimpleNamespace())


def test_statistics_of_another_shape_keep_a_tensor_whole(plan):
    first = plan.tensors[0]
    odd = replace(first, statistics=(plan.tensors[1].sources[0], None, None))
    assert [s[1:] for s in spans(replace(plan, tensors=(odd,)))] == [(0, first.elements)]


def test_pieces_together_are_the_whole(plan, tmp_path):
    expected = in_memory([tmp_path / f"m{i}.safetensors" for i in range(3)], [0.5, 1, -1])
    for index, tensor in enumerate(plan.tensors):
        parts = [merge_unit(u, plan, linear)[0] for u in plan_units(plan, linear) if u.tensor == index]
        if tensor.parameters is not None:
            assert torch.allclose(torch.cat(parts).view(tensor.shape), expected[tensor.name], atol=1e-6)


def test_what_a_method_holds_and_the_base_count(plan):
    unit = plan_units(plan, linear)[0]
    elements, method = unit.stop - unit.start, SimpleNamespace(HOLDS=Holds(2, per_model=1))
    assert held_bytes(unit, plan, linear) == elements * (4 * 2 + 4 + 4)
    assert held_bytes(unit, plan, method) == elements * (4 * 5 + 4 + 4)
    first = plan.tensors[unit.tensor]
    narrow = replace(first, base=first.sources[0], dtype=torch.bfloat16)
    based = replace(plan, tensors=tuple(narrow if t is first else t for t in plan.tensors))
    assert held_bytes(unit, based, method) == elements * (4 * 6 + 4 + 2)


def test_a_copy_holds_what_is_read_and_written(plan):
    copy = next(u for u in plan_units(plan, linear) if plan.tensors[u.tensor].parameters is None)
    assert held_bytes(copy, plan, linear) == (copy.stop - copy.start) * (4 + 4)


@pytest.mark.parametrize("parts", [1, 2, 3, 50])
def test_parts_are_contiguous_and_about_equal(plan, parts):
    work = plan_units(plan, linear)
    divided = contiguous_parts(work, plan, parts)
    assert [unit for part in divided for unit in part] == work
    assert len(divided) <= parts
    assert all(divided)
    sizes = [sum(unit_bytes(unit, plan) for unit in part) for part in divided]
    assert max(sizes) <= sum(sizes) / parts + 60 * 4
