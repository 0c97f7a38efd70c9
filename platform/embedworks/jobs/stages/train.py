"""The train stage: prepare, train on Ray workers, keep the embedder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedworks import __version__
from embedworks.catalog import PLUGIN_PATH, find_objective
from embedworks.corpora.corpus import open_corpus
from embedworks.embedder import Lineage
from embedworks.jobs.context import Context
from embedworks.jobs.corpus_options import CorpusRef
from embedworks.jobs.schedule import side_by_side
from embedworks.jobs.schema import MergeStage, TrainStage
from embedworks.jobs.state import CHECKPOINTS, WORK, StageState
from embedworks.objective import Objective, Start
from embedworks.training.options import TrainingOptions
from embedworks.training.stream import CorpusInput, StreamSpec
from embedworks.transforms.transform import SOURCE, Transform

if TYPE_CHECKING:
    from embedworks.training.spec import TrainSpec

PREPARED = "_prepared"  # folder of an output, in which stages share what they prepared


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
    from embedworks.jobs.during import During, snapshot_plan
    from embedworks.training.checkpoints.files import complete_steps
    from embedworks.training.loop import train
    from embedworks.training.progress import Points, Progress
    from embedworks.training.spec import TrainSpec

    cls = find_objective(system)
    parsed = cls.Config.model_validate(config)
    folder = context.folder(stage)
    work = folder / WORK / state.fingerprint
    start = prepare(context, cls, parsed, start, corpora, work / "artifacts")
    lineage = Lineage(
        job=context.job.model_dump(mode="json", by_alias=True),
        stage=stage.name,
        run_id=state.run_id,
        parents=parents,
        corpora=context.digests(corpora),
    )
    if stage.steps == 0:
        return keep_untrained(context, state, cls(parsed, start), lineage, folder / "embedder", work)
    options = TrainingOptions.model_validate(
        {name: getattr(stage, name) for name in TrainingOptions.model_fields}
    )
    stream = plan_stream(context.inputs(corpora), cls.transform(parsed, start), options, start.seed, work)
    report_counts(context, state, corpora, stream)
    plugins = os.environ.get(PLUGIN_PATH, "")
    looks = stage.evaluate
    spec = TrainSpec(
        system,
        config,
        start,
        stream,
        options,
        folder,
        work / CHECKPOINTS,
        lineage,
        plugins,
        beside=side_by_side(context.job, stage),
    )
    if looks:
        spec = replace(spec, snapshots=snapshot_plan(looks, work))
    last: dict[str, float] = {}
    for point in Points(work).newest():  # once more, for an earlier driver may have missed them
        context.tracker.metrics(state.run_id, point.metrics, point.step, point.time)

    def fit() -> None:
        with context.reporter.training(stage.name, options.workers.max) as view:

            def listen(progress: Progress) -> None:
                last.update(progress.metrics)
                context.tracker.metrics(state.run_id, progress.metrics, progress.step, progress.time)
                view.update(progress, max(complete_steps(spec.checkpoints), default=None))

            train(spec, work, listen, context.reporter.note)

    if looks is None:
        fit()
        return log_result(context, state, spec, last, stream.steps)
    during = During(context, state, looks, spec)
    if not during.is_over:
        with during:
            fit()
    chosen = during.finish()
    last[f"evaluation/{looks.metric}"] = chosen.value
    evaluations = [one.model_dump(exclude={"scores"}) for one in during.evaluations.done]
    return log_result(context, state, spec, last, chosen.step) | {
        "scores": {stage.name: chosen.scores},
        "value": chosen.value,
        "evaluations": evaluations,
    }


def keep_untrained(
    context: Context, state: StageState, objective: Objective, lineage: Lineage, folder: Path, work: Path
) -> dict[str, Any]:
    """What a stage without steps gives: the embedder that its objective makes, with what it found out.

    The objective's diagnostics are logged as the one point of its curves. No worker is started.
    """
    from embedworks.training.progress import Points, Progress

    metrics = dict(objective.diagnostics())
    embedder = objective.eval().embedder()
    embedder.lineage = lineage
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    embedder.save(partial)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    Points(work).append(Progress(0, 0, metrics))
    context.tracker.metrics(state.run_id, metrics)
    model_id = context.tracker.log_embedder(state.run_id, folder, lineage.stage, metrics)
    return {"embedder": str(folder), "model_id": model_id, "steps": 0, "metrics": metrics}


def log_result(
    context: Context, state: StageState, spec: TrainSpec, metrics: dict[str, float], steps: int
) -> dict[str, Any]:
    """Log the embedder as a model of the stage's run; what the stage gives."""
    name = spec.lineage.stage
    model_id = context.tracker.log_embedder(state.run_id, spec.embedder, name, metrics, steps)
    return {"embedder": str(spec.embedder), "model_id": model_id, "steps": steps, "metrics": metrics}


