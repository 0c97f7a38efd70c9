"""The offline suite's baselines: BM25, random vectors, letters, word vectors, all-MiniLM-L6-v2.

    embedworks bench suite                    measures, and writes the tables again where they stand in docs
    embedworks bench suite --json             the same, as JSON
    python benchmarks/suite.py --cache DIR    keeps what was measured, and goes on where it was stopped

Numbers are the same on every machine with the packages of constraints.txt: data and baselines are fixed,
and the transformer runs in float32. `docs/suite.json` has the digest of each task's data.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from _harness import machine, tell

from embedworks.corpora.corpus import Corpus, open_corpus
from embedworks.corpora.ensure import ensure_corpus
from embedworks.evaluation.baselines import letters_baseline, random_baseline, static_baseline
from embedworks.evaluation.bm25 import score_bm25
from embedworks.evaluation.encoder import Subject
from embedworks.evaluation.evaluate import Score, score_task
from embedworks.evaluation.find import find_task
from embedworks.evaluation.subjects import Access, open_subject
from embedworks.evaluation.suites import IMAGE_FAMILIES, TEXT_FAMILIES, VARYING, describe, family_means
from embedworks.folder import resolve_model

DOCS = Path(__file__).resolve().parents[1] / "docs"
DIGESTS = DOCS / "suite.json"
MARKED = re.compile(r"(<!-- baselines -->\n).*?(<!-- end of baselines -->)", re.DOTALL)
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
Values = dict[str, dict[str, Score]]  # task -> contender -> score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--corpora", type=Path, default=Path("runs/corpora"))
    parser.add_argument("--cache", type=Path, help="mteb's folder of results")
    options = parser.parse_args()
    folder = partial(ensure_corpus, root=options.corpora)
    subjects = contenders()
    values: Values = {}
    described = {}
    for task in (name for tasks in TEXT_FAMILIES.values() for name in tasks):
        values[task], described[task] = measure(task, folder, subjects, options.cache)
    for task in (name for tasks in IMAGE_FAMILIES.values() for name in tasks):
        opened = corpora_of(task, folder)
        described[task] = describe(find_task(task).build(opened), opened)
    DIGESTS.write_text(json.dumps(described, indent=2) + "\n")
    rows = table(values)
    write(rows)
    print(json.dumps(report(values), indent=2) if options.json else "\n".join(rows))


def contenders() -> dict[str, Subject]:
    minilm = resolve_model(MINILM)
    return {
        "random": random_baseline(),
        "letters": letters_baseline(),
        "static": static_baseline(minilm),
        "all-MiniLM-L6-v2": open_subject(minilm, "fp32", Access()),
    }


def measure(
    name: str, folder: Callable[[str], Path], subjects: Mapping[str, Subject], cache: Path | None
) -> tuple[dict[str, Score], dict[str, Any]]:
    """One task: every contender's score, and what the task is made of."""
    opened = corpora_of(name, folder)
    source = find_task(name)
    about = describe(source.build(opened), opened)
    found = {}
    if about["kind"] == "Retrieval":
        found["BM25"] = score_bm25(source.build(opened))
    for contender, subject in subjects.items():
        begun = time.perf_counter()
        (found[contender],) = score_task(source.build(opened), subject, [subject.full_pair], cache)
        seconds = time.perf_counter() - begun
        tell(f"{name}: {contender} {found[contender].value:.4f} ({seconds:.0f} s)")
    return found, about


def corpora_of(task: str, folder: Callable[[str], Path]) -> dict[str, Corpus]:
    return {name: open_corpus(folder(name)) for name in find_task(task).corpora}


def table(values: Values) -> list[str]:
    """Markdown: the mean of each family with its tasks below."""
    names = ["BM25", *contenders_of(values)]
    columns = [
        family_means({task: found[name].value for task, found in values.items() if name in found})
        for name in names
    ]
    lines = [f"| task | metric | n | {' | '.join(names)} |", f"|---|---|--:|{'--:|' * len(names)}"]
    for family, tasks in TEXT_FAMILIES.items():
        fixed = [task for task in tasks if task not in VARYING]
        total = sum(next(iter(values[task].values())).n for task in fixed)
        means = " | ".join(f"**{mean[family]:.3f}**" if family in mean else "" for mean in columns)
        lines.append(f"| **{family}** | mean of {len(fixed)} | {total:,} | {means} |")
        for task in tasks:
            one = next(iter(values[task].values()))
            cells = (f"{values[task][name].value:.3f}" if name in values[task] else "" for name in names)
            mark = " *" if task in VARYING else ""
            lines.append(f"| {task}{mark} | {one.metric} | {one.n:,} | {' | '.join(cells)} |")
    whole = (f"**{sum(m.values()) / len(m):.3f}**" if len(m) == len(TEXT_FAMILIES) else "" for m in columns)
    return [*lines, f"| **families** | mean of {len(TEXT_FAMILIES)} | | {' | '.join(whole)} |"]


def contenders_of(values: Values) -> list[str]:
    return [name for name in next(iter(values.values())) if name != "BM25"]


def write(rows: list[str]) -> None:
    """Put the table between its marks, in whatever page of the documentation has them."""
    for page in DOCS.glob("*.md"):
        text = page.read_text()
        if MARKED.search(text):
            page.write_text(MARKED.sub(lambda found: "\n".join([found[1], *rows, "", found[2]]), text))


def report(values: Values) -> dict[str, Any]:
    """As every benchmark prints it; a ratio here is of two means over families."""
    means = {
        name: family_means({task: found[name].value for task, found in values.items()})
        for name in contenders_of(values)
    }
    whole = {name: sum(found.values()) / len(found) for name, found in means.items()}
    return {
        "name": "suite",
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": {name: version(name) for name in ("mteb", "torch", "transformers", "numpy")},
        "measurements": [
            {"contender": name, "measure": task, "unit": score.metric, "value": score.value, "n": score.n}
            for task, found in values.items()
            for name, score in found.items()
        ],
        "ratios": {
            f"{name} to static": round(mean / whole["static"], 4)
            for name, mean in whole.items()
            if name != "static"
        },
        "targets": {},
    }


if __name__ == "__main__":
    main()
