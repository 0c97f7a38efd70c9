"""Units of work on a Ray Data pool of models: what a worker that dies had begun is done by another."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedworks.errors import InputError
from embedworks.indexing.record import UnitRecord
from embedworks.indexing.units import Unit
from embedworks.indexing.work import Work
from embedworks.indexing.worker import UnitWorker

RETRIES = 5  # of a unit whose worker dies; one that kills every worker is given up
IN_FLIGHT = 2  # a worker has its next unit when it ends one


@dataclass(frozen=True)
class Pool:
    """How many replicas of the model there are; Ray Data chooses between the bounds.

    Attributes:
        least: Replicas at least.
        most: Replicas at most; never more than there are units.
        num_cpus: Of one replica.
    """

    least: int = 1
    most: int = 1
    num_cpus: float = 1

    @classmethod
    def parse(cls, text: str) -> Pool:
        """``4``, or ``1-8``.

        Raises:
            InputError: for anything else.
        """
        least, dash, most = text.partition("-")
        try:
            pool = cls(int(least), int(most if dash else least))
        except ValueError:
            pool = cls(0, 0)
        if not 1 <= pool.least <= pool.most:
            raise InputError(f"workers {text!r} cannot be read", expected="N, or MIN-MAX, as 1-8")
        return pool


def embed_here(work: Work, units: Sequence[Unit]) -> Iterator[UnitRecord]:
    """One unit after the other in this process, without Ray."""
    worker = UnitWorker(work)
    for unit in units:
        yield worker.embed(unit)


def embed_on_ray(work: Work, units: Sequence[Unit], pool: Pool | None = None) -> Iterator[UnitRecord]:
    """Units on the cluster that this process has joined, in the order in which they end.

    Args:
        work: What to embed.
        units: Those that are to be done.
        pool: How many replicas; None: as many as the cluster has CPUs for.

    Raises:
        InputError: for rows or a model that cannot be read.
    """
    for row in _dataset(work, units, pool or whole_cluster()).iter_rows():
        if row["refused"]:
            raise InputError(row["refused"])
        yield UnitRecord.model_validate_json(row["record"])


def _dataset(work: Work, units: Sequence[Unit], pool: Pool) -> Any:
    import ray.data
    from ray.util.annotations import RayDeprecationWarning

    most = min(pool.most, len(units))
    actors = ray.data.ActorPoolStrategy(
        min_size=min(pool.least, most),
        max_size=most,
        initial_size=min(most, max(pool.least, _room(pool.num_cpus))),
        max_tasks_in_flight_per_actor=IN_FLIGHT,
    )
    rows = [{"number": unit.number, "first": unit.first, "rows": unit.rows} for unit in units]
    # A block a unit: what is done is known at once, and a lost worker costs its unit alone.
    dataset = ray.data.from_items(rows, override_num_blocks=len(rows))
    options: dict[str, Any] = {"batch_size": 1, "batch_format": "numpy", "num_cpus": pool.num_cpus}
    with warnings.catch_warnings():
        # Ray Data would try for ever, and has no other name for this than one that it will drop.
        warnings.simplefilter("ignore", RayDeprecationWarning)
        return dataset.map_batches(
            RayWorker, fn_constructor_args=(work,), compute=actors, max_task_retries=RETRIES, **options
        )


class RayWorker:
    """A worker as Ray Data calls it: one unit a batch."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._worker: UnitWorker | None = None

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, Any]:
        """The unit's record as JSON, or why it cannot be done."""
        unit = Unit(*(int(batch[name][0]) for name in ("number", "first", "rows")))
        try:
            # Opened here: Ray Data takes an error of a constructor for a lost worker, and tries again.
            self._worker = self._worker or UnitWorker(self._work)
            record = self._worker.embed(unit)
        except InputError as error:
            # As a value, because what Ray Data raises has lost the error that it was raised for.
            return {"record": [""], "refused": [str(error)]}
        return {"record": [record.model_dump_json()], "refused": [""]}


def whole_cluster(num_cpus: float = 1) -> Pool:
    """A pool that may take all of the cluster's CPUs.

    A node that we start counts more logical CPUs than it has: on one machine its cores are the limit.
    """
    import ray

    logical = ray.cluster_resources().get("CPU", 1)
    nodes = sum(node["Alive"] for node in ray.nodes())
    cores = min(logical, os.cpu_count() or 1) if nodes == 1 else logical
    return Pool(1, max(1, int(cores // num_cpus)), num_cpus)


def _room(num_cpus: float) -> int:
    import ray

    return int(ray.available_resources().get("CPU", 0) // num_cpus)
