"""What a stage may name: an earlier stage, a folder, a registered model or a model on a hub."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from embedworks.errors import KeyPath
from embedworks.evaluation.find import find_task, task_names
from embedworks.jobs.corpus_options import CorpusRef
from embedworks.jobs.during_options import DuringOptions
from embedworks.jobs.merging.options import GoalOptions
from embedworks.jobs.schema import (
    CurateStage,
    EmbedStage,
    EvaluateStage,
    Job,
    MergeStage,
    RegisterStage,
    ReportStage,
    Stage,
    TrainStage,
)

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
REGISTRY = re.compile(r"models:/[^/@]+(@|/)[^/@]+")
VOCABULARIES = ("union", "base")
URI = re.compile(r"[a-z][a-z0-9+.-]*:/")


def model_references(stage: Stage) -> Iterator[tuple[KeyPath, str]]:
    """The models that a stage starts from, learns from, merges, evaluates or runs, with their keys."""
    if isinstance(stage, TrainStage) and stage.from_ is not None:
        yield ("from",), stage.from_
    if isinstance(stage, TrainStage) and stage.teacher is not None:
        yield ("teacher",), stage.teacher
    if isinstance(stage, MergeStage) and stage.base is not None:
        yield ("base",), stage.base
    if isinstance(stage, MergeStage):
        yield from _merged(stage)
    if isinstance(stage, EvaluateStage):
        yield from ((("models", index), model) for index, model in enumerate(stage.models))
    if isinstance(stage, EmbedStage):
        yield ("model",), stage.model
    if isinstance(stage, CurateStage):
        for index, block in enumerate(stage.filters):
            if isinstance(model := block.keys.get("model"), str):
                yield ("filters", index, "model"), model


def _merged(stage: MergeStage) -> Iterator[tuple[KeyPath, str]]:
    for index, entry in enumerate(stage.models or ()):
        # As the entry is written: a model without settings is its name alone.
        yield (("models", index, "model") if entry.parameters else ("models", index)), entry.model
    for index, part in enumerate(stage.slices or ()):
        for place, source in enumerate(part.sources):
            yield ("slices", index, "sources", place, "model"), source.model
    if stage.tokenizer not in (None, *VOCABULARIES):
        yield ("tokenizer",), stage.tokenizer


def corpus_references(stage: Stage) -> Iterator[tuple[KeyPath, str]]:
    """The corpora that a stage names, with their keys in the stage."""
    if isinstance(stage, TrainStage):
        yield from ((("corpus", i, "source"), corpus.source) for i, corpus in enumerate(stage.corpus))
    if isinstance(stage, MergeStage):
        yield from ((("probe", i, "source"), corpus.source) for i, corpus in enumerate(stage.probe or ()))
    for block, options in _looks(stage):
        replaced = options.corpora.items()
        yield from (((block, "corpora", name), source) for name, source in replaced)
    for i, corpus in enumerate(_held_out(stage)):
        yield ("evaluate", "held_out", "corpus", i, "source"), corpus.source
    if isinstance(stage, EvaluateStage):
        yield from ((("corpora", name), source) for name, source in stage.corpora.items())
    if isinstance(stage, CurateStage | EmbedStage):
        yield ("corpus", "source"), stage.corpus.source
    if isinstance(stage, CurateStage):
        yield from ((("filters", *key, "source"), other["source"]) for key, other in _against(stage))


def stage_inputs(stage: Stage, job: Job) -> list[str]:
    """The stages whose results ``stage`` needs, by name, each once and in the order it names them."""
    names = {other.name for other in job.stages}
    used = [text for _, text in model_references(stage)]
    if isinstance(stage, RegisterStage | ReportStage):
        used.append(stage.from_)
    if isinstance(stage, ReportStage):
        before = job.stages[: job.stages.index(stage)]
        used += [one.name for one in before if isinstance(one, RegisterStage) and one.from_ == stage.from_]
    return [text for text in dict.fromkeys(used) if text in names]


def depends_on(job: Job, stage: Stage) -> set[str]:
    """The stages whose models, scores or corpora ``stage`` reads, by name."""
    names = {other.name for other in job.stages}
    corpora = {source for _, source in corpus_references(stage)} & names
    return corpora | set(stage_inputs(stage, job))


def with_inputs(job: Job, names: Iterable[str]) -> set[str]:
    """The stages of these names and all that they depend on, directly or not."""
    waiting, found = list(names), set()
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting += depends_on(job, job.stage(name)) - found
    return found


def is_model_address(text: str) -> bool:
    """Whether ``text``, which is not a stage's name, may be a model: by its looks, nothing is opened."""
    if text.startswith("models:"):
        return REGISTRY.fullmatch(text) is not None
    if URI.match(text) or text.startswith(("/", "./", "../", "~")):
        return True
    return bool(HUB_ID.fullmatch(text)) or text.count("/") > 1 or Path(text).is_dir()


def corpora_of(stage: Stage) -> tuple[CorpusRef, ...]:
    """The corpora that a stage reads; of an evaluate stage, those in place of its tasks' own."""
    if isinstance(stage, TrainStage):
        return stage.corpus
    if isinstance(stage, MergeStage):
        return stage.probe or ()
    if isinstance(stage, EvaluateStage):
        return tuple(CorpusRef(source=source) for source in stage.corpora.values())
    if isinstance(stage, CurateStage):
        others = [source for key, source in corpus_references(stage) if key[0] == "filters"]
        others += [name for block in stage.filters for name in _task_corpora(block.keys.get("tasks"))]
        return (stage.corpus, *(CorpusRef(source=source) for source in others))
    return (stage.corpus,) if isinstance(stage, EmbedStage) else ()


def inputs_of(stage: Stage) -> tuple[CorpusRef, ...]:
    """Every corpus that the result depends on: also those that a stage is evaluated on."""
    looked_at = [source for _, options in _looks(stage) for source in options.corpora.values()]
    return (*corpora_of(stage), *(CorpusRef(source=source) for source in looked_at), *_held_out(stage))


def _held_out(stage: Stage) -> tuple[CorpusRef, ...]:
    looks = stage.evaluate if isinstance(stage, TrainStage | MergeStage) else None
    return looks.held_out.corpus if looks and looks.held_out else ()


def _looks(stage: Stage) -> Iterator[tuple[str, DuringOptions | GoalOptions]]:
    """The blocks that evaluate within a stage."""
    if isinstance(stage, TrainStage | MergeStage) and stage.evaluate:
        yield "evaluate", stage.evaluate
    if isinstance(stage, MergeStage) and stage.goal:
        yield "goal", stage.goal


def _against(stage: CurateStage) -> Iterator[tuple[tuple[int | str, ...], dict[str, Any]]]:
    """The splits that a curate stage's filters compare with; a filter's keys are checked elsewhere."""
    for index, block in enumerate(stage.filters):
        others = block.keys.get("against")
        for place, other in enumerate(others if isinstance(others, list) else ()):
            if isinstance(other, dict) and isinstance(other.get("source"), str):
                yield (index, "against", place), other


def _task_corpora(tasks: Any) -> Iterator[str]:
    """The corpora of the platform's own tasks; the data of others is on a hub."""
    for task in tasks if isinstance(tasks, list) else ():
        if task in task_names():
            yield from find_task(task).corpora
