"""What a person gives ``embedworks evaluate``, read and checked before anything is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from embedworks.errors import InputError

if TYPE_CHECKING:
    from embedworks.embedder import Pair
    from embedworks.evaluation.subjects import Access


def find_subject(name: str, access: Access) -> Path | str:
    """A model's folder, or its name where the model is no folder.

    Raises:
        InputError: if there is no such folder and no hub that answers, or no such endpoint.
    """
    from embedworks.cli.merge import find_model
    from embedworks.evaluation.endpoint import Endpoint
    from embedworks.evaluation.subjects import is_folder

    if is_folder(name):
        return find_model(name).absolute()
    if "://" in name:
        Endpoint.open(name, access.api_key)
    return name


def split_names(text: str) -> list[str]:
    """Names between commas; those inside brackets belong to a name: ``MTEB(eng, v2),offline``."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def tasks_of(model: Path | str, names: Sequence[str]) -> list[str]:
    """Tasks and suites to the tasks of a model; suites have pictures for those that see them.

    Raises:
        InputError: for an unknown task, with the nearest one.
    """
    from embedworks.evaluation.find import find_task
    from embedworks.evaluation.suites import expand
    from embedworks.folder import has_image_tower

    tasks = expand(names, pictures=isinstance(model, Path) and has_image_tower(model))
    for task in tasks:
        find_task(task)
    return tasks


def ensure(root: Path, tasks: Iterable[Sequence[str]]) -> dict[str, Path]:
    """The corpora of the tasks, built where they are not there yet."""
    from embedworks.corpora.ensure import ensure_corpus
    from embedworks.corpora.recipes import recipe_folder, recipe_options
    from embedworks.evaluation.find import find_task

    needed = sorted({name for some in tasks for task in some for name in find_task(task).corpora})
    found = {}
    for name in needed:
        if not (root / recipe_folder(name, recipe_options(name, {}))).is_dir():
            typer.echo(f"  building the corpus {name} in {root}", err=True)
        found[name] = ensure_corpus(name, root)
    return found


def parse_pairs(text: str) -> list[Pair]:
    """``2x96,6x384`` to pairs.

    Raises:
        InputError: for anything else.
    """
    found = [re.fullmatch(r"\s*(\d+)x(\d+)\s*", part) for part in text.split(",")]
    if not all(found):
        raise InputError(f"--pairs {text!r} cannot be read", expected="LAYERSxDIMENSIONS, as 2x96,6x384")
    return [(int(one[1]), int(one[2])) for one in found if one]


def parse_prompts(texts: Sequence[str]) -> dict[str, str]:
    """``query=search: `` to a mapping.

    Raises:
        InputError: without an equals sign.
    """
    found = [text.partition("=") for text in texts]
    for text, (name, equals, _) in zip(texts, found, strict=True):
        if not (name and equals):
            raise InputError(f"--prompt {text!r} has no text", expected="NAME=TEXT, as 'query=search: '")
    return {name: prompt for name, _, prompt in found}


def one_of(option: str, value: str, known: Sequence[str]) -> None:
    """Refuse a value that an option does not have.

    Raises:
        InputError: with those that it has.
    """
    if value not in known:
        what = f"{option} {value!r} is not possible"
        raise InputError(what, expected=f"one of {', '.join(known)}", name=value, known=known)


def check_rivals(to: str, models: Sequence[str]) -> None:
    """Refuse a comparison with a model that is not evaluated, or with nothing to compare.

    Raises:
        InputError: naming the nearest of the models.
    """
    if to not in models:
        what = f"--compare {to!r} is none of the models"
        raise InputError(what, expected=f"one of {', '.join(models)}", name=to, known=models)
    if len(set(models)) < 2:
        raise InputError(f"{to} cannot be compared with itself", expected="two models or more")
