"""How training's parts grow with workers and ZeRO stage on one machine: memory, checkpoints, start, rate.

    python benchmarks/scaling.py [--json] [--steps N]

all-MiniLM-L6-v2, 32 pairs a step on any number of workers, cut to 32 tokens. Beyond the cores, workers are
no faster; what is looked at is what each of them holds and what a further one costs.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from _harness import Contender, Result, Runs, report, show, take_turns
from train import MODEL, pairs_corpus

from embedworks.folder import load_embedder, resolve_model
from embedworks.nn.precision import has_fast_bf16

GRID = ((1, 0), (2, 0), (2, 1), (2, 2), (2, 3), (4, 1))
BYTES = 12  # of a checkpoint for each parameter: the float32 weights and Adam's two moments


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--steps", type=int, default=15)
    given = parser.parse_args(arguments)
    base, corpus = resolve_model(MODEL), pairs_corpus()
    precision = "bf16" if has_fast_bf16(torch.device("cpu")) else "fp32"
    contenders = [Contender(f"{workers} workers, zero {zero}", "train_ours") for workers, zero in GRID]

    def rate(contender: Contender) -> tuple[float, Result]:
        workers, zero = GRID[contenders.index(contender)]
        with tempfile.TemporaryDirectory() as folder:
            place = ("--data", corpus, "--model", base, "--out", Path(folder) / "run")
            size = ("--steps", given.steps, "--length", 32, "--workers", workers, "--zero", zero)
            result = contender.run(*place, *size, "--precision", precision)
        return result["pairs"] / result["seconds"], {
            k: v for k, v in result.items() if isinstance(v, float)
        }

    found = take_turns(contenders, "pairs", "pairs/s", rate, 1)
    runs: list[Runs] = list(found.values())
    parameters = sum(parameter.numel() for parameter in load_embedder(base).parameters())
    expected = BYTES * parameters / 2**20
    ratios = {
        f"checkpoint of {run.contender}, to 12 bytes": run.extra["checkpoint_mb"] / expected for run in runs
    }
    show(report("scaling", runs, ratios, {}, {"torch": torch.__version__}), given.json)


if __name__ == "__main__":
    main()
