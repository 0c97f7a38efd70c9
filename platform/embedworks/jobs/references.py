"""What a stage may name: an earlier stage, a folder, a registered model or a model on a hub."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from embedworks.jobs.schema import (
    CorpusRef,
    EmbedStage,
    EvaluateStage,
    Job,
    MergeStage,
    RegisterStage,
    Stage,
    TrainStage,
)
from embedworks.jobs.source import KeyPath

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
REGISTRY = re.compile(r"models:/[^/@]+(@|/)[^/@]+")
URI = re.compile(r"[a-z][a-z0-9+.-]*:/")


def model_references(stage: Stage) -> Iterator[tuple[KeyPath, str]]:
    """The models that a stage starts from, merges, evaluates or runs, with their keys in the stage."""
    if isinstance(stage, TrainStage) and stage.from_ is not None:
        yield ("from",), stage.from_
    if isinstance(stage, MergeStage) and stage.base is not None:
        yield ("base",), stage.base
    if isinstance(stage, MergeStage | EvaluateStage):
        yield from ((("models", index), model) for index, model in enumerate(stage.models))
    if isinstance(stage, EmbedStage):
        yield ("model",), stage.model


def stage_inputs(stage: Stage, job: Job) -> list[str]:
    """The stages whose results ``stage`` needs, by name, each once and in the order it names them."""
    names = {other.name for other in job.stages}
    used = (
        [stage.from_] if isinstance(stage, RegisterStage) else [text for _, text in model_references(stage)]
    )
    return [text for text in dict.fromkeys(used) if text in names]


def is_model_address(text: str) -> bool:
    """Whether ``text``, which is not a stage's name, may be a model: by its looks, nothing is opened."""
    if text.startswith("models:"):
        return REGISTRY.fullmatch(text) is not None
    if URI.match(text) or text.startswith(("/", "./", "../", "~")):
        return True
    return bool(HUB_ID.fullmatch(text)) or text.count("/") > 1 or Path(text).is_dir()


def corpora_of(stage: Stage) -> tuple[CorpusRef, ...]:
    """The corpora that a stage reads; those of an evaluate stage's tasks are the tasks' own."""
    if isinstance(stage, TrainStage):
        return stage.corpus
    if isinstance(stage, MergeStage):
        return stage.probe or ()
    return (stage.corpus,) if isinstance(stage, EmbedStage) else ()
