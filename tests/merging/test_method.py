"""What a method and a group of tensors promise each other."""

from __future__ import annotations

from typing import Annotated

import pytest
import torch
from pydantic import Field, ValidationError

from embedworks.errors import InputError
from embedworks.merging.method import (
    Group,
    Holds,
    Inputs,
    MethodParameters,
    PerModel,
    find_method,
    for_each,
    method_names,
)
from embedworks.merging.methods.ties import Parameters as TiesParameters
from embedworks.merging.parameters import check_settings, resolve
from helpers.merges import PARAMETERS


class Parameters(MethodParameters):
    weight: PerModel[float]
    density: PerModel[Annotated[float, Field(ge=0, le=1)]] = for_each(0.5, "kept")
    share: Annotated[float, Field(le=1)] = 1.0


def test_one_value_stands_for_all_models():
    found = Parameters.of(3, weight=(1, 2, 3), share=0.5)
    assert (found.weight, found.density, found.share) == ((1, 2, 3), (0.5, 0.5, 0.5), 0.5)
    assert Parameters.of(2, weight=1).weight == (1, 1)
    with pytest.raises(ValidationError):
        Parameters.of(2, weight=1, density=(0.5, 2))


def test_limits_of_a_value_for_all_models_are_checked_before_anything_is_read():
    with pytest.raises(InputError, match="share is 2"):
        check_settings(Parameters, {"share": [0.5, 2]})


def test_mergekits_truths_are_names_of_rescaling():
    models = [("a", "x", {"weight": 1})]
    for setting, name in ((True, "l1"), (False, "none"), ("inverse_keep", "inverse_keep")):
        assert resolve(TiesParameters, "x", 0, [{"rescale": setting}], models).rescale == name
    with pytest.raises(InputError, match="rescale is 'l2'"):
        check_settings(TiesParameters, {"rescale": "l2"})


def test_a_group_gives_away_copies_of_what_is_in_memory():
    tensor, base = torch.ones(2, 3).T, torch.ones(3, 2)
    group = Group.of([tensor], base)
    assert group.read(0).is_contiguous()
    group.read(0).zero_()
    group.delta(0).add_(7)
    assert tensor.eq(1).all()
    assert base.eq(1).all()
    assert [d.tolist() for d in group.deltas()] == [[[0, 0], [0, 0], [0, 0]]]


def test_random_numbers_are_those_of_seed_tensor_and_model():
    def draw(**changes):
        values = {"models": ("a", "b"), "name": "w", "seed": 1} | changes
        return torch.rand(1, generator=Group.of([torch.ones(1)] * 2, **values).generator(0)).item()

    assert draw() == draw()
    others = [draw(seed=2), draw(name="v"), draw(models=("c", "b"))]
    assert len({draw(), *others}) == 4


def test_memory_grows_with_the_models_where_a_method_says_so():
    assert Holds(2).tensors(9) == 2
    assert Holds(1, per_model=2).tensors(3) == 7


@pytest.mark.parametrize(
    ("inputs", "models", "has_base", "message"),
    [
        (Inputs("required"), 2, False, "the key `base`"),
        (Inputs("required", least=2), 1, True, "expected 2 or more"),
        (Inputs("optional", least=2, most=2), 3, False, "given 3 models; expected 2"),
        (Inputs("member", most=1), 1, True, "given 2 models; expected 1"),
        (Inputs("end"), 2, True, "given 3 models; expected 2"),
    ],
)
def test_a_wrong_number_of_models_is_refused(inputs, models, has_base, message):
    with pytest.raises(InputError, match=message):
        inputs.check("soup", models, has_base)


def test_methods_are_found_by_name():
    assert find_method("dare-ties") is find_method("dare_ties")
    with pytest.raises(InputError, match="did you mean 'slerp'"):
        find_method("slurp")
    assert set(PARAMETERS) <= set(method_names())
