"""Where every tensor of a result will be: in which shard, and at which byte of it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from embedworks.merging.plan import OutputTensor
from embedworks.merging.tensors import NAMES

SHARD_BYTES = 5_000_000_000
INDEX_ENDING = ".index.json"

_SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}(\.safetensors)")


def tensor_bytes(tensor: OutputTensor) -> int:
    """Bytes that a tensor of the result takes in its file."""
    return tensor.elements * tensor.dtype.itemsize


def shard_plan(tensors: Sequence[OutputTensor], shard_bytes: int = SHARD_BYTES) -> tuple[OutputTensor, ...]:
    """Spread files that are too large over shards, named as Hugging Face names them.

    ``model.safetensors`` becomes ``model-00001-of-00003.safetensors`` and so on, filled in order. A file
    that fits keeps its name, and a tensor that is larger than a shard has one of its own.

    Args:
        tensors: Of the result, in the order of its files.
        shard_bytes: Most bytes of tensors in a shard.
    """
    filled: dict[str, int] = {}
    shards: dict[str, int] = {}
    numbers = []
    for tensor in tensors:
        size = tensor_bytes(tensor)
        if filled.get(tensor.file, 0) + size > shard_bytes or tensor.file not in filled:
            filled[tensor.file] = 0
            shards[tensor.file] = shards.get(tensor.file, 0) + 1
        filled[tensor.file] += size
        numbers.append(shards[tensor.file])
    return tuple(
        tensor if shards[tensor.file] == 1 else replace(tensor, file=_shard(tensor.file, number, shards))
        for tensor, number in zip(tensors, numbers, strict=True)
    )


def _shard(file: str, number: int, shards: dict[str, int]) -> str:
    stem, dot, ending = file.rpartition(".")
    return f"{stem}-{number:05}-of-{shards[file]:05}{dot}{ending}"


def write_indexes(tensors: Sequence[OutputTensor], folder: Path) -> None:
    """Write ``<name>.safetensors.index.json`` for every file that :func:`shard_plan` has spread."""
    maps: dict[str, dict[str, str]] = {}
    sizes: dict[str, int] = {}
    for tensor in tensors:
        if match := _SHARD.fullmatch(tensor.file):
            file = match[1] + match[2]
            maps.setdefault(file, {})[tensor.name] = Path(tensor.file).name
            sizes[file] = sizes.get(file, 0) + tensor_bytes(tensor)
    for file, weight_map in maps.items():
        index = {"metadata": {"total_size": sizes[file]}, "weight_map": dict(sorted(weight_map.items()))}
        (folder / f"{file}{INDEX_ENDING}").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Layout:
    """Where every tensor of a result will be.

    Attributes:
        headers: The first bytes of each file.
        sizes: Bytes of each file.
        offsets: Bytes from the start of its file, for each tensor, in the plan's order.
    """

    headers: dict[str, bytes]
    sizes: dict[str, int]
    offsets: tuple[int, ...]


def lay_out(tensors: Sequence[OutputTensor]) -> Layout:
    """The headers of all files: wide types first, so that all are aligned, else in the plan's order."""
    files: dict[str, list[int]] = {}
    for index, tensor in enumerate(tensors):
        files.setdefault(tensor.file, []).append(index)
    headers, sizes, offsets = {}, {}, [0] * len(tensors)
    for file, members in files.items():
        place = 0
        entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
        for index in sorted(members, key=lambda index: -tensors[index].dtype.itemsize):
            tensor = tensors[index]
            assert tensor.name not in entries, f"{tensor.name} is planned twice in {file}"
            offsets[index], stop = place, place + tensor_bytes(tensor)
            entries[tensor.name] = _entry(tensor, place, stop)
            place = stop
        text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
        text += b" " * (-len(text) % 8)
        headers[file] = len(text).to_bytes(8, "little") + text
        sizes[file] = len(headers[file]) + place
        for index in members:
            offsets[index] += len(headers[file])
    return Layout(headers, sizes, tuple(offsets))


def _entry(tensor: OutputTensor, start: int, stop: int) -> dict[str, object]:
    return {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, stop]}
