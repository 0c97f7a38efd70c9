"""mergekit's files are read unchanged, and what is wrong with one is named."""

from __future__ import annotations

import pytest

from embedworks.errors import InputError
from embedworks.merging.recipe import parse_recipe

MODELS = [{"model": "a"}, {"model": "b", "parameters": {"weight": 0.3}}]


def test_models_are_listed_base_first_and_once():
    recipe = parse_recipe({"merge_method": "ties", "base_model": "c", "models": [*MODELS, {"model": "c"}]})
    assert recipe.merged() == ["c", "a", "b"]
    assert recipe.module().models[1].parameters == {"weight": 0.3}


def test_modules_and_slices_are_other_forms_of_the_same():
    part = {"sources": [{"model": "a", "layer_range": [0, 2]}, {"model": "b", "layer_range": [2, 4]}]}
    for value in ({"slices": [part]}, {"modules": {"default": {"slices": [part]}}}):
        recipe = parse_recipe({"merge_method": "slerp", **value})
        assert recipe.module().slices[0].sources[1].layer_range == (2, 4)
        assert recipe.merged() == ["a", "b"]


def test_long_forms_of_a_model_become_its_name():
    entry = {"model": {"model": {"path": "org/name", "revision": "v1"}, "lora": {"path": "adapter"}}}
    recipe = parse_recipe({"merge_method": "linear", "models": [entry]})
    assert recipe.merged() == ["org/name@v1+adapter"]


def test_types_and_tokenizers():
    recipe = parse_recipe(
        {"merge_method": "linear", "models": MODELS, "dtype": "float16", "out_dtype": "torch.bfloat16"}
    )
    assert recipe.output_dtype == "bfloat16"
    short = parse_recipe({"merge_method": "linear", "models": MODELS, "tokenizer_source": "union"})
    assert short.vocabulary.source == "union"
    assert recipe.vocabulary is None


def test_keys_without_a_value_are_keys_that_were_left_out():
    recipe = parse_recipe(
        {"merge_method": "linear", "models": [{"model": "a", "parameters": None}], "dtype": None}
    )
    assert recipe.module().models[0].parameters == {}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "no recipe"),
        ({"merge_metod": "ties", "models": MODELS}, "did you mean 'merge_method'"),
        ({"models": MODELS}, "merge_method"),
        ({"merge_method": "ties"}, "none of models, slices, modules"),
        ({"merge_method": "ties", "models": MODELS, "slices": [{"sources": []}]}, "sources"),
        ({"merge_method": "ties", "models": [{"model": "a", "wght": 1}]}, r"models\[0\]\.wght"),
        ({"merge_method": "ties", "models": MODELS, "dtype": "float8"}, "dtype"),
        (
            {"merge_method": "ties", "models": MODELS, "tokenizer": {}, "tokenizer_source": "base"},
            "both tokenizer and tokenizer_source",
        ),
        ({"merge_method": "ties", "modules": {"a": {}, "b": {}}}, "2 modules"),
    ],
)
def test_a_wrong_recipe_is_refused_by_key(value, message):
    with pytest.raises(InputError, match=message):
        parse_recipe(value)


def test_the_place_in_the_file_is_asked_for():
    with pytest.raises(InputError, match=r"file\('models', 0, 'model'\)"):
        parse_recipe({"merge_method": "linear", "models": [{}]}, lambda path: f"file{path}")
