"""Search pictures by words: train, embed, serve, ask.

    python examples/image_search.py [--keep] [--out found.png]

Runs jobs/image_search.yaml (an image tower learns to meet a text embedder, then every picture to a vector),
serves the embedder, asks it some queries, one of them a picture with a text, and draws what was found.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import requests

from embedworks.vectors.table import Table

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "embedworks.cli.main"]
PORT = int(os.environ.get("PORT", "8000"))
RAY_PORT = int(os.environ.get("RAY_PORT", "6379"))
DASHBOARD_PORT = int(os.environ.get("DASHBOARD_PORT", "8265"))
RAY = f"127.0.0.1:{RAY_PORT}"
STAGES = ("emoji-pictures", "new-emoji-pictures", "icon-pictures")
QUERIES = ("a red animal", "arrow pointing left", "fruit", "musical instrument", "a blue car", "a heart")
FOUND = 7


def main() -> None:
    """Run, serve, ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave Ray and the endpoint running")
    parser.add_argument("--out", type=Path, default=Path("found.png"), help="picture of what was found")
    options = parser.parse_args()
    embedworks("cluster", "up", "--port", str(RAY_PORT), "--dashboard-port", str(DASHBOARD_PORT))
    try:
        results = json.loads(embedworks("run", "jobs/image_search.yaml", "--address", RAY, "--json"))
        for score in results["score"]["scores"]["see"]:
            print(f"{score['task']}: {score['metric']} {score['value']:.3f}")
        served = ("serve", "serve/image_search.yaml", "--port", str(PORT), "--address", RAY, "--no-block")
        embedworks(*served)
        search([Table.open(results[stage]["index"]) for stage in STAGES], options.out)
    finally:
        if not options.keep:
            embedworks("cluster", "down", "--port", str(RAY_PORT))


def embedworks(*words: str) -> str:
    """Run one command as a user would; its progress is shown, its output returned."""
    print("$ embedworks", *words, flush=True)
    done = subprocess.run([*COMMAND, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(done.returncode)
    return done.stdout


def search(tables: list[Table], out: Path) -> None:
    """Ask for each query, and draw a line of pictures for each."""
    from embedworks.corpora.contact_sheet import draw_sheet

    asked: list[tuple[str, Any]] = [(query, query) for query in QUERIES]
    [apple] = tables[0].search(ask("red apple"), 1, where={"name": "red apple"}, columns=["image"]).rows[0]
    asked.append(("this apple, but green", {"image": data_uri(apple["image"]), "text": "a green apple"}))
    cells = []
    for words, query in asked:
        found = nearest(tables, ask(query))
        line = f"{words}: {', '.join(f'{title} {cosine:.2f}' for cosine, title, _ in found)}"
        print(line)
        cells.append(([thumbnail(picture) for _, _, picture in found], line))
    draw_sheet(cells).save(out)
    print(f"pictures: {out}")


def nearest(tables: list[Table], query_D: np.ndarray) -> list[tuple[float, str, bytes]]:
    """Cosine, title and picture of what is nearest in all of the indexes."""
    hits = []
    for table in tables:
        title = "name" if "name" in table.columns else "text"
        found = table.search(query_D, FOUND, columns=[title, "image"])
        pairs = zip(found.scores[0].tolist(), found.rows[0], strict=True)
        hits += [(score, row[title], row["image"]) for score, row in pairs]
    return sorted(hits, key=lambda hit: -hit[0])[:FOUND]


def ask(query: Any) -> np.ndarray:
    """The endpoint's vector of a text, or of an image with a text."""
    body = {"model": "pictures", "input": [query]}
    answer = requests.post(f"http://127.0.0.1:{PORT}/v1/embeddings", json=body, timeout=60)
    answer.raise_for_status()
    return np.asarray(answer.json()["data"][0]["embedding"], dtype=np.float32)


def data_uri(data: bytes) -> str:
    """A PNG file as an endpoint takes it."""
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def thumbnail(data: bytes) -> Any:
    """A picture of 96 pixels."""
    from PIL import Image

    return Image.open(io.BytesIO(data)).convert("RGB").resize((96, 96))


if __name__ == "__main__":
    main()
