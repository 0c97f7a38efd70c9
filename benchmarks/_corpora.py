"""The data that the benchmarks read: generated, the same on every machine, kept in the cache folder."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.ensure import ensure_corpus
from embedworks.corpora.manifest import MANIFEST_FILE
from embedworks.corpora.shards import write_corpus

TEXT_ROWS = 200_000
SHARD_ROWS = 16_384
IMAGE_ROWS = 2_000
IMAGE_SIDES = (96, 257)  # width and height are drawn from this range
TEXTS = pa.schema([("query", pa.string()), ("positive", pa.string())])
IMAGES = pa.schema([("image", pa.binary())])


def cache_folder() -> Path:
    """Where data and peers' environments are kept between runs."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "embedworks" / "bench"


def text_corpus(scale: int = 1) -> Path:
    """Pairs of a short and a longer text, cut at random from the built-in ``python-docs``."""
    folder = cache_folder() / f"text-{TEXT_ROWS * scale}"
    return _ensure(folder, TEXTS, lambda: _pairs(TEXT_ROWS * scale))


def image_corpus() -> Path:
    """PNG files of smooth noise, of many sizes, in one column."""
    return _ensure(cache_folder() / f"images-{IMAGE_ROWS}", IMAGES, _images)


def _ensure(folder: Path, schema: pa.Schema, rows: Any) -> Path:
    if not (folder / MANIFEST_FILE).is_file():
        for left in folder.glob("*.parquet"):  # of a run that was stopped
            left.unlink()
        write_corpus(folder, {"train": rows()}, name=folder.name, schema=schema, shard_rows=SHARD_ROWS)
    return folder


def _pairs(count: int) -> Iterator[dict[str, Any]]:
    docs = open_corpus(ensure_corpus("python-docs", cache_folder()))
    words = " ".join(row["positive"] for row in docs.iter_rows("train")).split()
    rng = np.random.default_rng(0)
    for _ in range(0, count, 1000):
        starts = rng.integers(0, len(words) - 81, (1000, 2))
        sizes = rng.integers((5, 20), (16, 81), (1000, 2))
        for (a, b), (short, long) in zip(starts.tolist(), sizes.tolist(), strict=True):
            yield {"query": " ".join(words[a : a + short]), "positive": " ".join(words[b : b + long])}


def _images() -> Iterator[dict[str, Any]]:
    from PIL import Image

    rng = np.random.default_rng(0)
    for _ in range(IMAGE_ROWS):
        coarse = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        size = tuple(rng.integers(*IMAGE_SIDES, 2).tolist())
        file = io.BytesIO()
        Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(file, "PNG")
        yield {"image": file.getvalue()}
