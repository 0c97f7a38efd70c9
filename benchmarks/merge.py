"""Merging against mergekit-yaml and SentenceTransformer.merge: time and memory of whole commands.

    python benchmarks/merge.py [--json] [--repeats N] [--parts small all]

Random models of 22 M, 110 M and 560 M parameters; 2, 4 and 8 of them; linear, slerp (of two), ties and
dare_ties. Time is that of the command from start to end, imports included, with inputs in the page cache
where they fit. Memory is the peak of what is resident, mapped files included; and beside it what no file
stands behind. ``small`` is 22 M, two models.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
import yaml
from _environments import NotMeasured
from _harness import Contender, Result, Runs, report, show, take_turns
from _models import write_models

OURS = Contender("embedworks", "command")
MERGEKIT = Contender("mergekit-yaml", "command", "mergekit")
MERGEKIT_THREADS = Contender("mergekit-yaml, asynchronous", "command", "mergekit")
PEER = Contender("SentenceTransformer.merge", "command", "mergekit")
BASED = ("ties", "dare_ties")

FLAGS = ("--no-write-model-card", "--no-copy-tokenizer", "--lazy-unpickle", "--quiet")
THREADED = (*FLAGS, "--async-write", "--write-threads", "2")
FAMILIES = {"decoder": (MERGEKIT, MERGEKIT_THREADS), "encoder": (PEER,)}
DTYPES = {"22M": torch.float32, "110M": torch.float32, "560M": torch.bfloat16}
PARAMETERS = {"22M": 22.7e6, "110M": 109e6, "560M": 560e6}

TARGETS = {
    "time, to mergekit-yaml, the worst": 2.0,
    "memory, to mergekit-yaml, the worst": 2.0,
    "time, to SentenceTransformer.merge, the worst": 2.0,
    "memory, to SentenceTransformer.merge, the worst": 2.0,
    "memory, 22M to 560M": 0.8,
}


@dataclass(frozen=True)
class Case:
    """One merge."""

    family: str
    size: str
    models: int
    method: str

    def __str__(self) -> str:
        return f"{self.size} x {self.models}, {self.method}"

    def recipe(self, folders: Sequence[Path]) -> Result:
        """The merge as mergekit's file; the last folder is the base of methods that have one."""
        named = [str(folder) for folder in folders[: self.models]]
        share = 1 / self.models
        recipe: Result = {
            "merge_method": self.method,
            "dtype": str(DTYPES[self.size]).removeprefix("torch."),
        }
        if self.method == "slerp":
            return recipe | {
                "models": [{"model": name} for name in named],
                "base_model": named[0],
                "parameters": {"t": 0.5},
            }
        own = {"weight": share} | ({"density": 0.5} if self.method in BASED else {})
        recipe["models"] = [{"model": name, "parameters": own} for name in named]
        return recipe | ({"base_model": str(folders[-1])} if self.method in BASED else {})

    def in_python(self, folders: Sequence[Path]) -> tuple[str, ...]:
        """The same merge for sentence-transformers' script: method, parameters, base, models."""
        shares = [1 / self.models] * self.models
        parameters: dict[str, Any] = {"t": 0.5} if self.method == "slerp" else {"weight": shares}
        if self.method in BASED:
            parameters["density"] = 0.5
        base = str(folders[-1]) if self.method in BASED else "-"
        return self.method, json.dumps(parameters), base, *map(str, folders[: self.models])


SMALL = tuple(Case(family, "22M", 2, method) for family in FAMILIES for method in ("linear", "ties"))


def all_cases() -> Iterator[Case]:
    """Every combination, those of one family and size together."""
    for size in DTYPES:
        for family in FAMILIES:
            for models in (2, 4, 8):
                for method in ("linear", "ties", "dare_ties", *(("slerp",) if models == 2 else ())):
                    yield Case(family, size, models, method)


