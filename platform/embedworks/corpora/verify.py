"""Compares shards with their manifest: quickly by size and footer, or byte by byte."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

import pyarrow.fs as pafs

from embedworks.corpora.atomic import PARTIAL
from embedworks.corpora.footers import read_footer, wrong_column
from embedworks.corpora.manifest import MANIFEST_FILE, Manifest, Shard
from embedworks.corpora.places import Place
from embedworks.errors import InputError

THREADS = 16  # they wait for storage, not for a core
READ_BYTES = 4 << 20


@dataclass(frozen=True)
class Problem:
    """One shard that is not what the manifest says."""

    shard: str
    kind: Literal["missing", "extra", "truncated", "altered"]
    detail: str

    def __str__(self) -> str:
        return f"{self.shard}: {self.kind} ({self.detail})"


@dataclass(frozen=True)
class BadShard:
    """A shard that cannot be read, and what its corpus lacks without it."""

    split: str
    rows: int
    problem: Problem


def find_bad_shards(manifest: Manifest, folder: Place) -> list[BadShard]:
    """Look at the size and footer of every shard, in threads; no rows are read.

    Returns:
        The shards that are missing, truncated, or altered so that their footer shows it.

    Raises:
        InputError: if the storage cannot be asked at all.
    """
    listed = [(split, shard) for split, shards in manifest.splits.items() for shard in shards]
    problems = _each(
        [shard for _, shard in listed], lambda shard: _check_footer(folder, shard, manifest.columns)
    )
    return [
        BadShard(split, shard.rows, problem)
        for (split, shard), problem in zip(listed, problems, strict=True)
        if problem
    ]


def without(manifest: Manifest, bad: Iterable[BadShard]) -> Manifest:
    """A manifest without some shards, nor the statistics of splits that lose rows."""
    left_out = {(one.split, one.problem.shard) for one in bad}
    splits = {
        split: [shard for shard in shards if (split, shard.file) not in left_out]
        for split, shards in manifest.splits.items()
    }
    statistics = {
        split: counts
        for split, counts in manifest.statistics.items()
        if splits[split] == manifest.splits[split]
    }
    return manifest.model_copy(update={"splits": splits, "statistics": statistics})


def check_corpus(folder: str | Path | Place) -> list[Problem]:
    """Compare every shard of a corpus, here or at a URI, with its manifest, byte for byte.

    Of shards that are indexed in place only size and footer can be compared.

    Returns:
        The shards that are missing, truncated, altered, or not in the manifest; empty where all is well.
        A web server is not asked for what is not in the manifest.

    Raises:
        InputError: if there is no readable manifest.
    """
    place = Place.of(folder)
    manifest = Manifest.load(place)
    shards = list(chain.from_iterable(manifest.splits.values()))
    problems = [
        problem
        for problem in _each(shards, lambda shard: _check_shard(place, shard, manifest.columns))
        if problem
    ]
    return problems + _extra(place, {shard.file for shard in shards})


def file_digest(file: Path | Place) -> str:
    """SHA-256 of a file."""
    place = Place.of(file)
    digest = hashlib.sha256()
    with place.reading(), place.filesystem.open_input_stream(place.path, compression=None) as stream:
        while data := stream.read(READ_BYTES):
            digest.update(data)
    return digest.hexdigest()


def _each(shards: Sequence[Shard], check: Callable[[Shard], Problem | None]) -> list[Problem | None]:
    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(check, shards))


def _check_shard(folder: Place, shard: Shard, columns: dict[str, str]) -> Problem | None:
    if shard.footer_sha256:
        return _check_footer(folder, shard, columns)
    if problem := _check_size(folder, shard):
        return problem
    if (digest := file_digest(shard.place(folder))) != shard.sha256:
        return Problem(shard.file, "altered", f"sha256 {digest[:12]}, not {(shard.sha256 or '')[:12]}")
    return None


def _check_size(folder: Place, shard: Shard) -> Problem | None:
    info = shard.place(folder).info()
    if info.type != pafs.FileType.File:
        return Problem(shard.file, "missing", f"{shard.rows} rows")
    if info.size < shard.bytes:
        return Problem(shard.file, "truncated", f"{info.size} of {shard.bytes} bytes")
    if info.size > shard.bytes:
        return Problem(shard.file, "altered", f"{info.size} bytes, not {shard.bytes}")
    return None


def _check_footer(folder: Place, shard: Shard, columns: dict[str, str]) -> Problem | None:
    if problem := _check_size(folder, shard):
        return problem
    try:
        footer = read_footer(shard.place(folder))
    except InputError as error:
        return Problem(shard.file, "altered", error.what)
    if footer.metadata.num_rows != shard.rows:
        return Problem(shard.file, "altered", f"{footer.metadata.num_rows} rows, not {shard.rows}")
    if shard.footer_sha256 and footer.sha256 != shard.footer_sha256:
        return Problem(shard.file, "altered", "its footer is not the one that was indexed")
    if wrong := wrong_column(footer, columns):
        return Problem(shard.file, "altered", wrong)
    return None


def _extra(folder: Place, known: set[str]) -> list[Problem]:
    if folder.scheme == "http":
        return []
    found = folder.filesystem.get_file_info(pafs.FileSelector(folder.path))
    names = sorted(info.base_name for info in found)
    return [
        Problem(name, "extra", f"not in {MANIFEST_FILE}")
        for name in names
        if name not in known and name.endswith((".parquet", PARTIAL))
    ]
