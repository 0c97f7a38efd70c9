"""Every built-in corpus has what a recipe has, and its documentation fits its columns and options."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from embedworks.corpora.recipe import RecipeOptions, WorldOptions
from embedworks.corpora.recipes import builtin_names, find_recipe, is_world, recipe_options
from embedworks.errors import InputError

SYSTEMS = Path(__file__).parents[2] / "platform/embedworks/systems"


@pytest.mark.parametrize("name", builtin_names())
def test_a_recipe_has_all_that_the_contract_asks_for(name: str) -> None:
    recipe = find_recipe(name)
    assert name == recipe.NAME
    for text in (recipe.DESCRIPTION, recipe.LICENCE, recipe.SPLIT_RULE, recipe.source(recipe.Options())):
        assert len(text) > 2
    assert recipe.DESCRIPTION.endswith(".")
    assert isinstance(recipe.SCHEMA, pa.Schema)
    assert list(recipe.COLUMNS) == recipe.SCHEMA.names
    assert all(recipe.COLUMNS.values())
    assert recipe.SERVES
    assert issubclass(recipe.Options, WorldOptions if is_world(name) else RecipeOptions)
    assert callable(recipe.World if is_world(name) else recipe.rows)


@pytest.mark.parametrize("name", builtin_names())
def test_every_option_says_what_it_is_and_an_unknown_one_is_refused(name: str) -> None:
    for key, field in find_recipe(name).Options.model_fields.items():
        assert field.description, key
    with pytest.raises(InputError, match="did you mean 'seed'"):
        recipe_options(name, {"sede": 1})


def test_an_option_that_does_not_fit_is_named() -> None:
    with pytest.raises(InputError, match="option 'size' of corpus 'openmoji'"):
        recipe_options("openmoji", {"size": 0})
