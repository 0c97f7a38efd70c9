"""What is to be sent to MLflow, on disk until it has arrived, so that no killed driver loses it.

    mlflow-1f2e3d4c.jsonl   one JSON object a line, appended
    mlflow-1f2e3d4c.sent    bytes of it that have arrived

The name has a digest of the tracking URI: another server knows nothing of these runs.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from embedworks.corpora.atomic import new_file

Entry = dict[str, Any]


class Journal:
    """Entries in the order in which they were made.

    Args:
        folder: Where the files are.
        uri: The tracking server that they are for.
    """

    def __init__(self, folder: Path, uri: str) -> None:
        name = f"mlflow-{hashlib.sha256(uri.encode()).hexdigest()[:8]}"
        self.file = folder / f"{name}.jsonl"
        self._mark = folder / f"{name}.sent"

    def unsent(self) -> list[tuple[Entry, int]]:
        """(entry, where its line ends) of all that has not arrived; a line that was cut off is removed."""
        if not self.file.is_file():
            return []
        data = self.file.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            with self.file.open("r+b") as file:
                file.truncate(whole)
        end = self._sent()
        entries = []
        for line in data[end:whole].splitlines(keepends=True):
            end += len(line)
            entries.append((json.loads(line), end))
        return entries

    def append(self, entry: Entry) -> int:
        """Write an entry; returns where its line ends.

        Raises:
            OSError: if it cannot be written.
        """
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("ab") as file:
            file.write(json.dumps(entry).encode() + b"\n")
            return file.tell()

    def arrived(self, end: int) -> None:
        """Note that all has arrived up to where a line ends."""
        with new_file(self._mark) as partial:
            partial.write_text(str(end))

    def clear(self) -> None:
        """Forget everything."""
        for file in (self.file, self._mark):
            file.unlink(missing_ok=True)

    def _sent(self) -> int:
        try:
            return int(self._mark.read_text())
        except (FileNotFoundError, ValueError):
            return 0  # sent again: MLflow keeps a point once
