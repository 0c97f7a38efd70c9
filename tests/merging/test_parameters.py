"""Settings for all tensors become values for one: by scope, by filter and by depth."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import Field

from embedworks.errors import InputError
from embedworks.merging.method import MethodParameters, PerModel
from embedworks.merging.parameters import check_settings, resolve


class Parameters(MethodParameters):
    weight: PerModel[float]
    density: PerModel[Annotated[float, Field(ge=0, le=1)]] = Field(default=1.0)
    scale: float = Field(default=1.0, alias="lambda")
    normalize: bool = True


def values(scopes=(), own=({}, {}), name="layer.0.weight", depth=0.0):
    models = [(f"m{i}", name, settings) for i, settings in enumerate(own)]
    return resolve(Parameters, name, depth, scopes, models)


def test_what_stands_beside_a_model_counts_before_what_stands_for_all():
    found = values([{"weight": 0.5}, {"weight": 9, "lambda": 2}], own=({"weight": 0.25}, {}))
    assert found.weight == (0.25, 0.5)
    assert found.scale == 2
    assert (found.density, found.normalize) == ((1.0, 1.0), True)


@pytest.mark.parametrize(
    ("depth", "expected"), [(0.0, 0.0), (0.25, 0.5), (0.5, 1.0), (0.75, 0.75), (1.0, 0.5)]
)
def test_a_list_of_numbers_is_a_gradient_over_depth(depth, expected):
    assert values([{"weight": [0, 1, 0.5]}], depth=depth).weight == (expected, expected)


def test_a_list_of_truths_is_never_interpolated():
    scope = {"weight": 1, "normalize": [True, False]}
    assert values([scope], depth=0.9).normalize is True
    assert values([scope], depth=1.0).normalize is False


def test_the_first_filter_in_the_name_counts():
    setting = [{"filter": "attention", "value": [0, 1]}, {"filter": "layer", "value": 0.3}, {"value": 0.7}]
    assert values([{"weight": setting}], name="layer.1.attention.bias", depth=0.5).weight == (0.5, 0.5)
    assert values([{"weight": setting}], name="layer.1.output.bias").weight == (0.3, 0.3)
    assert values([{"weight": setting}], name="embeddings.weight").weight == (0.7, 0.7)


def test_a_setting_that_matches_nothing_falls_through_to_the_next():
    own = {"weight": {"filter": "attention", "value": 1}}
    assert values([{"weight": 0.5}], own=(own, {})).weight == (0.5, 0.5)


def test_numbers_that_yaml_reads_as_text_are_numbers():
    assert values([{"weight": "1e-3"}]).weight == (0.001, 0.001)


def test_a_missing_value_names_model_and_tensor():
    with pytest.raises(InputError, match=r"m1: layer\.0\.weight has no weight"):
        values(own=({"weight": 1}, {}))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weght": 1}, "did you mean 'weight'"),
        ({"density": [0.5, 2]}, "density is 2"),
        ({"lambda": "much"}, "lambda is 'much'"),
        ({"weight": {"filtre": "x", "value": 1}}, "filter and value"),
    ],
)
def test_bad_settings_are_named_before_anything_is_read(settings, message):
    with pytest.raises(InputError, match=message):
        check_settings(Parameters, settings)


def test_the_place_of_a_bad_value_is_asked_for():
    with pytest.raises(InputError, match=r"job\.yaml:\('density', 1, 'value'\)"):
        check_settings(
            Parameters,
            {"density": [{"filter": "a", "value": 1}, {"value": 7}]},
            lambda path: f"job.yaml:{path}",
        )
