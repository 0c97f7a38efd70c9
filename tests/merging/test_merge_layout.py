"""Headers, shards and their index, as safetensors and Hugging Face read them."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from embedworks.merging.layout import lay_out, shard_plan, write_indexes
from embedworks.merging.plan import OutputTensor
from embedworks.merging.write import Writer


def output(name: str, elements: int, dtype=torch.float32, file="model.safetensors") -> OutputTensor:
    return OutputTensor(file, name, (elements,), dtype, (), ())


def test_a_file_that_fits_keeps_its_name():
    tensors = (output("a", 10), output("b", 10))
    assert shard_plan(tensors, 80) == tensors


def test_shards_are_filled_in_order_and_a_large_tensor_has_its_own():
    names = [
        t.file for t in shard_plan([output(n, s) for n, s in zip("abcd", (5, 5, 30, 1), strict=True)], 40)
    ]
    assert names == [f"model-0000{n}-of-00003.safetensors" for n in (1, 1, 2, 3)]


def test_files_are_sharded_each_by_itself():
    other = output("x", 10, file="2_Dense/model.safetensors")
    found = shard_plan([output("a", 10), other, output("b", 10)], 40)
    assert [t.file for t in found] == [
        "model-00001-of-00002.safetensors",
        "2_Dense/model.safetensors",
        "model-00002-of-00002.safetensors",
    ]


def test_the_index_says_where_every_tensor_is(tmp_path):
    write_indexes(shard_plan([output("b", 10), output("a", 10)], 40), tmp_path)
    found = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert found == {
        "metadata": {"total_size": 80},
        "weight_map": {"a": "model-00002-of-00002.safetensors", "b": "model-00001-of-00002.safetensors"},
    }


def test_a_result_in_one_file_has_no_index(tmp_path):
    write_indexes([output("a", 10)], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.bool])
def test_wide_tensors_are_aligned_after_narrow_ones(tmp_path, dtype):
    tensors = [output("narrow", 3, dtype), output("empty", 0), output("wide", 2, torch.float64)]
    layout = lay_out(tensors)
    assert layout.offsets[2] % 8 == 0
    Writer(tensors, tmp_path).create()
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}
    found = load_file(tmp_path / "model.safetensors")
    assert {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in found.items()} == {
        "narrow": (dtype, (3,)),
        "empty": (torch.float32, (0,)),
        "wide": (torch.float64, (2,)),
    }
