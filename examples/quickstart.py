"""From the Python documentation to a search over it, on this machine, with the command line alone.

    python examples/quickstart.py [--keep]

Starts one Ray node, runs jobs/quickstart.yaml (corpora, two specialists, merge, evaluation, registry,
index), deploys the champion with the index of the documentation, asks three questions, and stops all it
started unless ``--keep`` is given.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
JOB = ROOT / "jobs" / "quickstart.yaml"
COMMAND = [sys.executable, "-m", "embedworks.cli.main"]
PORT = int(os.environ.get("PORT", "8000"))
RAY_PORT = int(os.environ.get("RAY_PORT", "6379"))
DASHBOARD_PORT = int(os.environ.get("DASHBOARD_PORT", "8265"))
RAY = f"127.0.0.1:{RAY_PORT}"
MODEL = "quickstart"
BASE = "sentence-transformers/all-MiniLM-L6-v2"
QUESTIONS = (
    "What happens when an exception is raised inside a with block?",
    "How do I make my object callable like a function?",
    "What does yield do inside a function?",
)

console = Console(highlight=False, soft_wrap=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave Ray and the endpoint running")
    keep = parser.parse_args().keep
    started = time.monotonic()
    up = False
    try:
        embedworks("cluster", "up", "--port", str(RAY_PORT), "--dashboard-port", str(DASHBOARD_PORT))
        up = True
        results = json.loads(embedworks("run", str(JOB), "--address", RAY, "--json"))
        show_scores(results["scores"]["scores"])
        check_gains(results["scores"]["scores"])
        uri = results["champion"]["uri"]
        index = results["paragraphs"]["index"]
        served = ("serve", uri, "--name", MODEL, "--index", index, "--port", str(PORT))
        embedworks(*served, "--address", RAY, "--no-block")
        ask(results["paragraphs"]["name"])
    finally:
        if up and not keep:
            embedworks("cluster", "down", "--port", str(RAY_PORT))
    show_addresses(keep, index)
    console.print(f"done in {time.monotonic() - started:.0f} s")
    return 0


def embedworks(*words: str) -> str:
    """Run one command as a user would; its progress is shown, its output returned."""
    console.print(f"[bold]$ embedworks {' '.join(words)}[/]")
    done = subprocess.run([*COMMAND, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if "--json" not in words:
        console.print(done.stdout.strip(), markup=False)
    if done.returncode:
        raise SystemExit(done.returncode)
    return done.stdout


def show_scores(scores: dict[str, list[dict[str, Any]]]) -> None:
    """One row a model and pair, one column a task; the best of a pair in bold."""
    tasks = sorted({score["task"] for rows in scores.values() for score in rows})
    cells = {
        (model, (s["layers"], s["dimensions"]), s["task"]): s["value"]
        for model, rows in scores.items()
        for s in rows
    }
    pairs = sorted({pair for _, pair, _ in cells})
    table = Table("layers x dimensions", "model", *tasks, title="held-out topics and modules, nDCG@10")
    for pair in pairs:
        best = {task: max(cells[model, pair, task] for model in scores) for task in tasks}
        for model in scores:
            values = [cells[model, pair, task] for task in tasks]
            row = [
                f"[bold]{v:.4f}[/]" if v == best[t] else f"{v:.4f}"
                for t, v in zip(tasks, values, strict=True)
            ]
            table.add_row(f"{pair[0]} x {pair[1]}", model.rpartition("/")[2], *row)
        table.add_section()
    console.print(table)


def check_gains(scores: dict[str, list[dict[str, Any]]]) -> None:
    """Each specialist must beat the base, at full size, on the held-out task it was trained for."""
    for model, task in (("docs", "python-docs-retrieval"), ("code", "stdlib-code-search")):
        ours, base = full_size(scores[model], task), full_size(scores[BASE], task)
        if ours <= base:
            raise SystemExit(
                f"{model} scores {ours:.4f} on {task}, and the base it started from {base:.4f}"
            )


def full_size(rows: list[dict[str, Any]], task: str) -> float:
    return max((r["layers"], r["dimensions"], r["value"]) for r in rows if r["task"] == task)[2]


def ask(index: str) -> None:
    """Search the index by the endpoint and print the paragraphs found."""
    body = {"index": index, "query": list(QUESTIONS), "limit": 20}
    answer = requests.post(f"http://127.0.0.1:{PORT}/v1/search", json=body, timeout=60)
    answer.raise_for_status()
    for question, found in zip(QUESTIONS, answer.json()["data"], strict=True):
        console.print(f"\n[bold]{question}[/]")
        for hit in distinct(found["hits"])[:2]:
            row = hit["row"]
            line = f"  {hit['score']:.3f}  [{row['title']}] {row['positive'][:220]}"
            console.print(line, markup=False)


def distinct(hits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each text's best hit: a paragraph has a row for every question about it."""
    best: dict[str, dict[str, Any]] = {}
    for hit in hits:
        best.setdefault(hit["row"]["positive"], hit)
    return list(best.values())


def show_addresses(keep: bool, index: str) -> None:
    store = f"sqlite:///{ROOT / 'mlflow.db'}"
    console.print(f"\nruns and models: mlflow ui --backend-store-uri {store}", markup=False)
    if not keep:
        console.print(f'search it again: embedworks search {index} "What is a decorator?"', markup=False)
        console.print(
            f"serve it again: embedworks serve models:/{MODEL}@champion --name {MODEL} --index {index}"
        )
        return
    console.print(
        f"endpoint: http://127.0.0.1:{PORT}/v1 (stop it with `embedworks cluster down --port {RAY_PORT}`)"
    )
    console.print(f"playground: http://127.0.0.1:{PORT}/")
    console.print(
        f"curl http://127.0.0.1:{PORT}/v1/embeddings -H 'Content-Type: application/json' "
        f"""-d '{{"model": "{MODEL}", "input": "What is a decorator?", "dimensions": 96}}'""",
        markup=False,
    )


if __name__ == "__main__":
    sys.exit(main())
