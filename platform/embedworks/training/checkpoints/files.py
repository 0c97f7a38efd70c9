"""The files of a checkpoint: one safetensors file a worker, and a note of how many there are.

    step-00000120/
      part-00000-of-00002.safetensors   stretches `kind|start|parameter`, whole tensors `kind||name`
      part-00001-of-00002.safetensors
      state.json                        {"step": 120, "workers": 2}

A file appears when it is complete. So a checkpoint is whole when all its files are there, and whatever a
killed worker left behind is never taken for one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from embedworks.corpora.atomic import new_file

if TYPE_CHECKING:
    from embedworks.training.checkpoints.state import Snapshot

STATE = "state.json"
FOLDER = "step-{:08d}"


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be used."""


def part_file(folder: Path, rank: int, workers: int) -> Path:
    """Where a worker's part is."""
    return folder / f"part-{rank:05d}-of-{workers:05d}.safetensors"


def write_part(folder: Path, snapshot: Snapshot, rank: int, workers: int) -> None:
    """Write a worker's part, durably.

    Raises:
        OSError: if it cannot be written; nothing is left behind.
    """
    tensors = {f"{kind}|{start}|{name}": t for (name, kind, start), t in snapshot.stretches.items()}
    tensors |= {f"{kind}||{name}": tensor for (name, kind), tensor in snapshot.tensors.items()}
    notes = {"scalars": json.dumps(snapshot.scalars), "engines": json.dumps(snapshot.engines)}
    folder.mkdir(parents=True, exist_ok=True)
    with new_file(part_file(folder, rank, workers)) as partial:
        try:
            save_file(tensors, partial, metadata=notes)
        except SafetensorError as error:  # its way to say that the disk is full
            raise OSError(str(error)) from error


def write_state(folder: Path, step: int, workers: int) -> None:
    """Write the note."""
    folder.mkdir(parents=True, exist_ok=True)
    with new_file(folder / STATE) as partial:
        partial.write_text(json.dumps({"step": step, "workers": workers}))


def is_complete(folder: Path) -> bool:
    """Whether all files of a checkpoint are there."""
    try:
        workers = json.loads((folder / STATE).read_text())["workers"]
    except (OSError, ValueError, KeyError):
        return False
    return all(part_file(folder, rank, workers).is_file() for rank in range(workers))


def complete_steps(root: Path) -> dict[int, Path]:
    """Step -> folder of every complete checkpoint, oldest first."""
    folders = sorted(root.glob("step-*"))
    return {int(folder.name.removeprefix("step-")): folder for folder in folders if is_complete(folder)}


class Parts:
    """All parts of a checkpoint, of which only what is asked for is read.

    Raises:
        CheckpointError: for a damaged file.
    """

    def __init__(self, folder: Path) -> None:
        state = json.loads((folder / STATE).read_text())
        self.folder = folder
        self.step: int = state["step"]
        self.scalars: dict[str, dict[str, Any]] = {}
        self.engines: dict[str, dict[str, Any]] = {}
        self._stretches: dict[tuple[str, str], list[tuple[int, int, Any, str]]] = {}
        self._tensors: dict[tuple[str, str], tuple[Any, str]] = {}
        for rank in range(state["workers"]):
            self._open(part_file(folder, rank, state["workers"]))

    def kinds(self, name: str) -> list[str]:
        """Kinds of state that are cut as the parameter is."""
        return [kind for parameter, kind in self._stretches if parameter == name]

    def whole_kinds(self, name: str) -> list[str]:
        """Kinds of state that are not."""
        return [kind for parameter, kind in self._tensors if parameter == name]

    def dtype(self, name: str, kind: str) -> torch.dtype:
        """Of a kind of state."""
        _, _, file, key = self._stretches[name, kind][0]
        tensor: Tensor = file.get_slice(key)[0:1]
        return tensor.dtype

    def stretch(self, name: str, kind: str, start: int, numel: int) -> Tensor:
        """``(numel,)`` values of a flattened parameter's state, from whichever parts hold them.

        Raises:
            CheckpointError: where no part does.
        """
        pieces, place, stop = [], start, start + numel
        for first, length, file, key in sorted(self._stretches.get((name, kind), []), key=lambda s: s[0]):
            if place < stop and first <= place < first + length:
                end = min(stop, first + length)
                pieces.append(file.get_slice(key)[place - first : end - first])
                place = end
        if place < stop:
            raise CheckpointError(f"{self.folder} lacks {kind} of {name} from {place} to {stop}")
        return torch.cat(pieces) if len(pieces) > 1 else pieces[0]

    def tensor(self, name: str, kind: str) -> Tensor:
        """A whole tensor.

        Raises:
            CheckpointError: if there is none.
        """
        if (name, kind) not in self._tensors:
            raise CheckpointError(f"{self.folder} lacks {kind} of {name}")
        file, key = self._tensors[name, kind]
        tensor: Tensor = file.get_tensor(key)
        return tensor

    def _open(self, path: Path) -> None:
        try:
            file = safe_open(path, framework="pt")
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"{path} cannot be read: {error}") from error
        notes = file.metadata()
        self.scalars |= json.loads(notes["scalars"])
        self.engines |= json.loads(notes["engines"])
        for key in file.keys():  # noqa: SIM118  (it is no dict)
            kind, start, name = key.split("|", 2)
            if start:
                length = file.get_slice(key).get_shape()[0]
                self._stretches.setdefault((name, kind), []).append((int(start), length, file, key))
            else:
                self._tensors[name, kind] = file, key
