"""Writing safetensors files whose tensors arrive in pieces, in any order, from any thread or process.

The headers of all files follow from the plan, so every file has its full size before anything is merged,
and a piece is one ``pwrite`` at a place that is known. A disk that is too small is noticed at the start.
"""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from embedworks.errors import InputError
from embedworks.merging.layout import lay_out
from embedworks.merging.plan import OutputTensor

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Writer:
    """Writes pieces of a result's tensors to their places.

    Args:
        tensors: Of the result.
        folder: Where its files are, or will be.
    """

    def __init__(self, tensors: Sequence[OutputTensor], folder: Path) -> None:
        self.tensors = tensors
        self.folder = folder
        self.layout = lay_out(tensors)
        self._descriptors: dict[str, int] = {}
        self._changed: set[int] = set()
        self._lock = threading.Lock()

    def is_created(self) -> bool:
        """Whether all files are there, in their full sizes."""
        files = ((self.folder / name, size) for name, size in self.layout.sizes.items())
        return all(file.is_file() and file.stat().st_size == size for file, size in files)

    def create(self) -> None:
        """Create all files with their headers, and take the space of their tensors.

        Raises:
            InputError: if the disk has too little.
        """
        needed, free = sum(self.layout.sizes.values()), shutil.disk_usage(self.folder).free
        if needed > free:
            raise _too_small(needed, f"{free:,} are free on the disk of {self.folder}")
        for name, size in self.layout.sizes.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            descriptor = self._open(name)
            try:
                if size:
                    os.posix_fallocate(descriptor, 0, size)
            except OSError as error:
                if error.errno in _FULL:  # a quota, or another process that was faster
                    what = f"{self.folder} cannot take so much: {error.strerror}"
                    raise _too_small(needed, what) from error
                raise
            self._put(descriptor, memoryview(self.layout.headers[name]), 0)

    def write(self, index: int, start: int, values: Tensor) -> None:
        """Write elements of a tensor.

        Args:
            index: Of the tensor in the plan.
            start: The first element's position in the flattened tensor.
            values: One-dimensional, of the tensor's type.
        """
        tensor = self.tensors[index]
        assert values.dtype == tensor.dtype, "pieces are cast before they are written"
        place = self.layout.offsets[index] + start * tensor.dtype.itemsize
        view = memoryview(values.contiguous().view(torch.uint8).numpy().data)
        self._put(self._open(tensor.file), view, place)

    def sync(self) -> None:
        """Return when everything that was written before is on disk."""
        with self._lock:
            changed, self._changed = self._changed, set()
        for descriptor in changed:
            os.fdatasync(descriptor)

    def close(self) -> None:
        """Close all files."""
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()

    def _open(self, name: str) -> int:
        with self._lock:
            if name not in self._descriptors:
                self._descriptors[name] = os.open(self.folder / name, os.O_RDWR | os.O_CREAT, 0o666)
            return self._descriptors[name]

    def _put(self, descriptor: int, view: memoryview, place: int) -> None:
        done = 0
        while done < len(view):
            done += os.pwrite(descriptor, view[done:], place + done)
        with self._lock:
            self._changed.add(descriptor)


def _too_small(needed: int, what: str) -> InputError:
    expected = "more space, a narrower dtype or another disk"
    return InputError(f"the merged model takes {needed:,} bytes, and {what}", expected=expected)
