"""``embedworks embed MODEL CORPUS --index DIR``: a whole corpus into an index that can be searched."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any, cast

import typer

from embedworks.cli.index_making import Making
from embedworks.cli.model_sources import ModelSources
from embedworks.cli.results import results_to_stdout


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(embed)


def embed(
    model: str = typer.Argument(help="Folder, hub id, or models:/NAME@ALIAS."),
    corpus: str = typer.Argument(help="Built-in corpus, folder, URI, Parquet, JSONL, CSV or text files."),
    index: Path = typer.Option(..., help="Folder of the index; made where there is none."),
    column: str = typer.Option("text", help="What is embedded: texts, or the bytes of pictures."),
    split: str = typer.Option("train", help="Split of the corpus."),
    keep: str = typer.Option("", help="Columns beside the vectors, with commas; NAME=COLUMN renames."),
    group: str = typer.Option(None, help="Column whose values colour the map."),
    questions: str = typer.Option(None, help="Column of queries whose rows are the answers."),
    sizes: str = typer.Option("full", help="full, trained, or LAYERSxDIMENSIONS with commas: 2x96,6x384."),
    prompt: str = typer.Option(
        None, help="A prompt of the model's; default: the one of documents; '': none."
    ),
    kind: str = typer.Option("lance", "--format", help="lance, or parquet, which is searched exactly."),
    workers: str = typer.Option(None, help="Replicas of the model: N or MIN-MAX; default: all cores."),
    precision: str = typer.Option("auto", help="auto, fp32, bf16, fp16 or int8."),
    backend: str = typer.Option(None, help="torch, packed, compile, onnx or openvino."),
    limit: int = typer.Option(None, min=1, help="Only the first so many rows."),
    keep_versions: int = typer.Option(2, min=1, help="Complete versions that stay on disk."),
    follow: bool = typer.Option(False, "--follow", help="Stay, and do it again when something moves."),
    interval: float = typer.Option(10.0, min=0.1, help="Seconds between two looks of --follow."),
    corpora: Path = typer.Option(Path("runs/corpora"), help="Where corpora are built."),
    address: str = typer.Option(None, help="Ray cluster; default: the one running here, or a new one."),
    tracking_uri: str = typer.Option(None, help="MLflow server that knows models:/NAME@ALIAS."),
    as_json: bool = typer.Option(False, "--json", help="Print what was done as JSON; progress to stderr."),
) -> None:
    """Embed a corpus into an index. Run again it goes on, or embeds what changed; see docs/search.md."""
    from embedworks.cli.evaluate_inputs import one_of, split_names
    from embedworks.cli.run import stop_like_ctrl_c
    from embedworks.indexing.options import IndexOptions
    from embedworks.indexing.pool import Pool
    from embedworks.indexing.sizes import parse_sizes
    from embedworks.inference.backends.protocol import BACKENDS, SERVING_PRECISIONS

    one_of("--precision", precision, SERVING_PRECISIONS)
    if backend is not None:
        one_of("--backend", backend, BACKENDS)
    options = IndexOptions(
        column=column,
        split=split,
        limit=limit,
        keep=tuple(split_names(keep)),
        group=group,
        questions=questions,
        sizes=parse_sizes(sizes),
        prompt=prompt,
        precision=cast(Any, precision),
        backend=cast(Any, backend),
        format=kind,
        keep_versions=keep_versions,
    )
    pool = Pool.parse(workers) if workers else None
    making = Making(model, corpus, index, options, corpora, address, pool, ModelSources(tracking_uri))
    with results_to_stdout(as_json) as write:
        stop_like_ctrl_c()
        seen = making.look() if follow else None
        write(making.build(as_json))
        if follow:
            _stay(making, interval, as_json, seen, write)


def _stay(making: Making, interval: float, as_json: bool, seen: Any, write: Any) -> None:
    from embedworks.indexing.follow import follow

    def pause() -> bool:
        time.sleep(interval)
        return False

    tell = partial(typer.echo, err=True)
    tell(f"following {making.model}; Ctrl-C ends it")
    follow(making.look, lambda: write(making.build(as_json)), pause, tell, seen)
