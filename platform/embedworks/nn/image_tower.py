"""Image towers: pictures to one vector each, and to a grid of states where one is asked for.

A tower is made from a config that names its kind, and is saved as ``config.json`` with safetensors.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from embedworks.errors import InputError, first_line

CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"

# Shape legend: B pictures, 3 channels, H x W pixels, h x w places of the grid, D width.


class ConvConfig(BaseModel):
    """A convolutional tower of stages, each at half the resolution of the one before it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["conv"] = "conv"
    widths: tuple[int, ...] = Field(default=(32, 64, 96, 128), min_length=1, description="of the stages")
    blocks: int = Field(default=1, ge=1, description="residual blocks a stage")
    groups: int = Field(default=8, ge=1, description="of channels that are normalised together")

    @model_validator(mode="after")
    def _divisible(self) -> ConvConfig:
        if any(width < 1 or width % self.groups for width in self.widths):
            raise ValueError(f"every width is a multiple of {self.groups} groups")
        return self

    def build(self) -> ImageTower:
        """A new tower."""
        return ConvTower(self)


class VitConfig(BaseModel):
    """A vision transformer (Dosovitskiy et al. 2021) whose first token is the picture's vector."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["vit"] = "vit"
    image_size: int = Field(default=48, ge=1, description="pixels of a side that positions are made for")
    patch_size: int = Field(default=8, ge=1, description="pixels of a patch's side")
    width: int = Field(default=128, ge=1)
    depth: int = Field(default=4, ge=1, description="layers")
    heads: int = Field(default=4, ge=1)
    hidden: int = Field(default=4, ge=1, description="width of the feed-forward layers, in widths")

    @model_validator(mode="after")
    def _divisible(self) -> VitConfig:
        if self.image_size % self.patch_size:
            raise ValueError("image_size is a multiple of patch_size")
        if self.width % self.heads:
            raise ValueError("width is a multiple of heads")
        return self

    def build(self) -> ImageTower:
        """A new tower."""
        return VitTower(self)


TowerConfig = Annotated[ConvConfig | VitConfig, Field(discriminator="kind")]


class ImageTower(nn.Module, ABC):
    """What every tower is.

    Attributes:
        config: What it was made from.
        width: D, the length of its vectors.
    """

    config: ConvConfig | VitConfig
    width: int

    @abstractmethod
    def forward(self, pixels_B3HW: Tensor) -> Tensor:
        """Normalised pictures to ``(B, D)`` vectors, neither projected nor normalised."""

    @abstractmethod
    def grid(self, pixels_B3HW: Tensor) -> Tensor:
        """Normalised pictures to ``(B, h, w, D)`` states of the last layer, row by row."""

    def save(self, folder: Path) -> None:
        """Write config and weights."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG_FILE).write_text(self.config.model_dump_json(indent=2) + "\n", encoding="utf-8")
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        save_file(weights, folder / WEIGHTS_FILE)


def load_tower(folder: Path) -> ImageTower:
    """Open what :meth:`ImageTower.save` wrote.

    Raises:
        InputError: for files that are missing or do not fit together.
    """
    adapter: TypeAdapter[ConvConfig | VitConfig] = TypeAdapter(TowerConfig)
    try:
        tower = adapter.validate_python(json.loads((folder / CONFIG_FILE).read_bytes())).build()
        tower.load_state_dict(load_file(folder / WEIGHTS_FILE))
    except (OSError, ValueError, ValidationError, RuntimeError) as error:
        raise InputError(f"cannot read the image tower in {folder}: {first_line(error)}") from error
    return tower


class ConvTower(ImageTower):
    """Residual stages, then the mean over the grid. No projection: D is the last stage's width.

    Groups of channels are normalised within each picture, so a vector does not depend on the batch or on
    how a batch is shared out to workers.
    """

    def __init__(self, config: ConvConfig) -> None:
        super().__init__()
        self.config: ConvConfig = config
        self.width = config.widths[-1]
        layers: list[nn.Module] = []
        before = 3
        for width in config.widths:
            layers.append(nn.Conv2d(before, width, 3, stride=2, padding=1))
            layers += [_Residual(width, config.groups) for _ in range(config.blocks)]
            before = width
        self.layers = nn.Sequential(*layers)
        self.norm = nn.GroupNorm(config.groups, self.width)

    def forward(self, pixels_B3HW: Tensor) -> Tensor:
        """``(B, D)``."""
        return self._states(pixels_B3HW).mean(dim=(2, 3))

    def grid(self, pixels_B3HW: Tensor) -> Tensor:
        """``(B, h, w, D)``, one place for 2^stages pixels."""
        return self._states(pixels_B3HW).permute(0, 2, 3, 1)

    def _states(self, pixels_B3HW: Tensor) -> Tensor:
        states: Tensor = nn.functional.silu(self.norm(self.layers(pixels_B3HW)))
        return states


class _Residual(nn.Module):
    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.GroupNorm(groups, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(groups, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, states_BDHW: Tensor) -> Tensor:
        changes_BDHW: Tensor = self.layers(states_BDHW)
        return states_BDHW + changes_BDHW


class VitTower(ImageTower):
    """transformers' ViT; its first token's state is the vector."""

    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        from transformers import ViTConfig, ViTModel

        self.config: VitConfig = config
        self.width = config.width
        self.model = ViTModel(
            ViTConfig(
                image_size=config.image_size,
                patch_size=config.patch_size,
                hidden_size=config.width,
                num_hidden_layers=config.depth,
                num_attention_heads=config.heads,
                intermediate_size=config.hidden * config.width,
            ),
            add_pooling_layer=False,
        )

    def forward(self, pixels_B3HW: Tensor) -> Tensor:
        """``(B, D)``."""
        first: Tensor = self._states(pixels_B3HW)[:, 0]
        return first

    def grid(self, pixels_B3HW: Tensor) -> Tensor:
        """``(B, h, w, D)``, one place a patch."""
        rows, columns = (size // self.config.patch_size for size in pixels_B3HW.shape[-2:])
        states: Tensor = self._states(pixels_B3HW)[:, 1:].unflatten(1, (rows, columns))
        return states

    def _states(self, pixels_B3HW: Tensor) -> Tensor:
        other = pixels_B3HW.shape[-2:] != (self.config.image_size, self.config.image_size)
        output = self.model(pixel_values=pixels_B3HW, interpolate_pos_encoding=other)
        states: Tensor = output.last_hidden_state
        return states


def as_floats(pixels_B3HW: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """uint8 pictures to floats: scaled to 0..1, less ``mean``, by ``std``, each of three channels."""
    scaled_B3HW = pixels_B3HW.to(torch.float32) / 255
    mean_311, std_311 = (
        torch.tensor(values, device=pixels_B3HW.device).view(3, 1, 1) for values in (mean, std)
    )
    return (scaled_B3HW - mean_311) / std_311