class Bench:
    """Runs cases.

    Args:
        repeats: Rounds of each.
        folder: For models and results.
    """

    def __init__(self, repeats: int, folder: Path) -> None:
        self.repeats = repeats
        self.folder = folder
        self.versions: Result = {}
        self.runs: list[Runs] = []
        self.ratios: dict[str, float] = {}
        self._models: tuple[tuple[str, str, int], list[Path]] = (("", "", 0), [])

    def measure(self, case: Case, most: int) -> None:
        """Time a case's contenders, and add its ratios.

        Args:
            case: What to merge.
            most: Models that the cases of this family and size need.
        """
        folders = self.models(case, most)
        config = self.folder / "recipe.yaml"
        config.write_text(yaml.safe_dump(case.recipe(folders)))
        held: dict[str, Runs] = {}

        def seconds(contender: Contender) -> tuple[float, Result]:
            result = self.run(contender, case, folders, config)
            memory = held.setdefault(contender.name, Runs(contender.name, f"{case}, memory", "MB"))
            memory.values.append(result["peak_mb"])
            memory.extra["anonymous_mb"] = result["anonymous_mb"]
            return result["seconds"], {"cpu_seconds": result["cpu_seconds"]}

        runs = take_turns((OURS, *FAMILIES[case.family]), str(case), "s", seconds, self.repeats)
        self.runs += [*runs.values(), *held.values()]
        self.compare(case, "time", runs)
        self.compare(case, "memory", held)

    def compare(self, case: Case, measure: str, runs: dict[str, Runs]) -> None:
        """The ratio to the best of the peer's ways."""
        ours, peers = runs[OURS.name], FAMILIES[case.family]
        theirs = [runs[peer.name].median for peer in peers if peer.name in runs and runs[peer.name].values]
        if theirs:
            ratio = min(theirs) / ours.median
            worst = f"{measure}, to {peers[0].name}, the worst"
            self.ratios[f"{measure}, to {peers[0].name}, {case}"] = ratio
            self.ratios[worst] = min(ratio, self.ratios.get(worst, ratio))

    def flat(self) -> None:
        """Our memory for the smallest models against that for the largest; linear, of two."""
        peaks = {
            size: run.median
            for size in ("22M", "560M")
            for run in self.runs
            if run.contender == OURS.name and run.measure == f"{size} x 2, linear, memory"
        }
        if len(peaks) == 2:
            self.ratios["memory, 22M to 560M"] = peaks["22M"] / peaks["560M"]

    def run(self, contender: Contender, case: Case, folders: Sequence[Path], config: Path) -> Result:
        """One run of a contender."""
        out = self.folder / "out"
        if contender is OURS:
            command = ("python", "-m", "embedworks.cli.main", "merge", config, out, "--json")
        elif contender is PEER:
            command = self.in_python(case, folders, out)
        else:
            command = ("mergekit-yaml", config, out, *(FLAGS if contender is MERGEKIT else THREADED))
        result = contender.run(out, *command)
        if result["written"] < PARAMETERS[case.size] * DTYPES[case.size].itemsize * 0.9:
            raise RuntimeError(
                f"{contender.name} wrote {result['written']:,} bytes, which is not the model"
            )
        self.versions |= {f"{contender.name}: {k}": v for k, v in result.pop("versions").items()}
        return result

    def in_python(self, case: Case, folders: Sequence[Path], out: Path) -> tuple[object, ...]:
        """sentence-transformers' command, where all of its models fit in memory in float32."""
        needed = PARAMETERS[case.size] * 4 * (case.models + 3)
        if needed > psutil.virtual_memory().available:
            raise NotMeasured(f"needs about {needed / 2**30:.0f} GiB of memory")
        script = Path(__file__).parent / "contenders" / "merge_sentence_transformers.py"
        method, parameters, *rest = case.in_python(folders)
        return "python", script, method, parameters, out, *rest

    def models(self, case: Case, most: int) -> list[Path]:
        """Models of the case's family and size; those of the last one are removed."""
        key = (case.family, case.size, most)
        if self._models[0] != key:
            for folder in self._models[1]:
                shutil.rmtree(folder)
            folders = write_models(self.folder, case.family, case.size, most + 1, DTYPES[case.size])
            self._models = key, folders
        return self._models[1]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the parts and print the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--parts", nargs="+", choices=("small", "all"), default=["all"])
    parser.add_argument("--sizes", nargs="+", choices=tuple(DTYPES), default=tuple(DTYPES))
    parser.add_argument("--models", nargs="+", type=int, default=(2, 4, 8))
    parser.add_argument("--families", nargs="+", choices=tuple(FAMILIES), default=tuple(FAMILIES))
    given = parser.parse_args(arguments)
    cases = SMALL if given.parts == ["small"] else all_cases()
    chosen = [
        case
        for case in cases
        if case.size in given.sizes and case.models in given.models and case.family in given.families
    ]
    os.environ["HF_HUB_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(given.repeats, Path(folder))
        for case in chosen:
            alike = [c.models for c in chosen if (c.family, c.size) == (case.family, case.size)]
            bench.measure(case, max(alike))
        bench.flat()
    targets = {name: target for name, target in TARGETS.items() if name in bench.ratios}
    show(report("merge", bench.runs, bench.ratios, targets, bench.versions), given.json)


if __name__ == "__main__":
    main()
