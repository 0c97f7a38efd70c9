"""A registry of models in one JSON file, which processes on the machine share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class FileRegistry:
    """Versions with aliases; resolves ``models:/NAME@ALIAS`` and ``models:/NAME/VERSION``.

    Args:
        file: Where it is kept. Without the file, the registry is away.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def add(self, version: str, folder: Path) -> None:
        """Register a version."""
        self._write(lambda values: values["folders"].update({version: str(folder)}))

    def move(self, alias: str, version: str) -> None:
        """Let an alias lead to a version."""
        self._write(lambda values: values["aliases"].update({alias: version}))

    def version(self, source: str) -> str | None:
        """The version that an address leads to now."""
        alias = source.partition("@")[2]
        return str(self._read()["aliases"][alias]) if alias else source.rpartition("/")[2]

    def __call__(self, source: str) -> Path:
        """The folder of ``models:/NAME/VERSION``, or of what is no address."""
        if not source.startswith("models:/"):
            return Path(source)
        return Path(self._read()["folders"][self.version(source)])

    def _read(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads(self.file.read_text())
        return values

    def _write(self, change: Any) -> None:
        values = self._read() if self.file.exists() else {"folders": {}, "aliases": {}}
        change(values)
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps(values))
        fresh.replace(self.file)  # a reader sees the old or the new
