"""The training stream against the bare tokenizer and three other loaders: rate, resuming, memory, images.

    python benchmarks/stream.py [--json] [--repeats N] [--parts rate resume memory images]

All read the same shuffled texts with the same tokenizer, lengths and batch size; two processes tokenise,
and one consumer takes padded tensors.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from _corpora import TEXT_ROWS, image_corpus, text_corpus
from _harness import Contender, Result, Runs, report, show, take_turns

from embedworks.folder import resolve_model

OURS = Contender("embedworks", "ours")
RAW = Contender("tokenizers alone", "raw")
HF = Contender("hf-datasets", "hf_datasets", "datasets")
LITDATA = Contender("litdata", "lit_data", "litdata")
MOSAIC = Contender("mosaicml-streaming", "mosaic_streaming", "mosaicml-streaming")
PEERS = (HF, LITDATA, MOSAIC)
CONVERTING = (LITDATA, MOSAIC)  # they read formats of their own
OURS_IMAGES = Contender("embedworks", "ours_images")
RAW_IMAGES = Contender("PIL alone", "raw_images")

READERS = ("--readers", 2)  # of ours: as many processes tokenise as the peers have
POSITIONS = (0.1, 0.5, 0.9)  # of an epoch
RESUME_SECONDS = 2.0
SCALE = 5  # of the larger corpus whose memory is compared

# A ratio is ours against theirs, and bigger is better: our rate by theirs, their seconds by ours.
TARGETS = {
    "tokens/s, to tokenizers alone": 0.9,
    "tokens/s, to the best peer": 1.5,
    "resume, to 2 s, at the slowest position": 1.0,
    "resume, fastest to slowest position": 0.8,
    "resume, to the best peer at 90%": 1.0,
    "memory, 200k to 1M rows": 0.9,
    "images/s, to PIL alone": 0.9,
}

Part = tuple[list[Runs], dict[str, float]]
Found = dict[str, Runs]


class Bench:
    """The parts of the benchmark, one method each.

    Args:
        repeats: Rounds of each measure.
        folder: For the loaders' states.
    """

    def __init__(self, repeats: int, folder: Path) -> None:
        self.repeats = repeats
        self.folder = folder
        self.versions: Result = {}
        self.tokenizer = resolve_model("sentence-transformers/all-MiniLM-L6-v2") / "tokenizer.json"

    def rate(self) -> Part:
        """Tokens a second, and apart from it what a peer's conversion takes."""
        corpus = text_corpus()
        converted = self.convert(corpus)

        def tokens(contender: Contender) -> tuple[float, Result]:
            result = self.run(contender, corpus, "--batches", 1200, *READERS)
            return result["tokens"] / result["seconds"], {
                "tokens_per_row": result["tokens"] / result["rows"]
            }

        runs = take_turns((RAW, OURS, *PEERS), "tokens", "tokens/s", tokens, self.repeats)
        refuse_less_work(list(runs.values()))
        ours = runs[OURS.name].median
        ratios = {"tokens/s, to tokenizers alone": ours / runs[RAW.name].median}
        if peers := medians(runs):
            ratios["tokens/s, to the best peer"] = ours / max(peers)
        return [*runs.values(), *converted], ratios

    def resume(self) -> Part:
        """Seconds from a restored state to the next batch, along the epoch."""
        corpus = text_corpus()
        self.convert(corpus)
        found = {position: self.resume_at(corpus, position) for position in POSITIONS}
        ours = {position: runs[OURS.name].median for position, runs in found.items()}
        ratios = {
            "resume, to 2 s, at the slowest position": RESUME_SECONDS / max(ours.values()),
            "resume, fastest to slowest position": min(ours.values()) / max(ours.values()),
        }
        if peers := medians(found[POSITIONS[-1]]):
            ratios["resume, to the best peer at 90%"] = min(peers) / ours[POSITIONS[-1]]
        return [run for runs in found.values() for run in runs.values()], ratios

    def resume_at(self, corpus: Path, position: float) -> Found:
        """The contenders at one position; what was the next batch is checked."""

        def seconds(contender: Contender) -> tuple[float, Result]:
            states = self.folder / f"{contender.name}.pickle"
            if contender in PEERS and not states.is_file():
                walk = ("--measure", "states", "--states", states, "--rows", TEXT_ROWS)
                self.run(contender, corpus, *walk)
            wanted = ("--measure", "resume", "--states", states, "--position", position)
            result = self.run(contender, corpus, *wanted, *READERS)
            first = result.pop("first_batch_s")
            return first, {key: value for key, value in result.items() if key != "contender"}

        return take_turns((OURS, *PEERS), f"resume at {position:.0%}", "s", seconds, self.repeats)

    def memory(self) -> Part:
        """The most that all processes hold together, for two sizes of the corpus."""
        found = [self.memory_of(text_corpus(scale), TEXT_ROWS * scale) for scale in (1, SCALE)]
        small, large = (runs[OURS.name].median for runs in found)
        runs = [run for part in found for run in part.values()]
        return runs, {"memory, 200k to 1M rows": small / large}

    def memory_of(self, corpus: Path, rows: int) -> Found:
        """The contenders on one corpus, over the same number of batches."""
        self.convert(corpus)

        def megabytes(contender: Contender) -> tuple[float, Result]:
            return self.run(contender, corpus, "--batches", 1200, *READERS, memory=True)["peak_mb"], {}

        return take_turns((OURS, *PEERS), f"memory, {rows // 1000}k rows", "MB", megabytes, self.repeats)

    def images(self) -> Part:
        """PNG files decoded and resized to 64 pixels a second."""

        def images(contender: Contender) -> tuple[float, Result]:
            result = self.run(contender, image_corpus(), "--batches", 150, "--warmup", 20, *READERS)
            return result["rows"] / result["seconds"], {"others_cpu": result["others_cpu"]}

        runs = take_turns((RAW_IMAGES, OURS_IMAGES), "images", "images/s", images, self.repeats)
        ratio = runs[OURS_IMAGES.name].median / runs[RAW_IMAGES.name].median
        return list(runs.values()), {"images/s, to PIL alone": ratio}

    def convert(self, corpus: Path) -> list[Runs]:
        """Give the peers that need it the corpus in their own format, once for all runs."""

        def seconds(peer: Contender) -> tuple[float, Result]:
            return self.run(peer, corpus, "--measure", "convert")["seconds"], {}

        return list(take_turns(CONVERTING, f"conversion of {corpus.name}", "s", seconds, 1).values())

    def run(self, contender: Contender, corpus: Path, *arguments: object, memory: bool = False) -> Result:
        """One run; its versions are kept for the report."""
        task = ("--data", corpus, "--tokenizer", self.tokenizer)
        result = contender.run(*task, *arguments, memory=memory)
        self.versions |= {f"{contender.name}: {name}": v for name, v in result.pop("versions").items()}
        return result


