"""Somebody's own Parquet files as a corpus, where they are: a manifest of URIs, nothing copied."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import pyarrow as pa

from embedworks.corpora.atomic import new_file
from embedworks.corpora.build_options import corpus_name
from embedworks.corpora.footers import Footer, read_footer
from embedworks.corpora.listing import SourceFile
from embedworks.corpora.manifest import MANIFEST_FILE, Manifest, Shard
from embedworks.corpora.places import Place
from embedworks.corpora.readers import find_files
from embedworks.corpora.verify import BadShard, without
from embedworks.errors import InputError

INDEX_FILE = "index.json"  # sizes and times of change, so that nothing is read again that did not change
THREADS = 16


def index_parquet(
    source: str | Mapping[str, str],
    folder: Path,
    *,
    name: str = "",
    licence: str = "",
    description: str = "",
) -> Manifest:
    """Write a manifest into ``folder`` whose shards are Parquet files elsewhere.

    Only footers are read, in threads. A file's identity is the digest of its footer and size, recorded
    as ``footer_sha256``: rows that are rewritten without any change there would go unnoticed, but a
    corpus also looks at the time of change while it is read. Where nothing changed since the last time,
    nothing is read at all.

    Args:
        source: A path, URI or glob, which becomes the split ``train``; or split -> path, URI or glob.
        folder: Where the manifest goes; one of an earlier index is brought up to date.
        name: The corpus's name; from the source if empty.
        licence: Of the content.
        description: What a row is.

    Raises:
        InputError: if nothing matches, or naming the file that is not Parquet or has other columns than
            the first.
    """
    sources = {"train": source} if isinstance(source, str) else dict(source)
    files = {split: list(find_files(one, "parquet").files) for split, one in sources.items()}
    stamps = {split: [[f.place.uri, f.bytes, f.stamp] for f in found] for split, found in files.items()}
    if (folder / MANIFEST_FILE).is_file() and _stamps(folder) == stamps:
        return Manifest.load(folder)
    footers = _footers(list(chain.from_iterable(files.values())))
    manifest = Manifest(
        name=name or corpus_name(next(iter(sources.values()))),
        description=description,
        source=", ".join(sources.values()) + " (in place)",
        licence=licence,
        split_rule="as the source has them",
        columns=_columns(footers),
        splits={split: [_shard(f, footers[f.place.uri]) for f in found] for split, found in files.items()},
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INDEX_FILE).unlink(
        missing_ok=True
    )  # stale from here on, should the next lines not be reached
    manifest.save(folder)
    with new_file(folder / INDEX_FILE) as partial:
        partial.write_text(json.dumps(stamps, indent=1))
    return manifest


def link_corpus(source: str | Path | Place, folder: Path, leave_out: Sequence[BadShard] = ()) -> Manifest:
    """Write a manifest into ``folder`` whose shards are those of a corpus elsewhere, or most of them.

    Raises:
        InputError: if there is no corpus at ``source``.
    """
    place = Place.of(source)
    manifest = without(Manifest.load(place), leave_out)
    splits = {
        split: [shard.model_copy(update={"file": shard.place(place).uri}) for shard in shards]
        for split, shards in manifest.splits.items()
    }
    linked = manifest.model_copy(update={"splits": splits})
    if not (folder / MANIFEST_FILE).is_file() or Manifest.load(folder) != linked:
        folder.mkdir(parents=True, exist_ok=True)
        linked.save(folder)
    return linked


def _stamps(folder: Path) -> object:
    file = folder / INDEX_FILE
    return json.loads(file.read_bytes()) if file.is_file() else None


def _footers(files: Sequence[SourceFile]) -> dict[str, Footer]:
    with ThreadPoolExecutor(THREADS) as threads:
        found = threads.map(lambda file: read_footer(file.place), files)
        return {file.place.uri: footer for file, footer in zip(files, found, strict=True)}


def _columns(footers: Mapping[str, Footer]) -> dict[str, str]:
    """Columns of the first file, which all others must have, in any order."""
    columns: dict[str, str] = {}
    for uri, footer in footers.items():
        schema: pa.Schema = footer.metadata.schema.to_arrow_schema()
        mine = {field.name: str(field.type) for field in schema}
        columns = columns or mine
        if mine != columns:
            names = sorted(columns.keys() | mine.keys())
            odd = next(name for name in names if columns.get(name) != mine.get(name))
            raise InputError(
                f"column {odd!r} is {mine.get(odd, 'missing')}",
                where=uri,
                expected=f"{columns.get(odd, 'none')}, as in the first file",
            )
    return columns


def _shard(file: SourceFile, footer: Footer) -> Shard:
    return Shard(
        file=file.place.uri,
        rows=footer.metadata.num_rows,
        bytes=footer.bytes,
        footer_sha256=footer.sha256,
    )
