"""Text embedders: quality on the offline suite against cost, at every size that they were trained for.

    embedworks bench embedders                              the champions of the family, and baselines
    python benchmarks/embedders.py --models NAME=SOURCE...  these: folders, `models:/name@alias`, hub ids
    python benchmarks/embedders.py --tasks python-docs-topics dictionary-subjects      a part of the suite

The family's champions are what jobs/text_embedding/*.yaml register; those that are not registered are told
as not measured. Beside them stand all-MiniLM-L6-v2, word vectors without layers, and BM25.

Where the whole suite was measured, docs/embedders.json keeps it, with the table and the figure of
docs/benchmarks.md. A run replaces what it measured and leaves the others: time is told in units of what
all-MiniLM-L6-v2 took in the same run, so that models of several days stand side by side.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from _cost import Point, draw, load, merged, save, table
from _harness import Runs, machine, report, show, tell

from embedworks.catalog import systems
from embedworks.cli.evaluate_inputs import find_subject
from embedworks.corpora.corpus import Corpus, open_corpus
from embedworks.corpora.ensure import ensure_corpus
from embedworks.embedder import Pair
from embedworks.errors import InputError
from embedworks.evaluation.baselines import static_baseline
from embedworks.evaluation.bm25 import score_bm25
from embedworks.evaluation.encoder import Subject
from embedworks.evaluation.evaluate import score_task
from embedworks.evaluation.find import find_task
from embedworks.evaluation.subjects import Access, open_subject
from embedworks.evaluation.suites import TEXT_FAMILIES, family_means
from embedworks.folder import load_embedder, read_lineage, resolve_model
from embedworks.jobs.load import load_job
from embedworks.jobs.schema import RegisterStage

ROOT = Path(__file__).resolve().parents[1]
PAGE, FIGURE, KEPT = (ROOT / "docs" / name for name in ("benchmarks.md", "embedders.svg", "embedders.json"))
MARKED = re.compile(r"(<!-- embedders -->\n).*?(<!-- end of embedders -->)", re.DOTALL)
FAMILY = "text-embedding"
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
REFERENCE = "all-MiniLM-L6-v2"
TASKS = [task for tasks in TEXT_FAMILIES.values() for task in tasks]
TIMED_TEXTS, MOST_SIZES = 256, 8


@dataclass
class Bench:
    """What is measured of whom.

    Attributes:
        tasks: Of the suite.
        corpora: Where corpora are built.
        rounds: Of the timing, in which contenders take turns.
        missing: Name -> why it is not measured.
    """

    tasks: Sequence[str]
    corpora: Path
    rounds: int
    missing: dict[str, str] = field(default_factory=dict)

    def run(self, sources: Mapping[str, str]) -> list[Point]:
        """Every contender at every size, and BM25, which has no cost that compares."""
        subjects = {"word vectors": static_baseline(resolve_model(MINILM))}
        for name, source in {REFERENCE: MINILM, **sources}.items():
            try:
                subjects[name] = open_subject(find_subject(source, Access()), "fp32", Access())
            except InputError as error:
                self.missing[name] = str(error).splitlines()[0]
        points = [
            Point(name, pair, parameters(subject, pair), quality)
            for name, subject in subjects.items()
            for pair, quality in self.qualities(name, subject).items()
        ]
        self.time(subjects, points)
        points.append(Point("BM25", (0, 0), 0, family_means(self.bm25())))
        return self.signed(points, subjects)

    def signed(self, points: list[Point], subjects: Mapping[str, Subject]) -> list[Point]:
        """With the reference's time, and what trained them, when, on what."""
        reference = next(point for point in points if point.name == REFERENCE).ms
        for point in points:
            subject = subjects.get(point.name)
            point.reference_ms = reference if point.times_ms else 0
            point.about = trained_by(subject.folder) if subject and subject.folder else ""
            point.date, point.cpu = time.strftime("%Y-%m-%d"), machine()["cpu"]
        return points

    def qualities(self, name: str, subject: Subject) -> dict[Pair, dict[str, float]]:
        """Size -> family -> mean; one pass of the encoder gives all depths."""
        sizes = some_sizes(subject.settings.pairs, subject.full_pair)
        found: dict[Pair, dict[str, float]] = {size: {} for size in sizes}
        for task in self.tasks:
            begun = time.perf_counter()
            scores = score_task(find_task(task).build(self.opened(task)), subject, sizes, None)
            for size, score in zip(sizes, scores, strict=True):
                found[size][task] = score.value
            tell(f"{name}: {task} at {len(sizes)} sizes, {time.perf_counter() - begun:.0f} s")
        return {size: family_means(values) for size, values in found.items()}

    def bm25(self) -> dict[str, float]:
        """Task -> score, of retrieval tasks."""
        found = [task for task in self.tasks if task in TEXT_FAMILIES["retrieval"]]
        return {task: score_bm25(find_task(task).build(self.opened(task))).value for task in found}

    def time(self, subjects: Mapping[str, Subject], points: Sequence[Point]) -> None:
        """Milliseconds a text, contenders in turns; the first round only warms."""
        rows = open_corpus(ensure_corpus("python-docs", self.corpora)).iter_rows(
            "test", columns=["positive"]
        )
        texts = [row["positive"] for _, row in zip(range(TIMED_TEXTS), rows, strict=False)]
        for number in range(self.rounds + 1):
            for point in points:
                encode = encoder_of(subjects[point.name], point.pair)
                begun = time.perf_counter()
                encode(texts)
                taken = 1000 * (time.perf_counter() - begun) / len(texts)
                point.times_ms += [taken] if number else []

    def opened(self, task: str) -> dict[str, Corpus]:
        """The corpora of a task."""
        return {name: open_corpus(ensure_corpus(name, self.corpora)) for name in find_task(task).corpora}


