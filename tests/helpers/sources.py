"""Sources to read corpora from: files of text, a web server, a bucket."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pyarrow as pa

from embedworks.corpora.readers import find_files, read_options, read_tables
from helpers.http_server import QuietHandler, http_server

WORDS = ("alpha", "beta", "gämma", "delta", "epsilon")


def question_files(folder: Path, files: int = 4, rows: int = 60) -> Path:
    """JSON lines of questions in topics, the same in every run."""
    rng = random.Random(0)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        lines = [
            {
                "question": f"what is {number}-{row}",
                "answer": " ".join(rng.choices(WORDS, k=rng.randrange(1, 30))),
                "topic": f"topic {rng.randrange(20)}",
                "score": row / 2 if number else row,
            }
            for row in range(rows)
        ]
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (folder / f"{number:03d}.jsonl").write_text(text, encoding="utf-8")
    return folder


def read_all(source: Path | str, format_name: str | None = None, **options: Any) -> list[dict[str, Any]]:
    """Every row of a source."""
    found = find_files(str(source), format_name)
    parsed = read_options(found.format, options)
    tables = [table for file in found.files for table in read_tables(file, found.format, parsed)]
    return pa.concat_tables(tables, promote_options="permissive").to_pylist() if tables else []


def folder_bytes(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, to compare two folders by."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


class _Quiet(QuietHandler, SimpleHTTPRequestHandler):
    pass


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """A folder over HTTP; its root's URL."""
    with http_server(partial(_Quiet, directory=str(folder))) as url:
        yield url
