"""The door of gathering: a job as it was left -> all that a report shows of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from embedworks.jobs.scores import Scores, full_size
from embedworks.report.data import EmbeddingMap, Head, Made, Neighbours, Report, ScoreTable
from embedworks.report.gathering.costs import grids, measured_costs
from embedworks.report.gathering.curves import trainings
from embedworks.report.gathering.environment import machine, versions
from embedworks.report.gathering.lineage import lineage, registrations
from embedworks.report.gathering.merges import merges
from embedworks.report.gathering.nearest import neighbours
from embedworks.report.gathering.projection import labelled_map, paired_map
from embedworks.report.gathering.scores import all_scores, reference_of, score_table
from embedworks.report.gathering.significance import significance
from embedworks.report.gathering.source import Source
from embedworks.report.gathering.summary import summary
from embedworks.report.gathering.texts import (
    SearchTexts,
    labelled_texts,
    matched_texts,
    open_task,
    search_texts,
)
from embedworks.report.gathering.vectors import Encoders

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Looked:
    """What needed the models themselves, and why parts of it are not there."""

    map: EmbeddingMap | None = None
    neighbours: Neighbours | None = None
    texts: tuple[str, ...] = ()
    why_not: str = ""


def gather(
    source: Source,
    *,
    title: str = "",
    to: str | None = None,
    command: str = "",
    tell: Tell = lambda _: None,
) -> Report:
    """Read all that there is of a job.

    Args:
        source: The job.
        title: Of the page; empty: the job's name.
        to: The model that others are compared with; None: see :func:`.reference_of`.
        command: That makes the page again.
        tell: Receives a line before what takes long.

    Raises:
        InputError: if ``to`` was not evaluated.
    """
    scores = all_scores(source)
    reference = reference_of(source, scores, to) if scores else ""
    table = score_table(source, scores, reference) if scores else None
    tested = significance(source, scores, table, tell) if table else None
    looked = look(source, scores, table, tell) if table else Looked()
    left_out = {"map and neighbours": looked.why_not} if looked.why_not else {}
    costs = None
    if table:
        tell("measuring costs")
        costs = measured_costs(
            source, scores, looked.texts or ("a text of some ten words, as tasks have them",)
        )
        if costs is None:
            left_out["costs"] = "no evaluated model is on this machine"
        if tested is None and len(table.rows) > 1:
            left_out["significance"] = "the samples of the tasks are not on this machine"
    made, inputs = merges(source)
    registered = registrations(source)
    shown = list(dict.fromkeys([table.reference, table.best])) if table else []
    return Report(
        head=_head(source, title, summary(table, tested, registered)),
        scores=table,
        significance=tested,
        costs=costs,
        grids=grids(scores, [*shown, *(m for m in scores if m not in shown)]),
        trainings=trainings(source),
        map=looked.map,
        neighbours=looked.neighbours,
        lineage=lineage(source, table.best if table else None),
        merges=made,
        inputs=inputs,
        registrations=registered,
        made=_made(source, command),
        left_out=left_out,
    )


def look(source: Source, scores: Mapping[str, Scores], table: ScoreTable, tell: Tell) -> Looked:
    """Encode texts of one task for a map and of one for neighbours, by the reference and the best model."""
    models = list(dict.fromkeys([table.reference, table.best]))
    folders = {model: folder for model in models if (folder := source.model(model))}
    if len(folders) < len(models):
        return Looked(why_not="the reference and the best model are not both on this machine")
    opened = {name: task for name in table.tasks if (task := open_task(source, name)) is not None}
    if not opened:
        return Looked(why_not="no corpus of a task is on this machine")
    searches = {name: found for name, task in opened.items() if (found := search_texts(task))}
    encoders = Encoders(folders)
    near, nearest_task = None, _smallest(searches, scores, models)
    if nearest_task and len(models) > 1:
        count = len(searches[nearest_task].documents)
        tell(f"encoding {count} documents of {nearest_task} with {' and '.join(models)}")
        near = neighbours(opened[nearest_task], searches[nearest_task], encoders, scores)
    tell("projecting texts")
    return Looked(_map(opened, searches, nearest_task, encoders), near, _some_texts(searches))


def _map(
    opened: Mapping[str, Any], searches: Mapping[str, SearchTexts], nearest: str | None, encoders: Encoders
) -> EmbeddingMap | None:
    """Of a task with labels; else of the one whose texts are encoded; else of translations."""
    for task in opened.values():
        if labelled_texts(task):
            return labelled_map(task, encoders)
    if nearest:
        return paired_map(opened[nearest], searches[nearest], encoders)
    for task in opened.values():
        if next(matched_texts(task), None):
            return paired_map(task, None, encoders)
    return None


def _smallest(
    searches: Mapping[str, SearchTexts], scores: Mapping[str, Scores], models: list[str]
) -> str | None:
    """The retrieval task with the fewest documents, of those with samples of all models."""
    found = [
        name
        for name in searches
        if all(full_size(scores[model]).get(name, {}).get("samples") for model in models)
    ]
    return min(found, key=lambda name: len(searches[name].documents), default=None)


def _some_texts(searches: Mapping[str, SearchTexts]) -> tuple[str, ...]:
    for search in searches.values():
        return tuple(search.documents.values())[:32]
    return ()


def _head(source: Source, title: str, sentences: tuple[str, ...]) -> Head:
    when = time.strftime("%d %B %Y, %H:%M", time.localtime(source.started or time.time())).lstrip("0")
    stages = [stage.kind for stage in source.stages]
    counts = ", ".join(f"{stages.count(kind)} {kind}" for kind in dict.fromkeys(stages))
    facts = (
        ("job", source.name),
        ("run", when),
        ("stages", counts),
        ("seed", str(source.job.get("seed", 0))),
        ("page made on", machine()),
        (
            "with",
            ", ".join(
                f"{name} {number}" for name, number in versions("embedworks", "torch", "mteb").items()
            ),
        ),
    )
    return Head(
        title=title or source.name,
        job=source.name,
        date=when,
        facts=facts,
        summary=sentences,
        notes=tuple(source.notes),
    )


def _made(source: Source, command: str) -> Made:
    text = yaml.safe_dump(dict(source.job), sort_keys=False, allow_unicode=True)
    again = ("embedworks run job.yaml", *([command] if command else []))
    return Made(text, versions(), again)