def plan_stream(
    inputs: tuple[CorpusInput, ...], transform: Transform, options: TrainingOptions, seed: int, work: Path
) -> StreamSpec:
    """What every step will receive; texts are measured first where batches are."""
    from embedworks.training.lengths import measure
    from embedworks.training.plan import plan_batches

    for corpus in inputs:
        corpus.check(transform)
    lengths = []
    if options.batch_tokens:
        lengths = [measure(corpus, transform, work / f"lengths-{n}.npy") for n, corpus in enumerate(inputs)]
    return StreamSpec(inputs, transform, plan_batches(inputs, options, seed, lengths))


def report_counts(
    context: Context, state: StageState, corpora: Sequence[CorpusRef], stream: StreamSpec
) -> None:
    """Tell exactly how many samples each corpus gives, and what becomes of the last batch."""
    tally = stream.plan.tally()
    numbers: dict[str, float] = {}
    for number, corpus in enumerate(corpora):
        given, passes = tally.given[number], tally.passes[number]
        text = f"  {corpus.source}: {given} samples, {passes:.2f} epochs"
        for word, count in (("of a further one", tally.ahead[number]), ("dropped", tally.dropped[number])):
            text += f", {count} {word}" if count else ""
        context.reporter.note(text)
        name = f"corpus/{number}"
        numbers |= {f"{name}/samples": given, f"{name}/epochs": passes}
        numbers |= {f"{name}/ahead": tally.ahead[number], f"{name}/dropped": tally.dropped[number]}
    context.tracker.metrics(state.run_id, numbers)


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
        partial, shared = folder.with_suffix(".partial"), shared_preparation(context, cls, config, corpora)
        shutil.rmtree(partial, ignore_errors=True)
        if shared and shared.is_dir():
            shutil.copytree(shared, partial)
        else:
            partial.mkdir(parents=True)
            cls.prepare(config, start, lambda: corpus_rows(context, corpora), partial)
            if shared:
                share(partial, shared)
        partial.rename(folder)
    return replace(start, artifacts=folder)


def shared_preparation(
    context: Context, cls: type[Objective], config: Any, corpora: Sequence[CorpusRef]
) -> Path | None:
    """Where stages that prepare the same keep it, beside jobs of an output; None if they do not share."""
    if cls.prepared_by is None:
        return None
    given = {
        "objective": f"{cls.__module__}.{cls.__qualname__}",
        "version": __version__,
        "config": {name: getattr(config, name) for name in cls.prepared_by},
        "seed": context.job.seed,
        "corpora": [corpus.model_dump(mode="json") for corpus in corpora],
        "digests": context.digests(corpora),
    }
    mark = hashlib.sha256(json.dumps(given, sort_keys=True, default=str).encode()).hexdigest()[:16]
    return Path(context.job.output).absolute() / PREPARED / mark


def share(made: Path, shared: Path) -> None:
    """Keep a copy of what was prepared for stages to come; the first of two at the same time stays."""
    partial = shared.with_name(f"{shared.name}.{os.getpid()}.partial")
    shutil.copytree(made, partial)
    try:
        partial.rename(shared)
    except OSError:
        shutil.rmtree(partial)


def corpus_rows(context: Context, corpora: Sequence[CorpusRef]) -> Iterator[dict[str, Any]]:
    """Every row that the stage reads, corpus by corpus, under the names that it wants.

    ``__source__`` is the number of the row's corpus, as in the stream.
    """
    for number, corpus in enumerate(corpora):
        back = {actual: wanted for wanted, actual in corpus.columns.items()}
        rows = open_corpus(context.verified(corpus)).iter_rows(corpus.split)
        for row in islice(rows, corpus.limit):
            yield (
                row | {back[name]: value for name, value in row.items() if name in back} | {SOURCE: number}
            )
