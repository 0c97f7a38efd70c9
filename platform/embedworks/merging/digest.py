"""What a merge is made of, as one number: a plan whose inputs changed is another merge."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel

from embedworks import __version__
from embedworks.merging.plan import Plan


def plan_digest(plan: Plan, **rest: Any) -> str:
    """SHA-256 over everything that decides a merge's bytes.

    That is the method, its parameters, the layout of the output, and of each source how it is read and its
    file's path, size and time of change; and the version of this package. Weights are not read.

    Args:
        plan: The merge.
        rest: What else distinguishes a run.
    """
    stamps = cache(_stamp)
    digest = hashlib.sha256()
    _feed(digest, (__version__, plan, rest), stamps)
    return digest.hexdigest()


def _stamp(file: Path) -> str:
    status = file.stat()
    return f"{file.absolute()} {status.st_size} {status.st_mtime_ns}"


def _feed(digest: Any, value: Any, stamps: Any) -> None:
    digest.update(f"<{type(value).__name__}>".encode())
    if isinstance(value, Path):
        digest.update(stamps(value).encode())
    elif isinstance(value, BaseModel):
        _feed(digest, value.model_dump(), stamps)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            digest.update(f"<{field.name}>".encode())
            _feed(digest, getattr(value, field.name), stamps)
    elif isinstance(value, Mapping):
        _feed(digest, sorted(value.items()), stamps)
    elif isinstance(value, list | tuple):
        for entry in value:
            _feed(digest, entry, stamps)
    elif isinstance(value, torch.Tensor):
        digest.update(f"{value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    elif isinstance(value, np.ndarray):
        digest.update(f"{value.dtype} {value.shape}".encode() + value.tobytes())
    elif isinstance(value, str | int | float | bool | torch.dtype | torch.Size | None):
        digest.update(repr(value).encode())
    else:
        raise TypeError(f"a plan is made of plain values, and {type(value).__name__} is none")
    digest.update(b"</>")
