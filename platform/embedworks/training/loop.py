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
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from embedworks.corpora.plan import BatchPlan
from embedworks.errors import InputError
from embedworks.training.attend import Attendant
from embedworks.training.elastic import STREAM_CPUS, NoticeSigterm, Trainer
from embedworks.training.options import WorkerRange
from embedworks.training.progress import Board, Progress, Watcher
from embedworks.training.stream import RankSplit

if TYPE_CHECKING:
    from embedworks.training.spec import TrainSpec


def train(
    spec: TrainSpec,
    work_folder: Path,
    listener: Callable[[Progress], None],
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Train, or go on from the newest checkpoint; writes ``spec.embedder``.

    Args:
        spec: What to train; with a plan of snapshots, it writes these alone and not ``spec.embedder``.
        work_folder: Where Ray Train keeps what it knows of the run.
        listener: Receives progress in the driver while the workers train.
        tell: Receives a line about what went wrong and was mended.

    Raises:
        InputError: if the batch size or the corpora do not fit, or the cluster lacks resources.
        FloatingPointError: for a loss that is not a number; the message names the samples' file.
        HangError: if the workers hung more often than ``max_failures``.
        KeyboardInterrupt: after an interrupt; the workers saved, if there was time.
        ray.train.TrainingFailedError: if the workers failed more often than ``max_failures``.
    """
    check(spec)
    options = spec.options
    # On the driver's node, with which the run ends anyway; any other may be lost.
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    board: Any = Board.options(scheduling_strategy=here).remote()  # type: ignore[attr-defined]
    trainer = Trainer(
        work,
        board=board,
        checkpoints=spec.checkpoints,
        spare=STREAM_CPUS + (spec.snapshots.cpus if spec.snapshots else 0),
        train_loop_config={"spec": cloudpickle.dumps(spec), "board": board},
        scaling_config=ray.train.ScalingConfig(
            num_workers=scaling(options.workers),
            elastic_resize_monitor_interval_s=options.workers.look_every,
            use_gpu=options.resources.gpus > 0,
            resources_per_worker={"CPU": options.resources.cpus, "GPU": options.resources.gpus},
        ),
        run_config=ray.train.RunConfig(
            name="ray",
            storage_path=str(work_folder.resolve()),
            failure_config=ray.train.FailureConfig(max_failures=options.max_failures),
            callbacks=[NoticeSigterm()],
            worker_runtime_env={"env_vars": worker_environment(spec)},
        ),
        datasets={"train": placeholder},
        dataset_config=RankSplit(spec.stream, board, options.resources.readers),
    )
    attendant = Attendant(board, work_folder, tell)
    with Watcher(board, listener):
        try:
            attendant.wait(trainer.fit)
        except ray.train.TrainingFailedError as error:
            if attendant.last_hang:
                raise HangError(attendant.last_hang) from error
            raise
    if why := ray.get(board.verdict.remote()):
        raise FloatingPointError(why)


class HangError(RuntimeError):
    """Workers that wait for each other for ever, also after restarts."""


def scaling(workers: WorkerRange) -> int | tuple[int, int]:
    """The number of workers as Ray Train wants it."""
    return workers.max if workers.is_fixed else (workers.min, workers.max)


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
    check_sharing(spec.stream.plan, options.workers.max)
    have = ray.cluster_resources()
    looks = (spec.snapshots.cpus, spec.snapshots.gpus) if spec.snapshots else (0, 0)
    for kind, need in (
        ("CPU", options.workers.min * options.resources.cpus + STREAM_CPUS + looks[0]),
        ("GPU", options.workers.min * options.resources.gpus + looks[1]),
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
    """Environment of the workers: the accelerator, and where systems are found."""
    resources = spec.options.resources
    variables = {
        "EMBEDWORKS_PATH": spec.path,
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }
    if resources.gpus == 0:
        variables["DS_ACCELERATOR"] = "cpu"
    return variables
