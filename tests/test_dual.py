"""The embedder of texts and images: one space, one folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from embedworks.dual import DualEmbedder, ImageSettings
from embedworks.embedder import Embedder, Lineage
from embedworks.errors import InputError
from embedworks.folder import weights_digest
from embedworks.merging.merge import merge
from embedworks.merging.recipe import parse_recipe
from embedworks.nn.image_tower import ConvConfig
from helpers.pictures import picture, tiny_dual


def test_texts_and_images_come_to_unit_vectors_of_one_length(tmp_path: Path) -> None:
    dual = tiny_dual(tmp_path)
    texts, images = dual.encode(["red apple"]), dual.encode_images([picture(0), picture(1)])
    assert texts.shape == (1, dual.dimensions)
    assert images.shape == (2, dual.dimensions)
    torch.testing.assert_close(images.norm(dim=1), torch.ones(2))
    short = dual.encode_images([picture(0)], dimensions=8)
    torch.testing.assert_close(short, nn.functional.normalize(images[:1, :8]))


def test_a_folder_gives_back_the_same_vectors_and_settings(tmp_path: Path) -> None:
    dual = tiny_dual(tmp_path, mean=(0.4, 0.5, 0.6))
    dual.lineage = Lineage(stage="train")
    dual.save(tmp_path)
    opened = DualEmbedder.load(tmp_path)
    assert opened.settings == dual.settings
    assert opened.lineage.stage == "train"
    torch.testing.assert_close(opened.encode_images([picture()]), dual.encode_images([picture()]))
    torch.testing.assert_close(opened.encode(["a b"]), dual.encode(["a b"]))


def test_a_projection_is_kept(tmp_path: Path) -> None:
    text = tiny_dual(tmp_path / "text").text
    dual = DualEmbedder(
        text, ConvConfig(widths=(8, 16), groups=8).build(), ImageSettings(size=24), nn.Linear(16, 32)
    )
    opened = DualEmbedder.load(dual.save(tmp_path / "dual"))
    torch.testing.assert_close(opened.encode_images([picture()]), dual.encode_images([picture()]))


def test_whatever_reads_texts_alone_opens_the_folder_as_it_is(tmp_path: Path) -> None:
    dual = tiny_dual(tmp_path)
    torch.testing.assert_close(Embedder.load(tmp_path).encode(["a b"]), dual.encode(["a b"]))


def test_the_image_tower_is_part_of_the_digest(tmp_path: Path) -> None:
    dual = tiny_dual(tmp_path)
    before = weights_digest(tmp_path)
    with torch.no_grad():
        next(dual.image.parameters()).add_(1)
    dual.save(tmp_path)
    assert weights_digest(tmp_path) != before


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    dual = tiny_dual(tmp_path / "dual")
    dual.text.save(tmp_path / "text")
    with pytest.raises(InputError, match=r"length 16.*32"):
        DualEmbedder(dual.text, ConvConfig(widths=(16,)).build())
    with pytest.raises(InputError, match="embeds texts alone"):
        DualEmbedder.load(tmp_path / "text")
    with pytest.raises(InputError, match="image 1"):
        dual.encode_images([picture(), b"no picture"])
    with pytest.raises(InputError, match="dimensions=33"):
        dual.encode_images([picture()], dimensions=33)


def test_both_towers_are_merged(tmp_path: Path) -> None:
    for seed, name in enumerate("ab"):
        torch.manual_seed(seed)
        tiny_dual(tmp_path / name)
    recipe = {"merge_method": "uniform_soup", "models": [{"model": "a"}, {"model": "b"}]}
    merge(parse_recipe(recipe), tmp_path.joinpath, tmp_path / "out")
    a, b, found = (DualEmbedder.load(tmp_path / name).state_dict() for name in ("a", "b", "out"))
    floats = [name for name, value in found.items() if value.is_floating_point()]
    assert all(torch.allclose(found[name], (a[name] + b[name]) / 2, atol=1e-6) for name in floats)
    assert any(not torch.equal(a[name], b[name]) for name in floats if not name.startswith("text."))


def test_a_text_embedder_has_no_tower_to_merge(tmp_path: Path) -> None:
    dual = tiny_dual(tmp_path / "a")
    dual.text.save(tmp_path / "text")
    recipe = {"merge_method": "uniform_soup", "models": [{"model": "a"}, {"model": "text"}]}
    with pytest.raises(InputError, match=r"text has no tensor image/"):
        merge(parse_recipe(recipe), tmp_path.joinpath, tmp_path / "out")
