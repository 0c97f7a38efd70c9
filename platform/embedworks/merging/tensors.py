"""Tensors that are still on disk: what is known of them without reading, and reading them in pieces.

A plan of a merge is made of these. They are plain values, so that a plan can be sent to another process,
and reading is ``pread`` into memory of our own: no mapped file counts as ours.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from embedworks.errors import InputError, first_line

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


class TensorSource(Protocol):
    """A tensor that can be read, whole or in part."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""

    @property
    def dtype(self) -> torch.dtype:
        """Its type as stored."""

    def read(self, start: int = 0, stop: int | None = None) -> Tensor:
        """Elements ``start`` to ``stop`` of the flattened tensor, in memory of the caller's own.

        Returns:
            One-dimensional, of the stored type.
        """


@dataclass(frozen=True)
class Stored:
    """A tensor in a safetensors file.

    Attributes:
        file: The file.
        name: The tensor's name in it.
        shape: Its shape.
        dtype: Its type.
        offset: Bytes from the start of the file.
    """

    file: Path
    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    offset: int

    def read(self, start: int = 0, stop: int | None = None) -> Tensor:
        """Read it; see :class:`TensorSource`."""
        stop = prod(self.shape) if stop is None else stop
        result = torch.empty(stop - start, dtype=self.dtype)
        if len(result):
            view = memoryview(result.view(torch.uint8).numpy().data)
            _read_into(self.file, view, self.offset + start * self.dtype.itemsize)
        return result


def stored_tensors(file: Path) -> dict[str, Stored]:
    """The tensors of a safetensors file, by name.

    Raises:
        InputError: for a file that is none, is cut off, or holds a type that is not merged.
    """
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            size = file.stat().st_size
            if length > size - 8:
                raise ValueError("its header is cut off")
            header = json.loads(stream.read(length))
        header.pop("__metadata__", None)
        if header and max(entry["data_offsets"][1] for entry in header.values()) > size - 8 - length:
            raise ValueError("its tensors are cut off")
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise InputError(f"cannot read {file}: {first_line(error)}", expected="safetensors") from error
    found = {}
    for name, entry in header.items():
        if entry["dtype"] not in DTYPES:
            raise InputError(
                f"{file}: {name} is stored as {entry['dtype']}, which cannot be merged",
                expected=f"one of {', '.join(DTYPES)}",
            )
        offset = 8 + length + entry["data_offsets"][0]
        found[name] = Stored(file, name, tuple(entry["shape"]), DTYPES[entry["dtype"]], offset)
    return found


def _read_into(file: Path, view: memoryview, offset: int) -> None:
    descriptor = _descriptor(file)
    done = 0
    while done < len(view):
        count = os.preadv(descriptor, [view[done:]], offset + done)
        if count == 0:
            raise InputError(f"{file} ends before its tensors do", expected="a file that nobody changes")
        done += count


@cache
def _descriptor(file: Path) -> int:
    """Opened once a process: a merge reads hundreds of tensors of a few files, from several threads."""
    return os.open(file, os.O_RDONLY)
