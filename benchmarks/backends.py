"""Inference backends side by side: texts and tokens a second, and how alike their vectors are.

    python benchmarks/backends.py [--json] [--rounds N] [--compile] [--model M]

Each shape's batches are taken in turn by all backends, all in this process on `OMP_NUM_THREADS` threads
(default: one), best of the rounds. A ratio is ours (the backend) against `torch` in float32 as
transformers runs it, padded.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from datetime import date
from importlib.metadata import version
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.inference.auto import cpu_name
from embedworks.inference.backends.opening import PRECISIONS_OF, missing_packages
from embedworks.inference.engine import Engine
from embedworks.inference.quality import SAME, likeness, reference
from embedworks.inference.trial import SHAPES, shapes
from embedworks.nn.precision import has_fast_bf16

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
BASE = ("torch", "fp32")
PACKAGES = ("torch", "transformers", "onnxruntime", "openvino", "numpy")
TARGETS = {"cosine, worst of all but int8": SAME}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--json", action="store_true", help="accepted for `embedworks bench`: JSON it always is"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--compile", action="store_true", help="torch.compile too")
    parser.add_argument("--model", default=MODEL)
    given = parser.parse_args()
    threads = int(os.environ["OMP_NUM_THREADS"])
    torch.set_num_threads(threads)
    embedder = Embedder.load(given.model)
    engines, left_out = open_all(embedder, given.compile)
    expected, loads = reference(embedder), shapes(embedder)
    cosines = {name: likeness(engine, expected).rounded() for name, engine in engines.items()}
    best = time_all(engines, loads, given.rounds)
    base = " ".join(BASE)
    measurements = [
        {
            "backend": name,
            "shape": shape,
            "texts_per_s": len(loads[shape]) / best[name, shape],
            "tokens_per_s": sum(map(len, loads[shape])) / best[name, shape],
            "ms": 1000 * best[name, shape],
        }
        for name in engines
        for shape in SHAPES
    ]
    ratios = {
        f"{name}, {shape}, to {base}": best[base, shape] / best[name, shape]
        for name in engines
        for shape in SHAPES
        if name != base
    }
    same = [found["least"] for name, found in cosines.items() if not name.endswith("int8")]
    ratios["cosine, worst of all but int8"] = min(same)
    print(json.dumps({
        "name": "backends",
        "date": date.today().isoformat(),
        "machine": {"cpu": cpu_name(), "cores": os.cpu_count(), "threads": threads},
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in PACKAGES if name not in left_out},
        },
        "measurements": measurements,
        "cosines": cosines,
        "left_out": left_out,
        "ratios": ratios,
        "targets": TARGETS,
    }, indent=2))  # fmt: skip


def open_all(embedder: Embedder, with_compile: bool) -> tuple[dict[str, Engine], dict[str, str]]:
    """Every backend and precision that this machine has, and why the others are left out."""
    engines: dict[str, Engine] = {}
    left_out: dict[str, str] = {}
    for backend, precisions in PRECISIONS_OF.items():
        for package in missing_packages(backend):
            left_out[package] = "not installed"
        for precision in precisions:
            name = f"{backend} {precision}"
            if backend == "compile" and not with_compile:
                left_out[name] = "asked for by --compile"
            elif precision == "bf16" and not has_fast_bf16(torch.device("cpu")):
                left_out[name] = "emulated on this CPU"
            else:
                try:
                    engines[name] = Engine(embedder, precision, backend=backend)  # type: ignore[arg-type]
                except InputError as error:
                    left_out[name] = str(error)
    return engines, left_out


def time_all(
    engines: dict[str, Engine], loads: dict[str, Any], rounds: int
) -> dict[tuple[str, str], float]:
    """(engine, shape) to the best seconds; engines take turns, so that all see the same machine."""
    best: dict[tuple[str, str], float] = {}
    for number in range(rounds):
        for shape, ids in loads.items():
            repeats = 20 if shape == SHAPES[0] else 1
            for name, engine in engines.items():
                for _ in range(repeats):
                    started = time.perf_counter()
                    engine.pooled(ids)
                    taken = time.perf_counter() - started
                    best[name, shape] = min(best.get((name, shape), taken), taken)
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return best


if __name__ == "__main__":
    main()
