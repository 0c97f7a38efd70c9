"""The axes of a search of merges, and the recipe of one trial."""

from __future__ import annotations

import pytest

from embedworks.errors import InputError
from embedworks.jobs.merging.options import MergeSearch
from embedworks.jobs.merging.space import axes_of, flat, with_values
from embedworks.merging.method import find_method
from embedworks.merging.recipe import Recipe

TIES = find_method("ties")
RECIPE = Recipe.model_validate(
    {
        "merge_method": "ties",
        "base_model": "base",
        "models": [{"model": "a", "parameters": {"weight": 9, "density": 0.5}}, {"model": "b"}],
        "parameters": {"lambda": 2, "normalize": True},
    }
)


def search(**keys) -> MergeSearch:
    return MergeSearch.model_validate(
        {"trials": 3, "space": {"weight": [0, 1], "lambda": [0.5, 1.5]}} | keys
    )


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, ["weight/0", "weight/1", "lambda"]),
        ({"per_model": False}, ["weight", "lambda"]),
        ({"layers": 2}, ["weight/0/0", "weight/0/1", "weight/1/0", "weight/1/1", "lambda/0", "lambda/1"]),
        ({"layers": 2, "space": {"normalize": {"choice": [True, False]}}}, ["normalize"]),
    ],
)
def test_a_number_for_each_model_and_place_in_depth(keys, expected):
    options = search(**keys)
    axes = axes_of(options, TIES, 2)
    assert [axis.key for axis in axes] == expected
    assert list(flat(options, axes).space) == expected


def test_a_trial_s_values_replace_what_the_stage_says():
    axes = axes_of(search(), TIES, 2)
    found = with_values(RECIPE, axes, {"weight/0": 0.25, "weight/1": 0.75, "lambda": 1.0})
    assert [entry.parameters for entry in found.models] == [
        {"density": 0.5, "weight": 0.25},
        {"weight": 0.75},
    ]
    assert found.parameters == {"normalize": True, "lambda": 1.0}
    assert RECIPE.models[0].parameters["weight"] == 9


def test_values_over_depth_become_a_gradient():
    axes = axes_of(search(layers=3, space={"weight": [0, 1]}), TIES, 2)
    values = {axis.key: number / 10 for number, axis in enumerate(axes)}
    found = with_values(RECIPE, axes, values)
    assert [entry.parameters["weight"] for entry in found.models] == [[0.0, 0.1, 0.2], [0.3, 0.4, 0.5]]


def test_one_value_for_all_models_replaces_those_beside_them():
    axes = axes_of(search(per_model=False, space={"weight": [0, 1]}), TIES, 2)
    found = with_values(RECIPE, axes, {"weight": 0.5})
    assert found.parameters["weight"] == 0.5
    assert [entry.parameters for entry in found.models] == [{"density": 0.5}, {}]


def test_a_parameter_that_the_method_lacks_is_named():
    with pytest.raises(InputError, match="did you mean 'weight'"):
        axes_of(search(space={"weght": [0, 1]}), TIES, 2)
    with pytest.raises(InputError, match="no parameters"):
        axes_of(search(), find_method("uniform_soup"), 2)
