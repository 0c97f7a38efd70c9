"""The built-in corpora and worlds: found by name, set by options, built into folders."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from embedworks.corpora.build import OnPart, run_plan
from embedworks.corpora.recipe import RecipeOptions, WorldOptions
from embedworks.corpora.shards import write_corpus
from embedworks.corpora.world_plan import PART_ROWS, plan_world
from embedworks.errors import InputError
from embedworks.named import find_module, module_names

HERE = Path(__file__).parent
KINDS = ("builtin", "worlds")


def builtin_names() -> list[str]:
    """Names of the built-in corpora, worlds among them."""
    return sorted(name for kind in KINDS for name in module_names(HERE / kind))


def is_world(name: str) -> bool:
    """Whether a built-in corpus is generated row by row."""
    return name in module_names(HERE / "worlds")


def find_recipe(name: str) -> Any:
    """The module of a built-in corpus.

    Raises:
        InputError: for an unknown name, with the nearest one.
    """
    known = builtin_names()
    if name not in known:
        raise InputError(
            f"no corpus {name!r}: neither a folder with a manifest nor a built-in corpus",
            expected=f"a folder, a URI, or one of {', '.join(known)}",
            name=name,
            known=known,
        )
    kind = "worlds" if is_world(name) else "builtin"
    return find_module("corpus", name, f"embedworks.corpora.{kind}", HERE / kind)


def recipe_options(name: str, given: Mapping[str, Any]) -> RecipeOptions:
    """A built-in corpus's options, checked.

    Raises:
        InputError: for an option that it has not or a value that does not fit.
    """
    model: type[RecipeOptions] = find_recipe(name).Options
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or name
        known = list(model.model_fields)
        if first["type"] == "extra_forbidden":
            what = f"corpus {name!r} has no option {key!r}"
            raise InputError(what, expected=f"one of {', '.join(known)}", name=key, known=known) from error
        raise InputError(f"option {key!r} of corpus {name!r}: {first['msg']}") from error


def recipe_folder(name: str, options: RecipeOptions) -> str:
    """The name of the folder that holds a built-in corpus with these options: equal for equal ones."""
    changed = options.model_dump(mode="json", exclude_defaults=True)
    if not changed:
        return name
    digest = hashlib.sha256(json.dumps(changed, sort_keys=True).encode()).hexdigest()
    return f"{name}-{digest[:8]}"


def worth_a_cluster(options: RecipeOptions) -> bool:
    """Whether building it takes longer than starting Ray."""
    return isinstance(options, WorldOptions) and sum(options.rows.values()) > 2 * PART_ROWS


def build_builtin(
    name: str,
    folder: Path,
    options: RecipeOptions | None = None,
    workers: int | None = None,
    on_part: OnPart | None = None,
) -> Path:
    """Build a built-in corpus. A world is built part by part, and goes on where it was killed.

    Args:
        name: Of the corpus.
        folder: A new one, or one where this world was begun.
        options: What the user set; the defaults if None.
        workers: Parts of a world at a time.
        on_part: Told of every part of a world that is done.

    Raises:
        InputError: for an unknown name, or a folder that is in use.
    """
    recipe = find_recipe(name)
    options = recipe.Options() if options is None else options
    if isinstance(options, WorldOptions):
        run_plan(plan_world(recipe, options), folder, workers, on_part)
        return folder
    if folder.exists():
        raise InputError(f"{folder} is there already", expected="a new folder")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    write_corpus(
        partial,
        recipe.rows(options),
        name=recipe.NAME,
        schema=recipe.SCHEMA,
        description=recipe.DESCRIPTION,
        source=recipe.source(options),
        licence=recipe.LICENCE,
        split_rule=recipe.SPLIT_RULE,
    )
    partial.rename(folder)
    return folder
