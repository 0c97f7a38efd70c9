"""The curate stage: a corpus through quality filters, to a corpus that later stages name by the stage."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from embedworks.corpora.quality.contract import Resources, Scorer
from embedworks.corpora.quality.curate import Count, curate
from embedworks.corpora.quality.find import filter_config
from embedworks.evaluation.find import find_task
from embedworks.jobs.context import Context
from embedworks.jobs.load import LoadedJob
from embedworks.jobs.schema import CurateStage
from embedworks.jobs.state import CORPUS, StageState
from embedworks.jobs.validate import validate_block

REMOVED_FILE = "removed.parquet"


def check_filters(loaded: LoadedJob, stage: CurateStage) -> None:
    """Check the filters' names, their keys, and the tasks that they name.

    Raises:
        InputError: naming the line and the nearest filter, key or task.
    """
    for index, block in enumerate(stage.filters):
        path = loaded.path(stage.name, "filters", index)
        with loaded.source.blame((*path, "name")):
            config = filter_config(block.name)
        validate_block(config, block.keys, loaded.source, path)
        for place, task in enumerate(block.keys.get("tasks", ())):
            with loaded.source.blame((*path, "tasks", place)):
                find_task(task)


def run(context: Context, stage: CurateStage, state: StageState) -> dict[str, Any]:
    """Filter into ``corpus/`` of the stage's folder."""
    folder = context.folder(stage)
    for left in (folder / CORPUS, folder / REMOVED_FILE):
        shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
    done = curate(
        context.verified(stage.corpus),
        folder / CORPUS,
        [block.model_dump(mode="json") for block in stage.filters],
        split=stage.corpus.split,
        limit=stage.corpus.limit,
        workers=stage.workers,
        name=stage.name,
        removed=folder / REMOVED_FILE if stage.keep_removed else None,
        resources=resources(context.corpus, context.model),
        listen=lambda count: context.reporter.note(f"  {count}"),
    )
    context.tracker.metrics(state.run_id, count_metrics(done.counts))
    counts = [{"filter": one.filter, "rows": one.rows, "removed": one.removed} for one in done.counts]
    return {
        CORPUS: str(done.folder),
        "digest": done.digest,
        "rows": done.counts[-1].kept,
        "filters": counts,
    }


def count_metrics(counts: tuple[Count, ...]) -> dict[str, float]:
    """What each filter saw, left and removed for which reason: a filter may be there twice."""
    metrics: dict[str, float] = {}
    for number, count in enumerate(counts, 1):
        at = f"{number}-{count.filter}"
        metrics |= {f"{at}/rows": count.rows, f"{at}/kept": count.kept}
        metrics |= {f"{at}/removed/{reason}": rows for reason, rows in count.removed.items()}
    return metrics


def resources(corpus: Callable[[str], Path], model: Callable[[str], Path]) -> Resources:
    """What filters may ask for, found by a job or a command line."""
    from embedworks.evaluation.texts import task_texts

    return Resources(corpus, model, _scorer, partial(task_texts, corpus=corpus))


def _scorer(folder: Path, max_tokens: int) -> Scorer:
    from embedworks.inference.perplexity import PerplexityScorer

    return PerplexityScorer(folder, max_tokens)
