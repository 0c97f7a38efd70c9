"""Embedding whole corpora against SentenceTransformer.encode in torch, ONNX Runtime and OpenVINO.

    python benchmarks/embed.py [--json] [--repeats N] [--tokens N] [--parts rate quality memory recall]

all-MiniLM-L6-v2 over texts of python-docs: short ones of 11 tokens, long ones of 256, and mixed ones as
they come. Everybody encodes the same texts on all cores; the order of contenders turns round from round to
round, and what the machine's matrix product reaches stands beside it. ``memory`` is that of all processes
over up to a million rows of a tiny random model, and ``recall`` that of an approximate index over MiniLM's
vectors.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from _corpora import cache_folder
from _embedding import Rate
from _harness import Contender, Runs, run_parts, show, take_turns
from _models import write_null
from _texts import MODEL, SHORT, line_corpus, short_corpus

from embedworks.corpora.ensure import ensure_corpus
from embedworks.folder import resolve_model

OURS = Contender("embedworks embed", "embed_corpus")
RECALL = Contender("embedworks, approximate index", "embed_recall")

TASK = "python-docs-retrieval"
MEMORY_ROWS = (100_000, 300_000, 1_000_000)
TINY = 64  # dimensions of the tiny model's vectors
RECALL_ROWS, QUERIES = 12_000, 200
PARTS = ("rate", "quality", "memory", "recall")

# A ratio is ours against theirs, and bigger is better.
TARGETS = {
    **{f"{kind}, embed to encode in float32": 8.0 for kind in ("short", "long", "mixed")},
    **{f"{kind}, embed to the best encode": 2.5 for kind in ("short", "long", "mixed")},
    "cosine to float32, the worst text": 0.999,
    f"nDCG@10 of {TASK}, to sentence-transformers": 0.999,
    "memory, 100k rows to 1M": 0.9,
    "recall@10 of the index, by 0.95": 1.0,
}

Part = tuple[list[Runs], dict[str, float]]


class Bench:
    """The parts of the benchmark, one method each.

    Args:
        repeats: Rounds of the rates.
        tokens: Of each kind of texts.
        rows: Of the largest corpus whose memory is watched.
        folder: For texts, indexes and vectors.
    """

    def __init__(self, repeats: int, tokens: int, rows: int, folder: Path) -> None:
        self.repeats, self.tokens, self.rows, self.folder = repeats, tokens, rows, folder
        self.model = resolve_model(MODEL)
        self.versions: dict[str, str] = {}

    def rate(self) -> Part:
        """Tokens a second."""
        rate = Rate(self.model, self.folder, self.tokens, self.repeats)
        found = rate.run()
        self.versions |= rate.versions
        return found

    def quality(self) -> Part:
        """The score of a built-in task, by our vectors and by sentence-transformers' own in float32."""
        from embedworks.evaluation.evaluate import evaluate_model

        corpora = {"python-docs": ensure_corpus("python-docs", cache_folder())}

        def score(contender: Contender) -> tuple[float, dict[str, int]]:
            peer = contender.environment is not None
            name = f"st:{self.model}" if peer else self.model
            found = evaluate_model(name, [TASK], None, corpora, "auto")[0]
            return found.value, {"queries": found.n}

        both = (Contender("embedworks", ""), Contender("SentenceTransformer.encode", "", "here"))
        runs = take_turns(both, TASK, "nDCG@10", score, 1)
        ours, theirs = (runs[contender.name].median for contender in both)
        return list(runs.values()), {f"nDCG@10 of {TASK}, to sentence-transformers": ours / theirs}

    def memory(self) -> Part:
        """The most that all processes hold, Ray's own included, while vectors are made and written."""
        model = write_null(self.folder / "tiny", self.model, TINY)
        sizes = [*(rows for rows in MEMORY_ROWS if rows < self.rows), self.rows]
        corpus = line_corpus(sizes[-1])
        found: list[Runs] = []
        for rows in sizes:
            given = ("--model", model, "--corpora", corpus, "--out", self.folder / "tiny-index")
            result = OURS.run(*given, "--limit", rows, "--memory")["loads"][corpus.name]
            extra = {key: result[key] for key in ("peak_mb", "table_s", "index_s", "kind", "recall")}
            measure = f"memory, {_short(rows)} rows"
            found.append(Runs(OURS.name, measure, "MB", [result["table_mb"]], extra=extra))
        first, last = found[0].median, found[-1].median
        return found, {f"memory, {_short(sizes[0])} rows to {_short(sizes[-1])}": first / last}

    def recall(self) -> Part:
        """Of an index that is made as a larger corpus's is, by queries that are not in it."""
        rows = max(1000, min(RECALL_ROWS, self.tokens // SHORT * 6))
        corpus = short_corpus(self.folder / "short-texts", rows, QUERIES)
        given = ("--model", self.model, "--corpus", corpus, "--out", self.folder / "recall-index")
        result = RECALL.run(*given)
        value = result.pop("recall")
        runs = [Runs(RECALL.name, "recall@10", "", [value], extra=result)]
        return runs, {"recall@10 of the index, by 0.95": value / 0.95}


def _short(rows: int) -> str:
    return f"{rows // 1_000_000}M" if rows >= 1_000_000 else f"{rows // 1000}k"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the parts and print the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=2, help="rounds of the rates")
    parser.add_argument("--tokens", type=int, default=24_000, help="of each kind of texts")
    parser.add_argument("--rows", type=int, default=MEMORY_ROWS[-1], help="of the largest corpus")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    given = parser.parse_args(arguments)
    os.environ.pop("OMP_NUM_THREADS", None)  # everybody may use all cores
    os.environ["HF_HUB_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(given.repeats, given.tokens, given.rows, Path(folder))
        show(run_parts("embed", bench, given.parts, TARGETS), given.json)


if __name__ == "__main__":
    main()
