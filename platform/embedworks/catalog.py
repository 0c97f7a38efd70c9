"""Finds systems by name, and loads only the one that is named.

A system is ``embedworks/systems/<family>/<slug>.py``. Folders of the same layout on
``EMBEDWORKS_PATH`` are searched as well, so that a system can live in a repository of its own.
"""

from __future__ import annotations

import importlib
import inspect
import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from embedworks.errors import InputError
from embedworks.named import require_known
from embedworks.objective import Objective

PLUGIN_PATH = "EMBEDWORKS_PATH"


@dataclass(frozen=True)
class System:
    """One entry of the catalogue."""

    slug: str
    family: str
    module: str
    file: Path

    @property
    def words(self) -> str:
        """The slug as its files spell it."""
        return self.slug.replace("-", "_")

    def load(self) -> ModuleType:
        """Import the system's module."""
        return importlib.import_module(self.module)


def systems() -> dict[str, System]:
    """Every system by slug; modules are not imported."""
    found = {}
    for root in system_folders():
        for file in sorted(root.glob("[!_]*/[!_]*.py")):
            slug = file.stem.replace("_", "-")
            module = f"embedworks.systems.{file.parent.name}.{file.stem}"
            found[slug] = System(slug, file.parent.name.replace("_", "-"), module, file)
    return found


def find_system(slug: str) -> System:
    """The system of that slug.

    Raises:
        InputError: for an unknown slug, naming the nearest one.
    """
    known = systems()
    require_known("system", slug, sorted(known))
    return known[slug]


def find_objective(name: str) -> type[Objective]:
    """The objective that a job's ``system: <slug>`` or ``<slug>/<variant>`` names.

    Raises:
        InputError: for an unknown slug or variant.
    """
    slug, _, variant = name.partition("/")
    classes = objectives(find_system(slug))
    if variant not in classes:
        names = [f"{slug}/{key}".rstrip("/") for key in classes]
        raise InputError(f"system {slug!r} has no objective {name!r}", name=name, known=names)
    return classes[variant]


def objectives(system: System) -> dict[str, type[Objective]]:
    """A system's objectives by variant, in the order of the module; the main one has none: ``""``."""
    module = system.load()
    found = [
        cls
        for cls in vars(module).values()
        if inspect.isclass(cls) and issubclass(cls, Objective) and cls.__module__ == module.__name__
    ]
    return {cls.variant: cls for cls in found}


def system_folders() -> list[Path]:
    """Folders that hold families; those on ``EMBEDWORKS_PATH`` become importable."""
    package = importlib.import_module("embedworks.systems")
    own = Path(str(package.__file__)).parent
    roots = [Path(root) for root in os.environ.get(PLUGIN_PATH, "").split(os.pathsep) if root]
    folders = list(dict.fromkeys([own, *(root / "embedworks" / "systems" for root in roots)]))
    _search(package, folders)
    for family in {path.parent.name for path in own.glob("*/__init__.py")}:
        _search(importlib.import_module(f"embedworks.systems.{family}"), [f / family for f in folders])
    return folders


def _search(package: ModuleType, folders: list[Path]) -> None:
    """Let the package's modules come from these folders, and from no others."""
    names = [str(folder) for folder in folders]
    if package.__path__ != names:
        package.__path__[:] = names
        importlib.invalidate_caches()
