"""The embed stage: a whole corpus into an index."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedworks.jobs.context import Context
from embedworks.jobs.schema import EmbedStage
from embedworks.jobs.state import StageState
from embedworks.registered import is_registered, pinned

if TYPE_CHECKING:
    from embedworks.indexing.options import FoundModel, IndexOptions


def run(context: Context, stage: EmbedStage, state: StageState) -> dict[str, Any]:
    """Embed a split into ``index/`` of the stage's folder, or into the index that the stage names."""
    from embedworks.indexing.embed import embed_corpus
    from embedworks.indexing.pool import Pool, embed_on_ray

    done = embed_corpus(
        find_model(context, stage.model),
        context.verified(stage.corpus),
        Path(stage.index).absolute() if stage.index else context.folder(stage) / "index",
        index_options(stage),
        name=None if stage.index else stage.name,
        embed=partial(embed_on_ray, pool=Pool(stage.workers, stage.workers)),
    )
    found = asdict(done) | {"index": str(done.index), "removed": list(done.removed)}
    numbers = ("rows", "reused", "tokens", "seconds")
    context.tracker.metrics(state.run_id, {key: found[key] for key in numbers})
    context.reporter.note(f"  {done.index}: {done.rows:,} rows, {done.reused:,} reused, {done.kind}")
    return found


def find_model(context: Context, reference: str) -> FoundModel:
    """The model that a stage names, pinned to the version that an alias leads to now.

    Raises:
        InputError: if there is none.
    """
    from embedworks.indexing.options import FoundModel
    from embedworks.tracking.registry import model_version

    folder = context.model(reference).absolute()
    if reference in context.states:
        result = context.result(reference)
        if "uri" not in result:
            return FoundModel.of_folder(folder)
        version = str(result["version"])
        return FoundModel(folder, pinned(result["uri"], version), result["uri"], version)
    if is_registered(reference) and (found := model_version(reference, context.tracker.uri)):
        return FoundModel(folder, pinned(reference, found), reference, found)
    is_folder = Path(reference).expanduser().is_dir()
    return FoundModel(folder, str(folder) if is_folder else reference, reference)


def index_options(stage: EmbedStage) -> IndexOptions:
    """A stage's block as indexing takes it: under the corpus's own names of columns."""
    from embedworks.indexing.options import IndexOptions

    renamed = stage.corpus.columns
    keep = [stage.column, *stage.keep] if stage.column in renamed else stage.keep
    if stage.group in renamed:
        keep = [*keep, stage.group]
    return IndexOptions(
        column=renamed.get(stage.column, stage.column),
        split=stage.corpus.split,
        limit=stage.corpus.limit,
        keep=tuple(f"{name}={renamed[name]}" if name in renamed else name for name in keep),
        group=stage.group,
        questions=renamed.get(stage.questions, stage.questions) if stage.questions else None,
        sizes=stage.sizes,
        prompt=stage.prompt,
        precision=stage.precision,
        backend=stage.backend,
        format=stage.format,
        keep_versions=stage.keep_versions,
    )
