"""The folder in which a merge grows, and from which its result takes its name in one step.

.OUT.partial/lock         held by the merge that runs
             digest       of what it merges
             journal-*    finished units
             files/       the result, which becomes OUT
"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from types import TracebackType

from embedworks.corpora.atomic import sync
from embedworks.errors import InputError

ENDING = ".partial"


class Workspace:
    """A merge's folder beside its result; no second merge into the same result can have it at once.

    Args:
        out: Where the result will be.
        replace: Whether a result that is there already may be replaced.

    Raises:
        InputError: on entering, if there is a result, or if another merge writes it.
    """

    def __init__(self, out: Path, replace: bool = False) -> None:
        self.out = out.absolute()
        self.replace = replace
        self.root = self.out.with_name(f".{self.out.name}{ENDING}")
        self.files = self.root / "files"
        self._replaced = self.root / "replaced"
        self._lock = -1

    def __enter__(self) -> Workspace:
        if self.out.exists() and not self.replace:
            raise InputError(
                f"{self.out} is there already", expected="a new folder, or leave to replace it"
            )
        while not self._take_lock():
            pass
        if self._replaced.exists() and not self.out.exists():
            self._replaced.rename(self.out)  # a run was killed between giving the two their names
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._lock)

    def _take_lock(self) -> bool:
        self.root.mkdir(parents=True, exist_ok=True)
        file = self.root / "lock"
        try:
            self._lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            return False  # a merge that has just finished took its folder away
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            raise InputError(f"another merge is writing {self.out}", expected="to wait for it") from error
        if file.exists() and file.stat().st_ino == os.fstat(self._lock).st_ino:
            return True
        os.close(self._lock)  # the same, a moment later
        return False

    def holds(self, digest: str) -> bool:
        """Whether an earlier run of the same merge got as far as to merge."""
        note = self.root / "digest"
        return note.is_file() and note.read_text() == digest

    def clear(self) -> None:
        """Take away what another merge has left."""
        (self.root / "digest").unlink(missing_ok=True)
        for entry in self.root.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name != "lock":
                entry.unlink()
        self.files.mkdir()

    def note(self, digest: str) -> None:
        """Say what is merged here, once the files are there with their headers."""
        (self.root / "digest").write_text(digest)

    def finish(self) -> None:
        """Bring the files to disk, give them the result's name and remove the rest."""
        for folder, _, names in os.walk(self.files):
            for name in [*names, "."]:
                sync(Path(folder) / name)
        if self.replace and self.out.exists():
            self.out.rename(self._replaced)
        self.files.rename(self.out)
        sync(self.out.parent)
        shutil.rmtree(self.root)
