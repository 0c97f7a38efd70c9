"""Training against sentence-transformers' trainer, a bare loop, the matrix product and two workers.

    python benchmarks/train.py [--json] [--repeats N] [--steps N] [--parts rate quality gradcache]

all-MiniLM-L6-v2 on pairs of stdlib-code, 32 a step, texts cut to 128 tokens. The precision is the one that
the machine multiplies fastest; sentence-transformers trains in float32, its default, and in bf16 autocast.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from _corpora import cache_folder
from _harness import Contender, Result, Runs, run_parts, show, take_turns

from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.ensure import ensure_corpus
from embedworks.folder import resolve_model
from embedworks.nn.precision import has_fast_bf16

OURS = Contender("embedworks, 1 worker", "train_ours")
OURS_2 = Contender("embedworks, 2 workers", "train_ours")
BARE = Contender("bare loop", "train_bare")
PEER = Contender("sentence-transformers, fp32", "train_sentence_transformers", "sentence-transformers")
PEER_BF16 = Contender("sentence-transformers, bf16", "train_sentence_transformers", "sentence-transformers")
PEAK = Contender("matrix product", "matmul")
SMALL, LARGE = Contender("batch 64", "train_gradcache"), Contender("batch 4096", "train_gradcache")

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
TASK = "stdlib-code-search"
START_SECONDS = 15.0
PARTS = ("rate", "quality", "gradcache")

# A ratio is ours against theirs, and bigger is better.
TARGETS = {
    "pairs/s, to sentence-transformers in fp32": 6.0,
    "pairs/s, to the best of sentence-transformers": 3.5,
    "pairs/s, to the bare loop": 0.97,
    "time not stalled by data": 0.99,
    "15 s to the start on a warm node": 1.0,
    "GradCache, cost of 64 to 4,096 a sample, by 1.35": 1.0,
    "quality, to the best of sentence-transformers": 1.0,
}

Part = tuple[list[Runs], dict[str, float]]


class Bench:
    """The parts of the benchmark, one method each.

    Args:
        repeats: Rounds of each measure.
        steps: Of each run.
        folder: For the trained models.
    """

    def __init__(self, repeats: int, steps: int, folder: Path) -> None:
        self.repeats = repeats
        self.steps = steps
        self.folder = folder
        self.corpus = pairs_corpus()
        self.precision = "bf16" if has_fast_bf16(torch.device("cpu")) else "fp32"
        self.versions: Result = {"torch": torch.__version__}

    def rate(self) -> Part:
        """Pairs a second, and what of the machine's peak that is."""
        peak = PEAK.run("--precision", self.precision)["flops"]

        def pairs(contender: Contender) -> tuple[float, Result]:
            result = self.run(contender)
            rate = result["pairs"] / result["seconds"]
            return rate, {key: value for key, value in result.items() if isinstance(value, float)}

        # Emulated bf16 takes a peer many times as long: there its float32 is its best.
        peers_here = (PEER, PEER_BF16) if self.precision == "bf16" else (PEER,)
        runs = take_turns((OURS, OURS_2, BARE, *peers_here), "pairs", "pairs/s", pairs, self.repeats)
        ours, extra = runs[OURS.name].median, runs[OURS.name].extra
        peers = {c.name: runs[c.name].median for c in peers_here if runs[c.name].values}
        ratios = {
            "pairs/s, to the bare loop": ours / runs[BARE.name].median,
            "pairs/s, 2 workers to 1": runs[OURS_2.name].median / ours,
            "time not stalled by data": 1 - extra["data_stall"],
            "15 s to the start on a warm node": START_SECONDS / extra["start_s"],
            "of the matrix product's FLOP/s": extra["mfu"],
            "matrix product, TFLOP/s": peak / 1e12,
        }
        if PEER.name in peers:
            ratios["pairs/s, to sentence-transformers in fp32"] = ours / peers[PEER.name]
        if peers:
            ratios["pairs/s, to the best of sentence-transformers"] = ours / max(peers.values())
        return list(runs.values()), ratios

    def quality(self) -> Part:
        """nDCG@10 of what the rate's runs trained, on modules that nobody trained on."""

        def score(contender: Contender) -> tuple[float, Result]:
            folder = self.out(contender)
            return ndcg(folder / "embedder" if (folder / "embedder").is_dir() else folder), {}

        trained = [c for c in (OURS, OURS_2, BARE, PEER, PEER_BF16) if self.out(c).is_dir()]
        runs = take_turns(trained, TASK, "nDCG@10", score, 1)
        theirs = [run.median for name, run in runs.items() if name.startswith("sentence")]
        ratios = {}
        if theirs and OURS.name in runs:
            ratios["quality, to the best of sentence-transformers"] = runs[OURS.name].median / max(theirs)
        return list(runs.values()), ratios

    def gradcache(self) -> Part:
        """The cost of a sample in one batch of 4,096 and in batches of 64, and the memory of both."""

        def cost(contender: Contender) -> tuple[float, Result]:
            size = int(contender.name.removeprefix("batch "))
            steps = ("--steps", 8, "--warmup", 2) if contender is SMALL else ("--steps", 1, "--warmup", 0)
            lengths = ("--batch-size", size, "--length", 32, "--precision", self.precision)
            result = contender.run(*self.task(contender), *steps, *lengths)
            return result["ms_per_pair"], {"peak_mb": result["peak_mb"]}

        runs = take_turns((SMALL, LARGE), "GradCache", "ms/pair", cost, self.repeats)
        small, large = runs[SMALL.name], runs[LARGE.name]
        return list(runs.values()), {
            "GradCache, cost of 64 to 4,096 a sample, by 1.35": 1.35 * small.median / large.median,
            "GradCache, memory of 64 to 4,096": small.extra["peak_mb"] / large.extra["peak_mb"],
        }

    def run(self, contender: Contender) -> Result:
        """One run of a training contender."""
        precision = self.precision
        if contender in (PEER, PEER_BF16):
            precision = contender.name[-4:]
        workers = 2 if contender is OURS_2 else 1
        shutil.rmtree(self.out(contender), ignore_errors=True)
        options = ("--steps", self.steps, "--workers", workers, "--zero", workers - 1)
        result = contender.run(*self.task(contender), *options, "--precision", precision)
        self.versions |= result.pop("versions", {})
        return result

    def task(self, contender: Contender) -> tuple[object, ...]:
        """What every contender is told."""
        return ("--data", self.corpus, "--model", resolve_model(MODEL), "--out", self.out(contender))

    def out(self, contender: Contender) -> Path:
        """Where a contender's model goes."""
        return self.folder / contender.name.replace(",", "").replace(" ", "-")


def pairs_corpus() -> Path:
    """stdlib-code, with its training pairs as one file beside its shards."""
    folder = ensure_corpus("stdlib-code", cache_folder()).absolute()
    file = folder / "pairs.parquet"
    if not file.is_file():
        rows = list(open_corpus(folder).iter_rows("train"))
        columns = {name: [row[name] for row in rows] for name in ("query", "positive")}
        pq.write_table(pa.table(columns), file)
    return folder


def ndcg(model: Path) -> float:
    """The task's score of a model."""
    from embedworks.evaluation.evaluate import evaluate_model

    return evaluate_model(model, [TASK], None, {"stdlib-code": pairs_corpus()}, "fp32")[0].value


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the parts and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(given.repeats, given.steps, Path(folder))
        show(run_parts("train", bench, given.parts, TARGETS), given.json)


if __name__ == "__main__":
    main()
