"""An embedder of texts and images in one space: a text tower, an image tower, one dimension.

Its folder is the text tower's embedder folder, which whatever reads texts alone opens as it is, with the
image tower in ``image/`` and its settings in ``image/embedworks.json``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor, nn

from embedworks.embedder import Embedder, Lineage
from embedworks.errors import InputError, first_line
from embedworks.folder import (
    IMAGE_FOLDER,
    SETTINGS_FILE,
    has_image_tower,
    load_embedder,
    load_projection,
    resolve_model,
    save_embedder,
    save_projection,
)
from embedworks.nn.image_tower import ImageTower, as_floats, load_tower
from embedworks.transforms.images import ImageReader

PROJECTION = "projection"

# Shape legend: B pictures, 3 channels, S x S pixels, D dimensions of the shared space.


class ImageSettings(BaseModel):
    """How pictures become vectors. Stored in ``image/embedworks.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(default=48, ge=1, description="pixels of a side")
    crop_from: int | None = Field(
        default=None, ge=1, description="read at this size, and cut the middle; null: read at `size`"
    )
    mean: tuple[float, float, float] = Field(default=(0.5, 0.5, 0.5), description="of the channels, 0 to 1")
    std: tuple[float, float, float] = Field(default=(0.5, 0.5, 0.5), description="of the channels")
    temperature: float = Field(default=1.0, gt=0, description="sigma of cos/sigma that it was trained to")
    resize: Literal["bicubic"] = "bicubic"


class DualEmbedder(nn.Module):
    """Texts and images as vectors of one space.

    Args:
        text: The text tower.
        image: The image tower.
        settings: Size and normalisation of pictures.
        projection: An optional layer on the image tower's vector.

    Raises:
        InputError: if the towers' vectors are not of one length.

    Example:
        >>> dual = DualEmbedder.load("runs/align/train/embedder")                     # doctest: +SKIP
        >>> similar = dual.encode_images([png]) @ dual.encode(["a red apple"]).T      # doctest: +SKIP
    """

    def __init__(
        self,
        text: Embedder,
        image: ImageTower,
        settings: ImageSettings | None = None,
        projection: nn.Linear | None = None,
    ) -> None:
        super().__init__()
        self.text, self.image, self.projection = text, image, projection
        self.settings = settings or ImageSettings()
        width = projection.out_features if projection else image.width
        if width != text.dimensions:
            raise InputError(
                f"the image tower gives vectors of length {width}, the text tower of {text.dimensions}",
                expected="one length",
            )

    @property
    def dimensions(self) -> int:
        """Length of a full vector."""
        return self.text.dimensions

    @property
    def lineage(self) -> Lineage:
        """Where it comes from."""
        return self.text.lineage

    @lineage.setter
    def lineage(self, lineage: Lineage) -> None:
        self.text.lineage = lineage

    @property
    def reader(self) -> ImageReader:
        """What makes pixels of files."""
        return ImageReader(self.settings.size, self.settings.crop_from)

    def forward(self, pixels_B3SS: Tensor, dimensions: int | None = None) -> Tensor:
        """Embed pictures.

        Args:
            pixels_B3SS: uint8.
            dimensions: Keep the first this many coordinates, before normalising.

        Returns:
            ``(B, D)`` vectors, of unit length if the text tower's settings say ``normalize``.
        """
        floats_B3SS = as_floats(pixels_B3SS, self.settings.mean, self.settings.std)
        vectors_BD = self.image(floats_B3SS.to(next(self.image.parameters()).dtype)).float()
        if self.projection is not None:
            vectors_BD = self.projection(vectors_BD)
        return self.text.finish(vectors_BD, dimensions)

    def encode(self, texts: Sequence[str], **options: Any) -> Tensor:
        """Embed texts, as :meth:`Embedder.encode` does."""
        return self.text.encode(texts, **options)

    @torch.no_grad()
    def encode_images(
        self, images: Sequence[bytes], *, dimensions: int | None = None, batch_size: int = 64
    ) -> Tensor:
        """Embed the bytes of picture files; ``(len(images), D)`` float32 on the CPU.

        Raises:
            InputError: for bytes that are no picture, or dimensions that there are not.
        """
        self.text.check_pair(None, dimensions)
        was_training = self.training
        self.eval()
        device = next(self.parameters()).device
        parts = []
        for start in range(0, len(images), batch_size):
            chunk = images[start : start + batch_size]
            pixels = [
                torch.from_numpy(self.reader.read(data, f"image {start + i}"))
                for i, data in enumerate(chunk)
            ]
            parts.append(self(torch.stack(pixels).to(device), dimensions).cpu())
        self.train(was_training)
        return torch.cat(parts) if parts else torch.zeros(0, dimensions or self.dimensions)

    def save(self, folder: str | Path) -> Path:
        """Write the folder: the text tower's, and the image tower inside it."""
        folder = Path(folder)
        save_embedder(self.text, folder)
        place = folder / IMAGE_FOLDER
        self.image.save(place)
        if self.projection is not None:
            save_projection(self.projection, place / PROJECTION)
        (place / SETTINGS_FILE).write_text(self.settings.model_dump_json(indent=2) + "\n", encoding="utf-8")
        return folder

    @classmethod
    def load(cls, source: str | Path) -> DualEmbedder:
        """Open a folder.

        Raises:
            InputError: for a folder without an image tower, or one that cannot be read.
        """
        folder = resolve_model(source)
        settings, place = read_image_settings(folder), folder / IMAGE_FOLDER
        projection = load_projection(place / PROJECTION) if (place / PROJECTION).is_dir() else None
        return cls(load_embedder(folder), load_tower(place), settings, projection)


def read_image_settings(folder: Path) -> ImageSettings:
    """The settings of a folder's image tower; weights are not read.

    Raises:
        InputError: for a folder without an image tower, or settings that cannot be read.
    """
    if not has_image_tower(folder):
        raise InputError(
            f"{folder} embeds texts alone", expected=f"a folder with an image tower in {IMAGE_FOLDER}/"
        )
    file = folder / IMAGE_FOLDER / SETTINGS_FILE
    try:
        return ImageSettings.model_validate(json.loads(file.read_bytes()))
    except (OSError, ValueError, ValidationError) as error:
        raise InputError(f"cannot read {file}: {first_line(error)}") from error
