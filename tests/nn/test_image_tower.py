"""Image towers: shapes, independence of the batch, saving."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from embedworks.errors import InputError
from embedworks.nn.image_tower import ConvConfig, VitConfig, as_floats, load_tower

CONFIGS = [
    ConvConfig(widths=(8, 16, 24), groups=4),
    VitConfig(image_size=32, patch_size=8, width=16, depth=2, heads=2),
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)
def test_vectors_and_grid_have_the_shapes_that_are_promised(config) -> None:
    tower = config.build()
    pixels = torch.randn(3, 3, 32, 32)
    assert tower(pixels).shape == (3, tower.width)
    assert tower.grid(pixels).shape == (3, 4, 4, tower.width)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)
def test_a_vector_does_not_depend_on_its_batch(config) -> None:
    tower, pixels = config.build().train(), torch.randn(4, 3, 32, 32)
    torch.testing.assert_close(tower(pixels)[:1], tower(pixels[:1]), rtol=1e-4, atol=1e-5)


def test_a_conv_vector_is_the_mean_of_its_grid() -> None:
    tower, pixels = CONFIGS[0].build(), torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(tower(pixels), tower.grid(pixels).mean((1, 2)))


def test_a_grid_is_where_its_pixels_are() -> None:
    tower, pixels = CONFIGS[1].build(), torch.zeros(1, 3, 32, 32)
    changed = pixels.clone()
    changed[..., 8:16, 24:32] = 1  # patch (1, 3)
    patches = tower.model.embeddings.patch_embeddings
    differs = (patches(changed) - patches(pixels)).abs().sum(-1).view(4, 4) > 0
    assert differs.nonzero().tolist() == [[1, 3]]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)
def test_a_tower_is_saved_and_opened(config, tmp_path: Path) -> None:
    tower, pixels = config.build().eval(), torch.randn(1, 3, 32, 32)
    tower.save(tmp_path)
    opened = load_tower(tmp_path).eval()
    assert opened.config == config
    torch.testing.assert_close(opened(pixels), tower(pixels))


def test_the_default_conv_tower_has_about_800_000_parameters() -> None:
    assert 700_000 < sum(p.numel() for p in ConvConfig().build().parameters()) < 900_000


def test_other_sizes_than_a_vit_was_made_for_are_read_too() -> None:
    assert CONFIGS[1].build()(torch.randn(1, 3, 48, 48)).shape == (1, 16)


def test_configs_that_cannot_be_built_are_refused() -> None:
    for make in (
        lambda: ConvConfig(widths=(9,)),
        lambda: VitConfig(image_size=30),
        lambda: VitConfig(heads=3),
    ):
        with pytest.raises(ValidationError, match="multiple"):
            make()


def test_a_broken_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the image tower"):
        load_tower(tmp_path)


def test_pixels_become_floats_by_channel() -> None:
    pixels = torch.tensor([0, 255, 51], dtype=torch.uint8).view(1, 3, 1, 1)
    floats = as_floats(pixels, (0.0, 0.5, 0.2), (1.0, 0.25, 2.0))
    torch.testing.assert_close(floats.flatten(), torch.tensor([0.0, 2.0, 0.0]))
