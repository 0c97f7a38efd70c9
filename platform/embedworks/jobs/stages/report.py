"""The report stage: a page and model cards of what the job has made so far."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from embedworks.errors import InputError
from embedworks.jobs.context import Context
from embedworks.jobs.references import with_inputs
from embedworks.jobs.schema import ReportStage
from embedworks.jobs.state import StageState


def run(context: Context, stage: ReportStage, state: StageState) -> dict[str, Any]:
    """Write ``report.html`` and ``cards/<model>/README.md`` into the stage's folder, and log them."""
    from embedworks.report.gathering.gather import gather
    from embedworks.report.write import CARDS, PAGE, log_files, write_cards, write_page

    source = source_of(context, stage)

    def tell(text: str) -> None:
        context.reporter.note(f"  {text}")

    report = gather(
        source,
        title=stage.title or "",
        to=stage.to,
        command=f"embedworks report {context.job.name}",
        tell=tell,
    )
    folder = context.folder(stage)
    page = write_page(report, folder / PAGE)
    cards = write_cards(report, source, folder / CARDS)
    log_files(lambda name, text: context.tracker.artifact(state.run_id, name, text), page, cards)
    for sentence in report.head.summary:
        tell(sentence)
    tell(f"wrote {page}")
    return {"report": str(page), "cards": str(folder / CARDS), "summary": list(report.head.summary)}


def source_of(context: Context, stage: ReportStage) -> Any:
    """The stages that the report reads, as they ended."""
    from embedworks.report.gathering.source import Source, StageRecord
    from embedworks.tracking.history import History

    history = History(context.tracker.uri)
    runs = {run.id: run for run in history.runs}
    wanted = with_inputs(context.job, [stage.name]) - {stage.name}
    records = tuple(
        StageRecord(
            name=one.name,
            kind=one.kind,
            block=one.model_dump(mode="json", by_alias=True),
            result=context.states[one.name].result,
            run=runs.get(context.states[one.name].run_id),
        )
        for one in context.job.stages
        if one.name in wanted and one.name in context.states
    )
    own = runs.get(context.run_id)
    return Source(
        job=context.job.model_dump(mode="json", by_alias=True),
        stages=records,
        started=own.start if own else time.time(),
        run_id=context.run_id,
        model=lambda name: _here(context.model, name),
        corpus=lambda name: _here(context.corpus, name),
        history=history,
    )


def _here(find: Any, name: str) -> Path | None:
    try:
        folder: Path = find(name)
    except InputError:
        return None
    return folder if folder.is_dir() else None
