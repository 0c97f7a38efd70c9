"""Built-in corpora, one module each, found by name and built where they are first asked for."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path

from embedworks.corpora.manifest import MANIFEST_FILE
from embedworks.errors import InputError


def builtin_names() -> list[str]:
    """Names of the built-in corpora."""
    return sorted(file.stem.replace("_", "-") for file in Path(__file__).parent.glob("[!_]*.py"))


def build_builtin(name: str, folder: Path, seed: int = 0) -> Path:
    """Build a built-in corpus; the folder appears when it is complete.

    Raises:
        InputError: for an unknown name, or a folder that is there already.
    """
    known = builtin_names()
    if name not in known:
        raise InputError(
            f"no corpus {name!r}: neither a folder with a manifest nor a built-in corpus",
            expected=f"a folder, or one of {', '.join(known)}",
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


def ensure_corpus(source: str, root: Path) -> Path:
    """The folder of a corpus: ``source`` itself, or a built-in one that is built under ``root`` once.

    Raises:
        InputError: if ``source`` is neither.
    """
    if (Path(source) / MANIFEST_FILE).is_file():
        return Path(source).absolute()
    folder = (root / source).absolute()
    if source in builtin_names() and (folder / MANIFEST_FILE).is_file():
        return folder
    if Path(source).is_dir():
        raise InputError(
            f"{source} has no {MANIFEST_FILE}", expected="a folder that `embedworks shards build` wrote"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    return build_builtin(source, folder)
