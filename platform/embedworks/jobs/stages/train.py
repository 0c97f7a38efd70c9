"""The train stage: prepare, train on Ray workers, keep the embedder."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from embedworks.catalog import PLUGIN_PATH, find_objective
from embedworks.corpora.corpus import open_corpus
from embedworks.embedder import Lineage
from embedworks.jobs.context import Context
from embedworks.jobs.schema import CorpusRef, MergeStage, TrainStage
from embedworks.jobs.state import WORK, StageState
from embedworks.objective import Objective, Start
from embedworks.training.options import TrainingOptions


def run(context: Context, stage: TrainStage, state: StageState) -> dict[str, Any]:
    """Train one system."""
    base = context.model(stage.from_) if stage.from_ else None
    start = Start(base=base, seed=context.job.seed)
    parents = [context.parent(stage.from_)] if stage.from_ else []
    return minimise(context, stage, state, stage.system, stage.objective, start, stage.corpus, parents)


def minimise(
    context: Context,
    stage: TrainStage | MergeStage,
    state: StageState,
    system: str,
    config: dict[str, Any],
    start: Start,
    corpora: Sequence[CorpusRef],
    parents: list[dict[str, str]],
) -> dict[str, Any]:
    """Train an objective from ``start``; shared by train stages and merges that search."""
    from embedworks.training.loop import train
    from embedworks.training.progress import Progress
    from embedworks.training.spec import TrainSpec
    from embedworks.training.stream import StreamSpec

    cls = find_objective(system)
    parsed = cls.Config.model_validate(config)
    folder = context.folder(stage)
    work = folder / WORK / state.fingerprint
    start = prepare(context, cls, parsed, start, corpora, work / "artifacts")
    options = TrainingOptions.model_validate(
        {name: getattr(stage, name) for name in TrainingOptions.model_fields}
    )
    inputs = context.inputs(corpora)
    stream = StreamSpec(
        inputs, cls.transform(parsed, start), options.batch_size, context.job.seed, steps=options.steps or 1
    )
    if options.epochs:
        samples = stream.order().samples_per_pass * options.epochs
        stream = replace(stream, steps=max(1, math.ceil(samples / options.batch_size)))
    lineage = Lineage(
        job=context.job.model_dump(mode="json", by_alias=True),
        stage=stage.name,
        run_id=state.run_id,
        parents=parents,
        corpora=context.digests(corpora),
    )
    plugins = os.environ.get(PLUGIN_PATH, "")
    spec = TrainSpec(system, config, start, stream, options, folder, lineage, plugins)
    last: dict[str, float] = {}

    with context.reporter.steps(stage.name) as bar:

        def listen(progress: Progress) -> None:
            last.update(progress.metrics)
            context.tracker.metrics(state.run_id, progress.metrics, progress.step)
            bar.update(progress.step, progress.steps, f"loss {progress.metrics['loss']:.3f}")

        train(spec, work, listen)
    model_id = context.tracker.log_embedder(state.run_id, spec.embedder, stage.name, last, stream.steps)
    return {"embedder": str(spec.embedder), "model_id": model_id, "steps": stream.steps, "metrics": last}


def prepare(
    context: Context,
    cls: type[Objective],
    config: Any,
    start: Start,
    corpora: Sequence[CorpusRef],
    folder: Path,
) -> Start:
    """Run the objective's one-time preparation, if it has one; the folder appears when complete."""
    if cls.prepare.__func__ is Objective.prepare.__func__:  # type: ignore[attr-defined]
        return start
    if not folder.is_dir():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        cls.prepare(config, start, lambda: corpus_rows(context, corpora), partial)
        partial.rename(folder)
    return replace(start, artifacts=folder)


def corpus_rows(context: Context, corpora: Sequence[CorpusRef]) -> Iterator[dict[str, Any]]:
    """Every row of the corpora, one after the other, under the names that the stage wants."""
    for corpus in corpora:
        back = {actual: wanted for wanted, actual in corpus.columns.items()}
        for row in open_corpus(context.corpus(corpus.source)).iter_rows(corpus.split):
            yield row | {back[name]: value for name, value in row.items() if name in back}