def medians(runs: Found) -> list[float]:
    """The measured peers' medians."""
    return [runs[peer.name].median for peer in PEERS if runs[peer.name].values]


def refuse_less_work(runs: Sequence[Runs]) -> None:
    """Fail where someone's rows are shorter or longer than those of the tokenizer alone."""
    wanted = runs[0].extra["tokens_per_row"]
    for run in runs:
        found = run.extra.get("tokens_per_row", wanted)
        if abs(found / wanted - 1) > 0.01:
            raise RuntimeError(f"{run.contender} gives {found:.1f} tokens a row instead of {wanted:.1f}")


def parts(names: Sequence[str], bench: Bench) -> Iterator[Part]:
    """The parts asked for."""
    for name in names:
        yield getattr(bench, name)()


def main() -> None:
    """Measure and print."""
    names = ("rate", "resume", "memory", "images")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each contender")
    parser.add_argument("--parts", nargs="+", choices=names, default=names)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options.repeats, Path(folder))
        done = list(parts(options.parts, bench))
    runs = [run for found, _ in done for run in found]
    ratios = {name: ratio for _, found in done for name, ratio in found.items()}
    targets = {name: target for name, target in TARGETS.items() if name in ratios}
    show(report("stream", runs, ratios, targets, bench.versions), options.json)


if __name__ == "__main__":
    main()
