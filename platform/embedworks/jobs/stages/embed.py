"""The embed stage: a whole corpus to vectors."""

from __future__ import annotations

import dataclasses
from typing import Any

from embedworks.jobs.context import Context
from embedworks.jobs.schema import EmbedStage
from embedworks.jobs.state import StageState


def run(context: Context, stage: EmbedStage, state: StageState) -> dict[str, Any]:
    """Embed a split into ``vectors/`` of the stage's folder."""
    from embedworks.indexing.embed import embed_corpus

    done = embed_corpus(
        context.model(stage.model),
        context.verified(stage.corpus),
        stage.corpus.split,
        stage.corpus.columns.get(stage.column, stage.column),
        context.folder(stage) / "vectors",
        workers=stage.workers,
        batch_rows=stage.batch_rows,
        layers=stage.layers,
        dimensions=stage.dimensions,
        keep=stage.keep,
        limit=stage.corpus.limit,
    )
    context.tracker.metrics(state.run_id, {"rows": done.rows, "seconds": done.seconds})
    return {**dataclasses.asdict(done), "vectors": str(done.vectors)}
