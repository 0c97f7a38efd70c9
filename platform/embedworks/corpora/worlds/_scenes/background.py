"""What is behind the objects of a scene: a pale colour, with a texture, with shapes that mean nothing."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedworks.corpora.drawings.colours import COLOURS
from embedworks.corpora.recipe import row_rng
from embedworks.corpora.worlds._scenes.model import Background

Pixels = NDArray[np.uint8]

DRAWN = 24  # textures, and layers of clutter, that the pictures are cut from
PALE = 0.3  # of the colour, the rest is white
ROUGH = 26.0  # grey levels that a texture adds or takes at most
SHAPES = 14  # in a layer of clutter
FADED = 0.45  # opacity of a shape
FINER = 4  # times that clutter is drawn larger, for clean edges

# Shape legend: H = W = side pixels; 3 channels RGB, 4 RGBA.


class Backgrounds:
    """Backgrounds of one size.

    Args:
        side: Pixels of a picture's side.
        seed: Draws the textures and the clutter.
    """

    def __init__(self, side: int, seed: int) -> None:
        self.side, self.seed = side, seed
        self._textures: dict[int, NDArray[np.float32]] = {}
        self._clutter: dict[int, NDArray[np.float32]] = {}

    def draw(self, background: Background, rng: np.random.Generator) -> Pixels:
        """One background, ``(H, W, 3)``."""
        pale = 255 - PALE * (255 - np.array(COLOURS[background.colour], np.float32))
        picture_HW3 = np.empty((self.side, self.side, 3), np.float32)
        picture_HW3[:] = pale
        if background.kind != "plain":
            picture_HW3 += self._shifted(self._texture(int(rng.random() * DRAWN)), rng)[..., None]
        if background.kind == "clutter":
            layer_HW4 = self._shifted(self._layer(int(rng.random() * DRAWN)), rng)
            share_HW1 = layer_HW4[..., 3:]
            picture_HW3 = picture_HW3 * (1 - share_HW1) + layer_HW4[..., :3] * share_HW1
        return np.clip(np.rint(picture_HW3), 0, 255).astype(np.uint8)

    def _shifted(self, layer: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """One of the many cuttings of a layer that goes on at its other side."""
        down, right = int(rng.random() * self.side), int(rng.random() * self.side)
        return np.roll(layer[:: -1 if rng.random() < 0.5 else 1], (down, right), axis=(0, 1))

    def _texture(self, number: int) -> NDArray[np.float32]:
        """Smooth noise of several scales, ``(H, W)``, grey levels around 0."""
        if number not in self._textures:
            rng = row_rng(self.seed, "scenes", "textures", number)
            noise_HW = np.zeros((self.side, self.side), np.float32)
            for cells in (4, 9, 20):
                grid = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
                noise_HW += _smooth(grid, self.side)
            self._textures[number] = noise_HW * (ROUGH / np.abs(noise_HW).max())
        return self._textures[number]

    def _layer(self, number: int) -> NDArray[np.float32]:
        """Faded shapes in all colours, ``(H, W, 4)``; opacity 0 to 1."""
        if number not in self._clutter:
            from PIL import Image, ImageDraw

            rng = row_rng(self.seed, "scenes", "clutter", number)
            large = Image.new("RGBA", (FINER * self.side,) * 2)
            draw = ImageDraw.Draw(large)
            for _ in range(SHAPES):
                _draw_shape(draw, FINER * self.side, rng)
            small = large.convert("RGBa").resize((self.side,) * 2, Image.Resampling.BOX).convert("RGBA")
            layer_HW4 = np.array(small).astype(np.float32)
            layer_HW4[..., 3] *= FADED / 255
            self._clutter[number] = layer_HW4
        return self._clutter[number]


def _smooth(grid: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """A square enlarged to ``side`` pixels that goes on at its other side."""
    from PIL import Image

    cells = len(grid)
    thrice = Image.fromarray(np.tile(grid, (3, 3)))
    middle = (cells, cells, 2 * cells, 2 * cells)
    return np.array(thrice.resize((side, side), Image.Resampling.BICUBIC, box=middle))


def _draw_shape(draw: Any, side: int, rng: np.random.Generator) -> None:
    """A disc, a bar or a triangle; what is cut off at one side goes on at the other."""
    x, y = rng.uniform(0, side, 2)
    length, angle = side * rng.uniform(0.05, 0.16), rng.uniform(0, np.pi)
    colour = tuple(int(level) for level in rng.integers(90, 230, 3))
    kind = int(rng.integers(3))
    for dx, dy in product((-side, 0, side), repeat=2):
        _draw_one(draw, kind, (x + dx, y + dy), length, angle, colour)


def _draw_one(
    draw: Any, kind: int, at: tuple[float, float], length: float, angle: float, colour: tuple[int, ...]
) -> None:
    x, y = at
    if kind == 0:
        draw.ellipse((x - length / 2, y - length / 2, x + length / 2, y + length / 2), fill=colour)
    elif kind == 1:
        reach = length * np.array((np.cos(angle), np.sin(angle)))
        ends = ((x - reach[0], y - reach[1]), (x + reach[0], y + reach[1]))
        draw.line(ends, fill=colour, width=max(2, int(length / 4)))
    else:
        corners = [angle + turn * 2 * np.pi / 3 for turn in range(3)]
        draw.polygon([(x + length * np.cos(a), y + length * np.sin(a)) for a in corners], fill=colour)
