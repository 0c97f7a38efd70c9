"""Measures what a data-aware method needs of each model, one Ray task a model, and never twice."""

from __future__ import annotations

import importlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedworks.folder import weights_digest
from embedworks.jobs.context import Context
from embedworks.jobs.probes import make_probe
from embedworks.jobs.schema import MergeStage
from embedworks.jobs.state import StageState
from embedworks.merging.method import find_method
from embedworks.merging.statistics.files import read_numbers
from embedworks.merging.statistics.probe import Probe

FOLDER = "statistics"


def measure_models(
    context: Context, stage: MergeStage, state: StageState, folders: Mapping[str, Path]
) -> dict[str, Path]:
    """The statistics of every model by its name; none where the method needs none.

    A file is named by the digests of the model's weights and of the probe, and lies beside the jobs:
    other stages and other jobs with the same output folder find it.
    """
    kind = getattr(find_method(stage.method), "STATISTICS", None)
    if kind is None:
        return {}
    probe = make_probe(context, stage.probe or (), stage.measure)
    root = (Path(context.job.output) / FOLDER).absolute()
    files = {
        name: root / f"{kind}-{weights_digest(folder)[:16]}-{probe.digest}.safetensors"
        for name, folder in folders.items()
        if name in stage.model_names
    }
    _collect(context, kind, probe, {files[name]: folders[name] for name in files})
    for number, (name, file) in enumerate(files.items()):
        numbers = read_numbers(file)
        context.tracker.metrics(state.run_id, {f"{kind}/{number}/{key}": v for key, v in numbers.items()})
        told = ", ".join(f"{key} {value:.4g}" for key, value in numbers.items())
        context.reporter.note(f"  {kind} of {name}: {told}")
    return files


def _collect(context: Context, kind: str, probe: Probe, wanted: Mapping[Path, Path]) -> None:
    """Measure what is not there yet."""
    import ray

    module = importlib.import_module(f"embedworks.merging.statistics.{kind}")
    remote = ray.remote(num_cpus=1, scheduling_strategy="DEFAULT")(module.collect)
    begun = time.monotonic()
    waiting: list[Any] = [
        remote.remote(folder, probe, file) for file, folder in wanted.items() if not file.is_file()
    ]
    if waiting:
        ray.get(waiting)
        context.reporter.note(f"  {len(waiting)} models measured: {time.monotonic() - begun:.0f} s")