def some_sizes(pairs: Sequence[Pair], full: Pair) -> list[Pair]:
    """The sizes trained; of a grid the widest at each depth and, at the last, the narrow ones."""
    found = sorted({*pairs, full})
    if len(found) <= MOST_SIZES:
        return found
    widest = {max(pair for pair in found if pair[0] == depth) for depth, _ in found}
    narrow = [pair for pair in found if pair[0] == full[0]]
    return sorted({*widest, *narrow[:: max(1, len(narrow) // 3)]})


def parameters(subject: Subject, pair: Pair) -> int:
    """Numbers that have to be in memory to read a subject at a size."""
    if subject.folder is None:
        table = load_embedder(resolve_model(MINILM)).encoder.get_input_embeddings()
        return sum(one.numel() for one in table.parameters())  # type: ignore[operator,union-attr]
    return sum(one.numel() for one in load_embedder(subject.folder).cut(pair[0]).parameters())


def trained_by(folder: Path) -> str:
    """The job and stage that made an embedder; empty for a model from elsewhere."""
    lineage = read_lineage(folder)
    return f"`{lineage.job.get('name', '')}`, stage `{lineage.stage}`" if lineage.stage else ""


def encoder_of(subject: Subject, pair: Pair) -> Callable[[list[str]], Any]:
    """How a subject turns texts into vectors at a size, without remembering any."""
    options = {"layers": pair[0]} if pair[0] else {}
    return lambda texts: subject.engine.encode(texts, **options)


def champions() -> dict[str, str]:
    """Slug -> address of what the family's jobs register."""
    found = {}
    for system in systems().values():
        job = ROOT / "jobs" / system.family.replace("-", "_") / f"{system.slug}.yaml"
        if system.family == FAMILY and job.is_file():
            stages = [stage for stage in load_job(job).job.stages if isinstance(stage, RegisterStage)]
            for stage in stages:  # the last one stays
                found[system.slug] = f"models:/{stage.model}@{stage.alias}"
    return found


def write(points: Sequence[Point]) -> None:
    """Keep the points, and put table and figure into the documentation."""
    save(points, KEPT)
    draw(points, FIGURE)
    rows = "\n".join(["![quality against time a text](embedders.svg)", "", *table(points), ""])
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(MARKED.sub(lambda found: f"{found[1]}{rows}{found[2]}", text), encoding="utf-8")


def runs_of(points: Sequence[Point], missing: Mapping[str, str]) -> list[Runs]:
    """For the report: time, parameters and quality of each size, and who is missing."""
    found = []
    for point in points:
        extra = {"parameters": point.parameters, "families": point.families, "mean": point.mean}
        name = f"{point.name} {point.size}".strip()
        if point.times_ms:
            found.append(Runs(name, "a text", "ms", point.times_ms, extra=extra))
        else:
            found.append(Runs(name, "a text", "ms", why="no vectors", extra=extra))
    return [*found, *(Runs(name, "a text", "ms", why=why) for name, why in missing.items())]


def ratios_of(points: Sequence[Point]) -> dict[str, float]:
    """Speed of each size against all-MiniLM-L6-v2 whole, and the share of its quality."""
    base = next(point for point in points if point.name == REFERENCE)
    found = {}
    for point in points:
        if point is not base and point.times_ms and point.mean is not None and base.mean:
            name = f"{point.name} {point.size}".strip()
            found[f"{name}: speed"] = round(statistics.median(base.times_ms) / point.ms, 3)
            found[f"{name}: quality"] = round(point.mean / base.mean, 3)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--models", nargs="+", metavar="NAME=SOURCE")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--corpora", type=Path, default=Path("runs/corpora"))
    given = parser.parse_args()
    sources = dict(one.split("=", 1) for one in given.models) if given.models else champions()
    bench = Bench(given.tasks, given.corpora, given.rounds)
    points = bench.run(sources)
    if given.tasks == TASKS:
        write(merged(load(KEPT), points))
    versions = {name: version(name) for name in ("mteb", "torch", "transformers", "numpy")}
    show(report("embedders", runs_of(points, bench.missing), ratios_of(points), {}, versions), given.json)


if __name__ == "__main__":
    main()
