"""Pieces at their places, and a disk that is too small."""

from __future__ import annotations

import random
import resource

import pytest
import torch
from safetensors.torch import load_file

from embedworks.errors import InputError
from embedworks.merging.plan import OutputTensor
from embedworks.merging.write import Writer


def output(name: str, shape: tuple[int, ...], dtype=torch.float32) -> OutputTensor:
    return OutputTensor("sub/model.safetensors", name, shape, dtype, (), ())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool])
def test_pieces_in_any_order_make_the_tensors(tmp_path, dtype):
    tensors = [output("a", (5, 7), dtype), output("scalar", (), dtype), output("b", (11,), dtype)]
    values = [torch.randn(t.shape).to(dtype) for t in tensors]
    writer = Writer(tensors, tmp_path)
    writer.create()
    pieces = [(index, start) for index, t in enumerate(tensors) for start in range(0, t.elements, 3)]
    random.Random(1).shuffle(pieces)
    for index, start in pieces:
        writer.write(index, start, values[index].reshape(-1)[start : start + 3])
    writer.close()
    found = load_file(tmp_path / "sub/model.safetensors")
    assert all(torch.equal(found[t.name], value) for t, value in zip(tensors, values, strict=True))


def test_files_count_as_created_in_their_full_sizes_alone(tmp_path):
    writer = Writer([output("a", (50,))], tmp_path)
    assert not writer.is_created()
    writer.create()
    assert writer.is_created()
    with (tmp_path / "sub/model.safetensors").open("r+b") as stream:
        stream.truncate(100)
    assert not writer.is_created()


def test_a_disk_that_is_too_small_is_noticed_before_the_merge(tmp_path):
    with pytest.raises(InputError, match=r"takes 70,368,744,177,\d{3} bytes, and [\d,]+ are free"):
        Writer([output("a", (1 << 44,))], tmp_path).create()
    assert list(tmp_path.iterdir()) == []


def test_a_limit_that_the_free_space_does_not_show_is_noticed_too(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(InputError, match=r"takes 2,\d{3} bytes, .*: File too large"):
            Writer([output("a", (500,))], tmp_path).create()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
