"""Whatever a job calls a corpus, as a folder of this machine."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from embedworks.corpora.atomic import new_file
from embedworks.corpora.build import OnPart, build_corpus
from embedworks.corpora.build_options import BuildOptions, corpus_name
from embedworks.corpora.in_place import index_parquet, link_corpus
from embedworks.corpora.listing import SourceFile, has_wildcard
from embedworks.corpora.manifest import MANIFEST_FILE
from embedworks.corpora.parts import BUILD
from embedworks.corpora.places import Place
from embedworks.corpora.readers import find_files, left_out_text
from embedworks.corpora.recipes import (
    build_builtin,
    builtin_names,
    find_recipe,
    recipe_folder,
    recipe_options,
)
from embedworks.errors import InputError

logger = logging.getLogger(__name__)


def ensure_corpus(
    source: str, root: Path, options: Mapping[str, Any] | None = None, on_part: OnPart | None = None
) -> Path:
    """A folder of this machine for whatever a job calls a corpus.

    - A local corpus folder is used as it is.
    - A corpus folder at a URI is linked: a manifest under ``root`` names its shards where they are.
    - A built-in corpus is built under ``root``, once for every set of options.
    - Parquet files, at a path, URI or glob, are indexed under ``root`` and read in place; the index is
      brought up to date when files changed.
    - Whatever else can be read is built under ``root``; a build that was killed goes on. Files that
      changed since are built into another folder beside it, for a run may still read the one before.

    Files of the source that are not read are logged.

    Args:
        source: Path, URI, glob, or the name of a built-in corpus.
        root: Where to build, link and index.
        options: Of a built-in corpus.
        on_part: Told of the parts of a build.

    Raises:
        InputError: if ``source`` is none of these, or has no such options.
    """
    if source in builtin_names() and not (Path(source) / MANIFEST_FILE).is_file():
        return _ensure_builtin(source, root, options or {}, on_part)
    if options:
        raise InputError(
            f"{source!r} is not a built-in corpus and has no options",
            expected=f"options with one of {', '.join(builtin_names())}",
            name=source,
            known=builtin_names(),
        )
    place = Place.of(source)
    pattern = has_wildcard(place)
    if place.local and not pattern:
        if not place.local.exists() and "://" not in source:
            find_recipe(source)  # which says what the nearest name is
        if (place.local / MANIFEST_FILE).is_file():
            return place.local
        if (place.local / BUILD).is_dir():
            what = f"{place} has no {MANIFEST_FILE}: its build was cut short"
            raise InputError(what, expected="the same `embedworks shards build` again, which goes on")
    folder = root.absolute() / _folder_name(place)
    if not pattern and place.scheme != "hf" and (place / MANIFEST_FILE).is_file():
        link_corpus(place, folder)
        return folder
    found = find_files(place)
    if found.left_out:
        logger.warning("%s: %s", place, left_out_text(found.format, found.left_out))
    if found.format == "parquet":
        index_parquet(str(place), folder)
    else:
        folder = _ensure_built(place, folder, found.files, on_part)
    return folder


def _ensure_built(place: Place, home: Path, files: Iterable[SourceFile], on_part: OnPart | None) -> Path:
    stamps = json.dumps([[file.place.uri, file.bytes, file.stamp] for file in files])
    digest = hashlib.sha256(stamps.encode()).hexdigest()
    mark = home.with_name(f"{home.name}.sources")  # digest of the files that it was built from
    is_there = (home / MANIFEST_FILE).is_file()
    has_changed = is_there and mark.is_file() and mark.read_text() != digest
    folder = home.with_name(f"{home.name}-{digest[:8]}") if has_changed else home
    if not (folder / MANIFEST_FILE).is_file():
        build_corpus(BuildOptions(source=str(place)), folder, on_part=on_part)
        if folder == home:
            with new_file(mark) as partial:
                partial.write_text(digest)
    return folder


def _ensure_builtin(name: str, root: Path, given: Mapping[str, Any], on_part: OnPart | None) -> Path:
    options = recipe_options(name, given)
    folder = (root / recipe_folder(name, options)).absolute()
    if not (folder / MANIFEST_FILE).is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        build_builtin(name, folder, options, on_part=on_part)
    return folder


def _folder_name(place: Place) -> str:
    digest = hashlib.sha256(place.uri.encode()).hexdigest()
    return f"{corpus_name(str(place))}-{digest[:8]}"
