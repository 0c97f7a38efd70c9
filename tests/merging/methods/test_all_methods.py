"""What is true of every merge method."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from embedworks.merging.method import Group, find_method
from helpers.merges import PARAMETERS, inputs, merged, peak_bytes

METHODS = sorted(PARAMETERS)
KEEPS_ALL = {"density": 1.0, "epsilon": 0, "select_topk": 1.0, "scale": 1}


@pytest.mark.parametrize("method", METHODS)
def test_copies_of_one_model_merge_into_it(method):
    tensors, base = inputs(method, (5, 7))
    if method in ("arcee_fusion", "nearswap"):  # which take the less, the farther the two are apart
        base = tensors[0]
    known = find_method(method).Parameters.model_fields
    parameters = PARAMETERS[method] | {k: v for k, v in KEEPS_ALL.items() if k in known and k != "scale"}
    if method == "passthrough":
        parameters = {}
    if "weight" in parameters:
        parameters["weight"] = 1 / len(tensors)
    result = merged(method, [tensors[0]] * len(tensors), base, **parameters)
    assert_close(result, tensors[0], rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(), (0,), (0, 4), (1,), (1, 1), (3, 1), (2, 3, 2)])
def test_odd_shapes_and_zeros(method, shape):
    tensors, base = inputs(method, shape)
    result = merged(method, tensors, base, **PARAMETERS[method])
    assert (result.shape, result.dtype) == (torch.Size(shape), torch.float32)
    assert result.isfinite().all()
    zeros = [torch.zeros(shape)] * len(tensors)
    nothing = merged(method, zeros, None if base is None else torch.zeros(shape), **PARAMETERS[method])
    assert_close(nothing, torch.zeros(shape))


@pytest.mark.parametrize("method", METHODS)
def test_what_is_merged_stays_as_it_is(method):
    tensors, base = inputs(method, (4, 6))
    before = [tensor.clone() for tensor in [*tensors, *([] if base is None else [base])]]
    merged(method, tensors, base, **PARAMETERS[method])
    for tensor, copy in zip([*tensors, *([] if base is None else [base])], before, strict=True):
        assert_close(tensor, copy, rtol=0, atol=0)


@pytest.mark.parametrize("method", METHODS)
def test_merging_in_pieces_gives_the_same_exactly_where_a_method_says_so(method):
    tensors, base = inputs(method, (64,))
    pieces = [
        merged(method, parts[: len(tensors)], parts[-1] if base is not None else None, **PARAMETERS[method])
        for parts in zip(
            *(tensor.split(16) for tensor in [*tensors, *([] if base is None else [base])]), strict=True
        )
    ]
    whole = merged(method, tensors, base, **PARAMETERS[method])
    says = getattr(find_method(method), "ELEMENTWISE", False)
    assert torch.equal(torch.cat(pieces), whole) is says


@pytest.mark.parametrize("method", METHODS)
def test_no_method_holds_more_than_it_says(method):
    module = find_method(method)
    tensors, base = inputs(method, (256, 4096), models=4)
    group = Group.of(tensors, base)
    parameters = module.Parameters.of(len(tensors), **PARAMETERS[method])
    held = peak_bytes(lambda: module.merge(group, parameters)) / (4 * tensors[0].numel())
    says = module.HOLDS.tensors(len(tensors))
    assert says - 1 < held < says + 0.75  # pieces, which do not grow with the tensor


@pytest.mark.parametrize("method", METHODS)
def test_one_models_worth_of_input_is_enough_where_others_lack_the_tensor(method):
    tensors, base = inputs(method, (4, 6))
    result = merged(method, tensors[:1], base, **PARAMETERS[method])
    assert result.shape == (4, 6)
    assert result.isfinite().all()
