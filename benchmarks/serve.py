"""Serving against infinity, with torch and with ONNX Runtime, and sentence-transformers in FastAPI.

    python benchmarks/serve.py [--json] [--repeats N] [--seconds S] [--parts single long batch null]

all-MiniLM-L6-v2 over HTTP, all on this machine, the load generator too. Texts are of python-docs: short
ones of 11 tokens, long ones of 256, and mixed ones as they come. Every server starts anew in every round.
``null`` is what the way to a model costs: ours with a model of one layer and eight dimensions, which reads
and answers as much as all-MiniLM-L6-v2.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _harness import Contender, Result, Runs, report, show, take_turns
from _models import write_null
from _texts import MODEL, texts_of

from embedworks.folder import resolve_model

OURS = Contender("embedworks", "serve_ours")
TORCH = Contender("infinity, torch", "serve_infinity", "infinity")
ONNX = Contender("infinity, optimum", "serve_infinity", "infinity")
FASTAPI = Contender("sentence-transformers in FastAPI", "serve_fastapi", "infinity")
NULL = Contender("embedworks, null model", "serve_ours")
AUTO = Contender("embedworks, backend auto", "serve_ours")
OPTIONS = {OURS.name: "", AUTO.name: "auto", NULL.name: "", TORCH.name: "torch", ONNX.name: "optimum"}

PORT = 18790
SAME = 0.999  # cosine of two servers' vectors of one text

TEXTS, MIXED = 256, 2048  # different ones of a length, and of all lengths

# part -> (texts of a request, their kind, connections)
PARTS: dict[str, tuple[tuple[int, str, int], ...]] = {
    "single": ((1, "short", 1), (1, "short", 8), (1, "short", 64), (1, "short", 256)),
    "long": ((1, "long", 1), (1, "long", 64), (1, "mixed", 1), (1, "mixed", 64)),
    "batch": ((32, "mixed", 8), (512, "mixed", 2)),
    "null": ((1, "short", 1), (1, "short", 64)),
}
TARGETS = {
    "requests/s, short x64, to infinity's best": 5.0,
    "p99, short x64, infinity's best to ours": 1.0,
    "requests/s, long x64, to infinity's best": 2.0,
}
MOST_OVERHEAD_MS = 0.5  # p50 of one connection, with the null model


def name_of(count: int, kind: str, connections: int) -> str:
    """A load's name: ``short x64``, ``32 mixed x8``."""
    return f"{f'{count} ' if count > 1 else ''}{kind} x{connections}"


def write_loads(file: Path, parts: Sequence[str]) -> list[str]:
    """Write what the contenders read; returns the loads' names."""
    loads = []
    for count, kind, connections in (load for part in parts for load in PARTS[part]):
        texts = texts_of(kind, MIXED if kind == "mixed" else TEXTS)
        step = max(1, min(count, len(texts) - count))
        requests = [texts[first : first + count] for first in range(0, len(texts) - count + 1, step)]
        loads.append(
            {"name": name_of(count, kind, connections), "connections": connections, "texts": requests}
        )
    file.write_text(json.dumps(loads))
    return [load["name"] for load in loads]


