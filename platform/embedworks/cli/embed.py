"""``embedworks embed MODEL CORPUS --index DIR``: a whole corpus into an index that can be searched."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import typer

from embedworks.cli.model_sources import REGISTRY, ModelSources

if TYPE_CHECKING:
    from embedworks.indexing.embed import Embedded
    from embedworks.indexing.options import FoundModel, IndexOptions
    from embedworks.indexing.record import UnitRecord
    from embedworks.indexing.units import Unit
    from embedworks.indexing.work import Work


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
    from embedworks.indexing.reading import parse_sizes
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
    command = _Command(model, corpus, index, options, corpora, address, pool, ModelSources(tracking_uri))
    with _stdout_for_results(as_json) as write:
        stop_like_ctrl_c()
        seen = command.look() if follow else None
        write(command.build(as_json))
        if follow:
            _stay(command, interval, as_json, seen, write)


@dataclass
class _Command:
    """What was asked on the command line."""

    model: str
    corpus: str
    index: Path
    options: IndexOptions
    corpora: Path
    address: str | None
    pool: Any
    sources: ModelSources

    def look(self) -> tuple[str | None, str]:
        """The model's version and the corpus's digest now."""
        from embedworks.corpora.corpus import open_corpus

        version = self.sources.version(self.model) if self.model.startswith(REGISTRY) else None
        return version, open_corpus(self.corpus_folder()).digest

    def build(self, as_json: bool) -> str:
        """Make the index; what there is to print."""
        from embedworks.cli.embed_progress import progress
        from embedworks.indexing.embed import embed_corpus

        model = find_model(self.model, self.sources)
        corpus = self.corpus_folder()
        with progress() as listen:
            done = embed_corpus(
                model,
                corpus,
                self.index,
                self.options,
                embed=self.embed_units,
                find=self.sources,
                listen=listen,
            )
        return json.dumps(as_dict(done, model)) if as_json else describe(done, model)

    def corpus_folder(self) -> Path:
        """The corpus, built where it is not there yet."""
        from embedworks.corpora.ensure import ensure_corpus

        if self.address or os.environ.get("RAY_ADDRESS"):
            self.connect()  # a cluster that is there builds faster than this process alone
        return ensure_corpus(self.corpus, self.corpora)

    def embed_units(self, work: Work, units: Sequence[Unit]) -> Iterator[UnitRecord]:
        """Units on a cluster that is joined, or started, where there is something to compute."""
        from embedworks.indexing.pool import embed_on_ray

        self.connect()
        return embed_on_ray(work, units, self.pool)

    def connect(self) -> None:
        """Join or start the cluster."""
        from embedworks.cli.ray_session import connect

        connect(self.address)


def find_model(asked: str, sources: ModelSources) -> FoundModel:
    """A model, pinned to the version that an alias leads to now.

    Raises:
        InputError: for a model that is not there, with the nearest name.
    """
    from embedworks.indexing.options import FoundModel

    if not asked.startswith(REGISTRY):
        folder = sources(asked).absolute()
        return FoundModel(folder, str(folder) if Path(asked).is_dir() else asked, asked)
    version = sources.version(asked)
    name = asked.removeprefix(REGISTRY).partition("@")[0].partition("/")[0]
    pinned = f"{REGISTRY}{name}/{version}" if version else asked
    return FoundModel(sources(pinned).absolute(), pinned, asked, version)


def as_dict(done: Embedded, model: FoundModel) -> dict[str, Any]:
    """What was done, for machines."""
    return {**asdict(done), "index": str(done.index), "model": model.source}


def describe(done: Embedded, model: FoundModel) -> str:
    """What was done, in two lines: the second is the command to go on with."""
    computed = done.rows - done.reused - done.before if done.before < done.rows else 0
    parts = [f"{computed:,} rows embedded in {done.seconds:.1f} s"]
    if done.reused:
        parts.append(f"{done.reused:,} reused")
    if done.before:
        parts.append(f"{done.before:,} done before")
    recall = f", recall {done.recall:.3f}" if done.recall is not None else ""
    head = f"{done.index}: {done.rows:,} rows by {model.source}, {done.kind}{recall}"
    return f'{head} ({", ".join(parts)})\n  embedworks search {done.index} "your words"'


def _stay(command: _Command, interval: float, as_json: bool, seen: Any, write: Any) -> None:
    from embedworks.indexing.follow import follow

    def pause() -> bool:
        time.sleep(interval)
        return False

    tell = partial(typer.echo, err=True)
    tell(f"following {command.model}; Ctrl-C ends it")
    follow(command.look, lambda: write(command.build(as_json)), pause, tell, seen)


class _stdout_for_results:
    """Under --json only the results reach stdout: libraries print what they like."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def __enter__(self) -> Any:
        if not self._as_json:
            return typer.echo
        self._stdout = os.dup(1)
        os.dup2(2, 1)
        return lambda text: os.write(self._stdout, f"{text}\n".encode())

    def __exit__(self, *_: object) -> None:
        if self._as_json:
            os.dup2(self._stdout, 1)
            os.close(self._stdout)
