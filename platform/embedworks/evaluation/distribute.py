"""Many models on many tasks: in this process, or each model and task in a Ray task of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedworks.embedder import Pair
from embedworks.evaluation.evaluate import Score, evaluate_model
from embedworks.evaluation.subjects import Access
from embedworks.named import short_name
from embedworks.nn.precision import Precision

Scores = dict[str, list[Score]]
Listener = Callable[[str, Score], None]  # told (model, score) of every score as it comes


@dataclass(frozen=True)
class Work:
    """What is to be scored.

    Attributes:
        models: Name -> what :func:`~embedworks.evaluation.subjects.open_subject` opens.
        tasks: Name -> the model's tasks.
        pairs: (layers, dimensions) to read all of them at; None: each at its full size.
        corpora: Name -> folder of the corpora that the offline tasks are built from.
        precision: Of the inference engine.
        cache: mteb's folder of results, which all Ray tasks must see.
        access: Keys and prompts.
        keep: Folder that receives samples, in a folder for each model; all Ray tasks must see it.
    """

    models: Mapping[str, Path | str]
    tasks: Mapping[str, Sequence[str]]
    corpora: Mapping[str, Path]
    pairs: Sequence[Pair] | None = None
    precision: Precision = "auto"
    cache: Path | None = None
    access: Access = field(default_factory=Access)
    keep: Path | None = None

    def samples_of(self, model: str) -> Path | None:
        """Where a model's samples go; two models may have one last name."""
        place = f"{list(self.models).index(model)}-{short_name(model)}"
        return self.keep / place if self.keep else None


def score_here(work: Work, listen: Listener) -> Scores:
    """Model -> scores, one after the other; a model is loaded once."""
    return {
        name: evaluate_model(
            model,
            work.tasks[name],
            work.pairs,
            work.corpora,
            work.precision,
            work.cache,
            keep=work.samples_of(name),
            access=work.access,
            listen=lambda score, name=name: listen(name, score),  # type: ignore[misc]
        )
        for name, model in work.models.items()
    }


def score_on_ray(work: Work, listen: Listener) -> Scores:
    """Model -> scores, in the cluster that this process has joined.

    A Ray task is one model on one task, so that a slow task holds nobody up. Models, corpora and the cache
    have to be where all nodes see them. The first error stops the rest.
    """
    import ray

    remote = ray.remote(num_cpus=1, scheduling_strategy="SPREAD")(_score_one)
    packed = ray.put(work)
    places: dict[Any, tuple[str, int]] = {
        remote.remote(packed, name, task): (name, number)
        for name in work.models
        for number, task in enumerate(work.tasks[name])
    }
    found: dict[tuple[str, int], list[Score]] = {}
    waiting = list(places)
    try:
        while waiting:
            (ready,), waiting = ray.wait(waiting)
            place = places[ready]
            found[place] = ray.get(ready)
            for score in found[place]:
                listen(place[0], score)
    finally:
        for left in waiting:
            ray.cancel(left)
    return {
        name: [score for number in range(len(work.tasks[name])) for score in found[name, number]]
        for name in work.models
    }


def _score_one(work: Work, name: str, task: str) -> list[Score]:
    return evaluate_model(
        work.models[name],
        [task],
        work.pairs,
        work.corpora,
        work.precision,
        work.cache,
        keep=work.samples_of(name),
        access=work.access,
    )
