"""``embedworks evaluate MODEL... --tasks NAMES``: any model on any task of ours or mteb's."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import typer

from embedworks.embedder import Pair
from embedworks.errors import InputError

if TYPE_CHECKING:
    from embedworks.evaluation.distribute import Scores
    from embedworks.evaluation.subjects import Access
    from embedworks.jobs.comparisons import Rows

KEY = "EMBEDWORKS_API_KEY"


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(evaluate)


def evaluate(
    models: list[str] = typer.Argument(
        help="Folder, hub id, models:/NAME@ALIAS, http://HOST/v1#MODEL, st:PATH, python:MODULE:FUNCTION."
    ),
    tasks: list[str] = typer.Option(
        ["offline"],
        help="Tasks and suites, with commas: offline, offline-images, nanobeir, any benchmark of mteb.",
    ),
    pairs: str = typer.Option(None, help="LAYERSxDIMENSIONS to read at, with commas: 2x96,6x384."),
    prompts: list[str] = typer.Option(
        [], "--prompt", help="NAME=TEXT put in front, by mteb's names: query, document, a task or its type."
    ),
    precision: str = typer.Option("auto", help="Of our engine: auto, bf16 or fp32."),
    cache: Path = typer.Option(None, help="mteb's folder of results: what it has is not computed again."),
    corpora: Path = typer.Option(Path("runs/corpora"), help="Where built-in corpora are built."),
    compare: str = typer.Option(None, help="Test the other models against this one, sample by sample."),
    samples: Path = typer.Option(None, help="Folder that keeps what each model got on every sample."),
    api_key: str = typer.Option(None, envvar=KEY, show_envvar=True, help="Of an endpoint."),
    address: str = typer.Option(None, help="Ray cluster to spread over; auto: the one running here."),
    local: bool = typer.Option(False, "--local", help="In this process, whatever RAY_ADDRESS says."),
    as_json: bool = typer.Option(
        False,
        "--json",
        help="A list of {model, task, metric, value, n, ...}; with --compare {scores, comparisons}.",
    ),
) -> None:
    """Score models on tasks, through mteb. Without a cluster, one after the other in this process."""
    from embedworks.cli.scores import Progress, as_rows, print_table, short
    from embedworks.evaluation.distribute import Work, score_here, score_on_ray
    from embedworks.evaluation.subjects import Access
    from embedworks.jobs.comparisons import as_lines
    from embedworks.nn.precision import Precision

    one_of("--precision", precision, Precision.__args__)  # type: ignore[attr-defined]
    read_at = parse_pairs(pairs) if pairs else None
    access = Access(api_key, parse_prompts(prompts))
    if compare is not None:
        check_rivals(compare, models)
    opened = {name: find_subject(name, access) for name in dict.fromkeys(models)}
    names = [name for text in tasks for name in split_names(text)]
    chosen = {name: tasks_of(model, names) for name, model in opened.items()}
    cluster = None if local else address or os.environ.get("RAY_ADDRESS")
    if cluster:
        from embedworks.cli.ray_session import connect

        connect(cluster)
    with ExitStack() as stack:
        if compare is not None and samples is None:
            # Beside the corpora, which the nodes of a cluster share.
            corpora.mkdir(parents=True, exist_ok=True)
            samples = Path(stack.enter_context(TemporaryDirectory(prefix="samples-", dir=corpora)))
        # Corpora come last: the dictionary takes minutes, and what the user gave wrong is told at once.
        work = Work(
            models=opened,
            tasks=chosen,
            corpora=ensure(corpora, chosen.values()),
            pairs=read_at,
            precision=precision,  # type: ignore[arg-type]
            cache=cache.absolute() if cache else None,
            access=access,
            keep=samples.absolute() if samples else None,
        )
        total = sum(len(some) for some in chosen.values()) * len(read_at or [0])
        listen = stack.enter_context(Progress(total))
        scores = (score_on_ray if cluster else score_here)(work, listen)
        found = compare_all(scores, compare) if compare else {}
    if as_json:
        rows = as_rows(scores)
        typer.echo(json.dumps({"scores": rows, "comparisons": found} if compare else rows, indent=2))
        return
    print_table(scores)
    for name, lines in found.items():
        typer.echo(f"\n{short(name)} against {short(compare)}:")
        typer.echo("\n".join(as_lines(lines)))


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


def compare_all(scores: Scores, to: str) -> dict[str, Rows]:
    """Every other model against one; p is corrected over all models and tasks together."""
    from embedworks.jobs.comparisons import compare_each
    from embedworks.jobs.scores import as_stored

    return compare_each({name: as_stored(found) for name, found in scores.items()}, to)


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