class Bench:
    """Every contender under every load.

    Args:
        folder: For the loads.
        parts: Which loads.
        seconds: Of each.
        repeats: Rounds.
    """

    def __init__(self, folder: Path, parts: Sequence[str], seconds: float, repeats: int) -> None:
        self.file = folder / "loads.json"
        self.names = write_loads(self.file, [part for part in parts if part != "null"])
        self.folder = folder
        self.is_null = "null" in parts
        self.seconds = seconds
        self.repeats = repeats
        self.found: dict[str, list[Mapping[str, Any]]] = {}

    def run(self) -> tuple[list[Runs], dict[str, float]]:
        """All runs, and the ratios."""
        runs, ratios = self.models() if self.names else ([], {})
        if self.is_null:
            more, overhead = self.null()
            runs, ratios = runs + more, ratios | overhead
        return runs, ratios

    def models(self) -> tuple[list[Runs], dict[str, float]]:
        """Everybody with the model."""
        given = ("--model", resolve_model(MODEL), "--load", self.file)
        first = self.measure((OURS, AUTO, TORCH, ONNX, FASTAPI), self.names[0], given)
        return [run for run in first.values() if run.why] + self.all_runs(self.found), self.ratios()

    def null(self) -> tuple[list[Runs], dict[str, float]]:
        """Ours with a model that computes nothing."""
        loads = self.folder / "null.json"
        self.names = write_loads(loads, ["null"])
        model = write_null(self.folder / "null", resolve_model(MODEL))
        self.measure((NULL,), self.names[0], ("--model", model, "--load", loads))
        overhead = self.runs_of(NULL.name, self.names[0], "p50_ms").median
        name = f"p50 that was allowed, {MOST_OVERHEAD_MS} ms, to ours with a null model"
        return self.all_runs([NULL.name]), {name: MOST_OVERHEAD_MS / overhead}

    def measure(
        self, contenders: Sequence[Contender], first: str, given: Sequence[object]
    ) -> dict[str, Runs]:
        """Every contender under every load, in turns; those of the first load."""

        def all_loads(contender: Contender) -> tuple[float, Result]:
            option = [OPTIONS[contender.name]] if contender.name in OPTIONS else []
            result = contender.run(*option, *given, "--port", PORT, "--seconds", self.seconds)
            self.found.setdefault(contender.name, []).append(result["loads"])
            return result["loads"][first]["requests_per_s"], {}

        return take_turns(contenders, first, "requests/s", all_loads, self.repeats)

    def all_runs(self, contenders: Iterable[str]) -> list[Runs]:
        """Every number of every load."""
        return [
            self.runs_of(contender, name, measure)
            for name in self.names
            for measure in ("requests_per_s", "p50_ms", "p99_ms")
            for contender in contenders
        ]

    def runs_of(self, contender: str, load: str, measure: str) -> Runs:
        """One number of one load, of every round."""
        unit = "requests/s" if measure == "requests_per_s" else "ms"
        values = [loads[load][measure] for loads in self.found[contender]]
        return Runs(contender, f"{load} {measure.removesuffix('_ms')}", unit, values)

    def ratios(self) -> dict[str, float]:
        """Ours to the best of infinity's engines, load by load; and how alike the vectors are."""
        peers = [name for name in (TORCH.name, ONNX.name) if name in self.found]
        ours = [name for name in (OURS.name, AUTO.name) if name in self.found]
        ratios = {}
        for load in self.names if peers else ():
            rates = {name: self.runs_of(name, load, "requests_per_s").median for name in (*ours, *peers)}
            best, mine = (max(names, key=rates.__getitem__) for names in (peers, ours))
            late = {name: self.runs_of(name, load, "p99_ms").median for name in (mine, best)}
            ratios[f"requests/s, {load}, to infinity's best"] = rates[mine] / rates[best]
            ratios[f"p99, {load}, infinity's best to ours"] = late[best] / late[mine]
        for name in self.found:
            if name != OURS.name:
                ratios[f"cosine of one text's vectors, to {name}"] = self.likeness(name)
        return ratios

    def likeness(self, contender: str) -> float:
        """The lowest cosine between its vectors and ours."""
        pairs = [
            (
                np.array(self.found[OURS.name][0][load]["first"]),
                np.array(self.found[contender][0][load]["first"]),
            )
            for load in self.names
        ]
        return min(float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)) for a, b in pairs)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the parts and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), given.parts, given.seconds, given.repeats)
        runs, ratios = bench.run()
    targets = {name: target for name, target in TARGETS.items() if name in ratios}
    show(report("serve", runs, ratios, targets, {}), given.json)


if __name__ == "__main__":
    main()
