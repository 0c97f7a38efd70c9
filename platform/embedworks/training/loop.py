"""The door of the training wing: minimise an objective on Ray Train workers."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
import ray.train
from ray import cloudpickle
from ray.train.torch import TorchTrainer

from embedworks.corpora.plan import BatchPlan
from embedworks.errors import InputError
from embedworks.training.progress import Board, Progress, Watcher
from embedworks.training.stream import RankSplit

if TYPE_CHECKING:
    from embedworks.training.spec import TrainSpec


def train(spec: TrainSpec, work_folder: Path, listener: Callable[[Progress], None]) -> None:
    """Train, or go on from the newest checkpoint; writes ``spec.embedder``.

    Args:
        spec: What to train; with a plan of snapshots, it writes these alone and not ``spec.embedder``.
        work_folder: Where Ray Train keeps what it knows of the run.
        listener: Receives progress in the driver while the workers train.

    Raises:
        InputError: if the batch size or the corpora do not fit, or the cluster lacks resources.
        ray.train.TrainingFailedError: if the workers failed more often than ``max_failures``.
    """
    check(spec)
    options = spec.options
    board: Any = Board.remote()  # type: ignore[attr-defined]
    trainer = TorchTrainer(
        work,
        train_loop_config={"spec": cloudpickle.dumps(spec), "board": board},
        scaling_config=ray.train.ScalingConfig(
            num_workers=options.workers,
            use_gpu=options.resources.gpus > 0,
            resources_per_worker={"CPU": options.resources.cpus, "GPU": options.resources.gpus},
        ),
        run_config=ray.train.RunConfig(
            name="ray",
            storage_path=str(work_folder.resolve()),
            failure_config=ray.train.FailureConfig(max_failures=options.max_failures),
            worker_runtime_env={"env_vars": worker_environment(spec)},
        ),
        datasets={"train": placeholder},
        dataset_config=RankSplit(spec.stream, board, options.resources.readers),
    )
    with Watcher(board, listener):
        trainer.fit()


def work(parts: dict[str, Any]) -> None:
    """The workers' function. Ray's controller holds it too, and should not import DeepSpeed for that."""
    from embedworks.catalog import system_folders
    from embedworks.training.worker import train_worker

    system_folders()  # the pickle may hold classes of a system from EMBEDWORKS_PATH
    train_worker(cloudpickle.loads(parts["spec"]), parts["board"])


def placeholder() -> Any:
    """Ray Train wants a dataset to split; :class:`RankSplit` makes the real one when it is asked."""
    return None


def check(spec: TrainSpec) -> None:
    """Refuse before any worker starts what could only fail later, or wait for ever.

    Raises:
        InputError: for each such reason.
    """
    options = spec.options
    if options.lora and find_spec("peft") is None:
        raise InputError("lora is set without peft", expected="pip install 'embedworks[lora]'")
    check_sharing(spec.stream.plan, options.workers)
    have = ray.cluster_resources()
    looks = (spec.snapshots.cpus, spec.snapshots.gpus) if spec.snapshots else (0, 0)
    # One logical CPU beyond the workers, or the stream's own tasks would wait for ever.
    for kind, need in (
        ("CPU", options.workers * options.resources.cpus + 1 + looks[0]),
        ("GPU", options.workers * options.resources.gpus + looks[1]),
    ):
        if need > have.get(kind, 0):
            raise InputError(
                f"the cluster has {have.get(kind, 0):g} {kind}s and this stage needs {need:g}",
                expected="fewer workers, smaller `resources:`, or a larger cluster",
            )


def check_sharing(plan: BatchPlan, workers: int) -> None:
    """Every worker needs a sample at every step, or the others would wait for it in vain.

    Raises:
        InputError: if a batch has fewer samples than there are workers.
    """
    least = plan.smallest()
    if least < workers:
        raise InputError(
            f"the smallest batch has {least} samples, which {workers} workers cannot share",
            expected="fewer workers, a larger batch, or last_batch: pad or drop",
        )


def worker_environment(spec: TrainSpec) -> dict[str, str]:
    """Environment of the workers: the accelerator, threads, and where systems are found."""
    resources = spec.options.resources
    variables = {
        "EMBEDWORKS_PATH": spec.path,
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": str(max(1, int(resources.cpus))),
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }
    if resources.gpus == 0:
        variables["DS_ACCELERATOR"] = "cpu"
    return variables
