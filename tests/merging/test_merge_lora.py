"""An adapter applied while reading equals what peft merges."""

from __future__ import annotations

import json

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModel

from embedworks.errors import InputError
from embedworks.merging.lora import CONFIG, Adapted, apply_adapter
from embedworks.merging.models import open_model, root_tensors
from embedworks.merging.tensors import stored_tensors
from helpers.models import weights
from helpers.tiny import tiny_embedder


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lora") / "base"
    tiny_embedder(folder, layers=2, width=16)
    return folder


def adapter(base, folder, **options):
    """A random adapter saved by peft; returns the weights that peft itself merges."""
    torch.manual_seed(1)
    config = LoraConfig(
        r=3, lora_alpha=5, target_modules=["query", "dense"], init_lora_weights=False, **options
    )
    model = get_peft_model(AutoModel.from_pretrained(base, add_pooling_layer=False), config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "magnitude" in name:
                parameter.mul_(1.5)
    model.save_pretrained(folder)
    return {name: value.clone() for name, value in model.merge_and_unload().state_dict().items()}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_rslora": True},
        {"use_dora": True},
        {"alpha_pattern": {"query": 9}, "rank_pattern": {"dense": 2}},
    ],
    ids=["lora", "rslora", "dora", "patterns"],
)
def test_the_result_is_pefts(base, tmp_path, options):
    expected = adapter(base, tmp_path, **options)
    found = apply_adapter(root_tensors(base), tmp_path)
    for name, source in found.items():
        value = source.read().float().view(source.shape)
        assert torch.allclose(value, expected[name], atol=1e-6), name
    assert sum(isinstance(source, Adapted) for source in found.values()) == 8


def test_any_range_of_elements_can_be_read(base, tmp_path):
    adapter(base, tmp_path)
    found = apply_adapter(root_tensors(base), tmp_path)
    source = found["encoder.layer.0.intermediate.dense.weight"]
    whole = source.read()
    for start, stop in ((0, 1), (5, 37), (16, 32), (len(whole) - 3, len(whole))):
        assert torch.allclose(source.read(start, stop), whole[start:stop], atol=1e-7)


def test_transposed_layers(tmp_path):
    torch.manual_seed(2)
    tensors = {"w": torch.randn(4, 6), "a": torch.randn(2, 4), "b": torch.randn(6, 2)}
    save_file(tensors, tmp_path / "x.safetensors")
    stored = stored_tensors(tmp_path / "x.safetensors")
    source = Adapted(stored["w"], stored["a"], stored["b"], 0.5, transposed=True)
    expected = tensors["w"] + 0.5 * (tensors["b"] @ tensors["a"]).T
    assert torch.allclose(source.read(7, 15), expected.flatten()[7:15], atol=1e-6)


def test_an_adapter_names_its_model_or_stands_behind_one(base, tmp_path):
    expected = adapter(base, tmp_path / "adapter")
    for name in ("base+adapter", "adapter"):
        folders = {"base": base, "adapter": tmp_path / "adapter", str(base): base}
        model = open_model(name, folders.__getitem__)
        source = model.tensors["encoder.layer.1.output.dense.weight"]
        value = source.read().view(source.shape)
        assert torch.allclose(value, expected["encoder.layer.1.output.dense.weight"], atol=1e-6)
        assert model.adapter == tmp_path / "adapter"
    assert set(weights(base)) == set(open_model("base", folders.__getitem__).stored)


def test_what_does_not_fit_is_named(base, tmp_path):
    adapter(base, tmp_path / "adapter")
    with pytest.raises(InputError, match="which the model does not have"):
        apply_adapter({}, tmp_path / "adapter")
    config = json.loads((tmp_path / "adapter" / CONFIG).read_text())
    (tmp_path / "adapter" / CONFIG).write_text(json.dumps({**config, "peft_type": "IA3"}))
    with pytest.raises(InputError, match="IA3"):
        apply_adapter(root_tensors(base), tmp_path / "adapter")
    (tmp_path / "adapter" / "adapter_model.safetensors").unlink()
    with pytest.raises(InputError, match="safetensors"):
        apply_adapter(root_tensors(base), tmp_path / "adapter")
