"""Builds a corpus from any source: parts on Ray Data, then the manifest. A killed build goes on."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from embedworks.corpora.atomic import PARTIAL, new_file
from embedworks.corpora.build_options import BuildOptions
from embedworks.corpora.build_plan import make_plan
from embedworks.corpora.duplicates import count_duplicates
from embedworks.corpora.manifest import MANIFEST_FILE, Manifest
from embedworks.corpora.parts import (
    BUILD,
    Part,
    PartRecord,
    Plan,
    build_part,
    digest_file,
    has_records,
    load_record,
)
from embedworks.corpora.places import Place
from embedworks.corpora.shards import make_unused
from embedworks.corpora.statistics import SplitTally, text_columns
from embedworks.errors import InputError

OPTIONS = "options.json"

OnPart = Callable[[int, int, int], None]  # parts done, parts in all, rows so far


def build_corpus(
    options: BuildOptions, folder: Path, workers: int | None = None, on_part: OnPart | None = None
) -> Manifest:
    """Build a corpus into ``folder``, or go on with a build that was killed there.

    Parts are built on Ray Data where Ray runs in this process, else here, one after the other. The
    bytes are the same either way, for any number of workers, and however often it was killed.

    Args:
        options: What to build.
        folder: A new or empty folder, or one where this very build was begun.
        workers: Parts to build at a time; as many as Ray has CPUs for by default.
        on_part: Told of every part that is done.

    Raises:
        InputError: for a source that cannot be read, a folder in use or inside the source, or one where
            a build with other options was begun.
    """
    return run_plan(make_plan(options), folder, workers, on_part)


def run_plan(
    plan: Plan, folder: Path, workers: int | None = None, on_part: OnPart | None = None
) -> Manifest:
    """Do what :func:`build_corpus` does, with a plan that was made before."""
    folder = folder.absolute()
    _begin(plan, folder)
    if (folder / MANIFEST_FILE).exists():  # killed while it was clearing up
        shutil.rmtree(folder / BUILD)
        return Manifest.load(folder)
    records = {part.index: record for part in plan.parts if (record := load_record(part, folder))}
    missing = [part for part in plan.parts if part.index not in records]
    _remove_strays(folder, records)
    rows = sum(record.rows for record in records.values())
    for index in _build_parts(missing, folder, workers):
        record = load_record(plan.parts[index], folder)
        assert record is not None, f"part {index} reports that it is done, but left no record"
        records[index] = record
        rows += record.rows
        if on_part:
            on_part(len(records), len(plan.parts), rows)
    manifest = _manifest(plan, folder, [records[part.index] for part in plan.parts])
    manifest.save(folder)
    shutil.rmtree(folder / BUILD)
    return manifest


def _begin(plan: Plan, folder: Path) -> None:
    asked = plan.asked
    file = folder / BUILD / OPTIONS
    if file.is_file():
        begun = json.loads(file.read_bytes())
        differing = sorted(key for key in asked if asked[key] != begun.get(key))
        if differing and has_records(folder):
            key = differing[0]
            raise InputError(
                f"{folder} holds a build that was begun with {key} {begun.get(key)!r}, not {asked[key]!r}",
                expected="the same options to go on, or another folder",
            )
    else:
        if plan.reads:
            _refuse_inside(plan.reads, folder)
        make_unused(folder)
        file.parent.mkdir(exist_ok=True)
    with new_file(file) as partial:
        partial.write_text(json.dumps(asked, indent=2))


def _refuse_inside(source: str, folder: Path) -> None:
    # Its shards would be files of the source when a killed build goes on.
    place = Place.of(source)
    if place.local and place.local.is_dir() and folder.resolve().is_relative_to(place.local.resolve()):
        raise InputError(f"{folder} is inside the source {place}", expected="a folder outside of it")


def _remove_strays(folder: Path, records: dict[int, PartRecord]) -> None:
    """Shards that no finished part names: they were cut short, or the source has lost their files."""
    kept = {
        shard.file for record in records.values() for shards in record.shards.values() for shard in shards
    }
    for file in folder.iterdir():
        if file.name.endswith((".parquet", PARTIAL)) and file.name not in kept:
            file.unlink()


def _build_parts(parts: Sequence[Part], folder: Path, workers: int | None) -> Iterator[int]:
    """Indices of the parts, as they are done."""
    ray = sys.modules.get("ray")
    if len(parts) > 1 and ray is not None and ray.is_initialized():
        yield from _on_ray(parts, folder, workers)
        return
    for part in parts:
        build_part(part, folder)
        yield part.index


def _on_ray(parts: Sequence[Part], folder: Path, workers: int | None) -> Iterator[int]:
    import ray.data
    from ray import cloudpickle

    def build(row: dict[str, bytes]) -> dict[str, int | str]:
        part = cloudpickle.loads(row["part"])
        try:
            build_part(part, folder)
        except InputError as error:
            # As a value, because what Ray Data raises has lost the error that it was raised for.
            return {"index": part.index, "refused": str(error)}
        return {"index": part.index, "refused": ""}

    packed = [{"part": cloudpickle.dumps(part)} for part in parts]
    # A block a part: what is done is known at once, and a lost node costs its parts alone.
    dataset = ray.data.from_items(packed, override_num_blocks=len(packed))
    for row in dataset.map(build, concurrency=workers).iter_rows():
        if row["refused"]:
            raise InputError(row["refused"])
        yield row["index"]


def _manifest(plan: Plan, folder: Path, records: Sequence[PartRecord]) -> Manifest:
    if not any(record.rows for record in records):
        raise InputError(f"{plan.reads or plan.header.name} has no rows")
    statistics = {}
    for split in plan.splits:
        tally = SplitTally(text_columns(plan.schema))
        for record in records:
            if split in record.tallies:
                tally.merge(SplitTally.from_json(record.tallies[split]))
        digests = [
            digest_file(i, split, folder) for i, record in enumerate(records) if split in record.tallies
        ]
        repeated = count_duplicates([np.load(file, mmap_mode="r") for file in digests])
        statistics[split] = tally.statistics(repeated)
    return Manifest(
        **asdict(plan.header),
        columns={field.name: str(field.type) for field in plan.schema},
        splits={
            split: [shard for record in records for shard in record.shards.get(split, [])]
            for split in plan.splits
        },
        statistics=statistics,
    )
