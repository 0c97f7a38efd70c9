"""``embedworks serve backends MODEL``: what each inference backend gives here, without deploying."""

from __future__ import annotations

import json

import typer

from embedworks.errors import InputError


def register(group: typer.Typer) -> None:
    """Mount the command."""
    group.command()(backends)


def backends(
    model: str = typer.Argument(help="Folder, hub id or packaged model."),
    precision: str = typer.Option("auto", help="auto, fp32, bf16, fp16 or int8."),
    threads: int = typer.Option(1, min=1, help="As `num_cpus` of a replica."),
    min_cosine: float = typer.Option(None, help="To float32; default 0.999, and 0.98 for int8."),
    with_compile: bool = typer.Option(False, "--compile", help="Measure torch.compile too: takes minutes."),
    again: bool = typer.Option(False, help="Measure even if there is a decision in the cache."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Measure the backends on a model and show what `--backend auto` picks."""
    import torch

    from embedworks.folder import load_embedder, resolve_model
    from embedworks.inference.auto import decide, table
    from embedworks.inference.backends.protocol import SERVING_PRECISIONS
    from embedworks.named import require_known
    from embedworks.serving.engines import floor_of

    require_known("precision", precision, SERVING_PRECISIONS)
    if min_cosine is not None and not 0 < min_cosine <= 1:
        raise InputError(f"min_cosine={min_cosine} is not possible", expected="above 0, at most 1")
    torch.set_num_threads(threads)
    folder = resolve_model(model)
    floor = floor_of(precision, min_cosine)
    found = decide(load_embedder(folder), folder, precision, floor, with_compile=with_compile, again=again)
    if as_json:
        chosen = {"backend": found.backend, "precision": found.precision}
        typer.echo(json.dumps({**chosen, "candidates": found.rows, "remembered": found.remembered}))
        return
    typer.echo(table(found))
    typer.echo(
        f"{found.backend} in {found.precision}" + (", as measured before" if found.remembered else "")
    )
