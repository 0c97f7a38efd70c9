"""``embedworks evaluate MODEL... --tasks NAMES``: any model on any task of ours or mteb's."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import typer

from embedworks.cli.evaluate_inputs import (
    check_rivals,
    ensure,
    find_subject,
    one_of,
    parse_pairs,
    parse_prompts,
    split_names,
    tasks_of,
)

if TYPE_CHECKING:
    from embedworks.evaluation.distribute import Scores, Work
    from embedworks.evaluation.measured_space import MeasuredSpace
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
    max_length: int = typer.Option(
        None, min=1, help="Tokens that texts are cut to; without it, all that a model reads."
    ),
    cache: Path = typer.Option(None, help="mteb's folder of results: what it has is not computed again."),
    corpora: Path = typer.Option(Path("runs/corpora"), help="Where built-in corpora are built."),
    compare: str = typer.Option(None, help="Test the other models against this one, sample by sample."),
    space: bool = typer.Option(False, help="Also measure how each model fills its space."),
    samples: Path = typer.Option(None, help="Folder that keeps what each model got on every sample."),
    api_key: str = typer.Option(None, envvar=KEY, show_envvar=True, help="Of an endpoint."),
    address: str = typer.Option(None, help="Ray cluster to spread over; auto: the one running here."),
    local: bool = typer.Option(False, "--local", help="In this process, whatever RAY_ADDRESS says."),
    as_json: bool = typer.Option(
        False,
        "--json",
        help="A list of {model, task, metric, value, n, ...}; with --compare or --space {scores, ...}.",
    ),
) -> None:
    """Score models on tasks, through mteb. Without a cluster, one after the other in this process."""
    from embedworks.evaluation.distribute import Work
    from embedworks.evaluation.subjects import Access
    from embedworks.nn.precision import Precision

    one_of("--precision", precision, Precision.__args__)  # type: ignore[attr-defined]
    read_at = parse_pairs(pairs) if pairs else None
    access = Access(api_key, parse_prompts(prompts), max_length)
    if compare is not None:
        check_rivals(compare, models)
    opened = {name: find_subject(name, access) for name in dict.fromkeys(models)}
    names = [name for text in tasks for name in split_names(text)]
    chosen = {name: tasks_of(model, names) for name, model in opened.items()}
    with kept_samples(samples, corpora if compare else None) as keep:
        # Corpora come last: the dictionary takes minutes, and what the user gave wrong is told at once.
        work = Work(
            models=opened,
            tasks=chosen,
            corpora=ensure(corpora, chosen.values()),
            pairs=read_at,
            precision=precision,  # type: ignore[arg-type]
            cache=cache.absolute() if cache else None,
            access=access,
            keep=keep,
        )
        scores = score(work, None if local else address or os.environ.get("RAY_ADDRESS"))
        comparisons = compare_all(scores, compare) if compare else None
    spaces = measure_spaces(work, corpora) if space else None
    (show_json if as_json else show)(scores, compare, comparisons, spaces)


@contextmanager
def kept_samples(folder: Path | None, corpora: Path | None) -> Iterator[Path | None]:
    """Where samples go: where the user says, or for a comparison into a folder that is deleted after it."""
    if folder or corpora is None:
        yield folder.absolute() if folder else None
        return
    corpora.mkdir(parents=True, exist_ok=True)  # which the nodes of a cluster share
    with TemporaryDirectory(prefix="samples-", dir=corpora) as scratch:
        yield Path(scratch).absolute()


def score(work: Work, cluster: str | None) -> Scores:
    """Do the work here or on a cluster, telling of every score as it comes."""
    from embedworks.cli.scores import Progress
    from embedworks.evaluation.distribute import score_here, score_on_ray

    if cluster:
        from embedworks.cli.ray_session import connect

        connect(cluster)
    total = sum(len(some) for some in work.tasks.values()) * len(work.pairs or [0])
    with Progress(total) as listen:
        return (score_on_ray if cluster else score_here)(work, listen)


def compare_all(scores: Scores, to: str) -> dict[str, Rows]:
    """Every other model against one; p is corrected over all models and tasks together."""
    from embedworks.jobs.comparisons import compare_each
    from embedworks.jobs.scores import as_stored

    return compare_each({name: as_stored(found) for name, found in scores.items()}, to)


def measure_spaces(work: Work, corpora: Path) -> dict[str, list[MeasuredSpace]]:
    """Model -> how it fills its space at each pair, by the held-out texts of one corpus."""
    from embedworks.corpora.corpus import open_corpus
    from embedworks.corpora.ensure import ensure_corpus
    from embedworks.evaluation.measured_space import CORPUS, measure_space

    corpus = open_corpus(work.corpora.get(CORPUS) or ensure_corpus(CORPUS, corpora))
    return {
        name: measure_space(model, corpus, work.pairs, work.precision, work.access)
        for name, model in work.models.items()
    }


def show_json(
    scores: Scores,
    to: str | None,
    comparisons: dict[str, Rows] | None,
    spaces: dict[str, list[MeasuredSpace]] | None,
) -> None:
    """The scores as a list, or an object where more than them was asked for."""
    from embedworks.cli.scores import as_rows

    rows = as_rows(scores)
    more: dict[str, Any] = {}
    if comparisons is not None:
        more |= {"to": to, "comparisons": comparisons}
    if spaces is not None:
        more["spaces"] = as_rows(spaces)
    typer.echo(json.dumps({"scores": rows, **more} if more else rows, indent=2))


def show(
    scores: Scores,
    to: str | None,
    comparisons: dict[str, Rows] | None,
    spaces: dict[str, list[MeasuredSpace]] | None,
) -> None:
    """Tables for a person."""
    from embedworks.cli.scores import print_spaces, print_table
    from embedworks.jobs.comparisons import as_lines
    from embedworks.named import short_name

    print_table(scores)
    if spaces:
        typer.echo()
        print_spaces(spaces)
    for name, rows in (comparisons or {}).items():
        typer.echo(f"\n{short_name(name)} against {short_name(to or '')}:")
        typer.echo("\n".join(as_lines(rows)))
