"""Built-in corpora, one module each, found by name; and any source a job names, as a corpus folder."""

from __future__ import annotations

import hashlib
import importlib
import shutil
from pathlib import Path

from embedworks.corpora.build import OnPart, build_corpus
from embedworks.corpora.build_plan import BuildOptions, corpus_name
from embedworks.corpora.in_place import index_parquet, link_corpus
from embedworks.corpora.listing import has_wildcard
from embedworks.corpora.manifest import MANIFEST_FILE
from embedworks.corpora.parts import BUILD
from embedworks.corpora.places import Place
from embedworks.corpora.readers import find_files
from embedworks.errors import InputError
from embedworks.named import module_names


def builtin_names() -> list[str]:
    """Names of the built-in corpora."""
    return module_names(Path(__file__).parent)


def build_builtin(name: str, folder: Path, seed: int = 0) -> Path:
    """Build a built-in corpus; the folder appears when it is complete.

    Raises:
        InputError: for an unknown name, or a folder that is there already.
    """
    known = builtin_names()
    if name not in known:
        raise InputError(
            f"no corpus {name!r}: neither a folder with a manifest nor a built-in corpus",
            expected=f"a folder, a URI, or one of {', '.join(known)}",
            name=name,
            known=known,
        )
    if folder.exists():
        raise InputError(f"{folder} is there already", expected="a new folder")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    module.build(partial, seed)
    partial.rename(folder)
    return folder


def ensure_corpus(source: str, root: Path, on_part: OnPart | None = None) -> Path:
    """A folder of this machine for whatever a job calls a corpus.

    - A local corpus folder is used as it is.
    - A corpus folder at a URI is linked: a manifest under ``root`` names its shards where they are.
    - A built-in corpus is built under ``root`` once.
    - Parquet files, at a path, URI or glob, are indexed under ``root`` and read in place; the index is
      brought up to date when files changed.
    - Whatever else can be read is built under ``root`` once; a build that was killed goes on.

    Args:
        source: Path, URI, glob, or the name of a built-in corpus.
        root: Where to build, link and index.
        on_part: Told of the parts of a build.

    Raises:
        InputError: if ``source`` is none of these.
    """
    if source in builtin_names() and not (Path(source) / MANIFEST_FILE).is_file():
        folder = (root / source).absolute()
        folder.parent.mkdir(parents=True, exist_ok=True)
        return folder if (folder / MANIFEST_FILE).is_file() else build_builtin(source, folder)
    place = Place.of(source)
    pattern = has_wildcard(place)
    if place.local and not pattern:
        if not place.local.exists() and "://" not in source:
            return build_builtin(source, root / source)  # which says what the nearest name is
        if (place.local / MANIFEST_FILE).is_file():
            return place.local
        if (place.local / BUILD).is_dir():
            what = f"{place} has no {MANIFEST_FILE}: its build was cut short"
            raise InputError(what, expected="the same `embedworks shards build` again, which goes on")
    folder = root.absolute() / _folder_name(place)
    if not pattern and place.scheme != "hf" and (place / MANIFEST_FILE).is_file():
        link_corpus(place, folder)
    elif find_files(place).format == "parquet":
        index_parquet(str(place), folder)
    elif not (folder / MANIFEST_FILE).is_file():
        build_corpus(BuildOptions(source=str(place)), folder, on_part=on_part)
    return folder


def _folder_name(place: Place) -> str:
    digest = hashlib.sha256(place.uri.encode()).hexdigest()
    return f"{corpus_name(str(place))}-{digest[:8]}"
