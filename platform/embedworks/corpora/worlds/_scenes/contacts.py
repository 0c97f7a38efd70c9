"""Where objects meet: pixels that two of them share, and pixels between those that are close."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from embedworks.corpora.worlds._scenes.model import Box
from embedworks.corpora.worlds._scenes.relations import box_gap

Mask = NDArray[np.bool_]
CLOSE = 4  # pixels between boxes up to which the gap between objects is measured
Pair = tuple[int, int]


def contacts(boxes: list[Box], solid: dict[int, Mask]) -> tuple[dict[Pair, int], dict[Pair, int]]:
    """Pixels that pairs of objects share, and pixels between those that are close."""
    overlaps, gaps = {}, {}
    for i, j in combinations(range(len(boxes)), 2):
        if box_gap(boxes[i], boxes[j]) > CLOSE:
            continue
        shared = _shared(boxes[i], boxes[j], solid[i], solid[j])
        if shared:
            overlaps[i, j] = shared
        else:
            gaps[i, j] = _gap(boxes[i], boxes[j], solid[i], solid[j])
    return overlaps, gaps


def _shared(a: Box, b: Box, a_hw: Mask, b_hw: Mask) -> int:
    """Pixels of both."""
    x1, y1, x2, y2 = max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])
    if x1 >= x2 or y1 >= y2:
        return 0
    cut_a_hw = a_hw[y1 - a[1] : y2 - a[1], x1 - a[0] : x2 - a[0]]
    cut_b_hw = b_hw[y1 - b[1] : y2 - b[1], x1 - b[0] : x2 - b[0]]
    return int((cut_a_hw & cut_b_hw).sum())


def _gap(a: Box, b: Box, a_hw: Mask, b_hw: Mask) -> int:
    """Pixels between two objects that share none: 0 where they meet, at most :data:`CLOSE`."""
    x1, y1, x2, y2 = min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
    margin = CLOSE + 1
    canvas_hw = np.zeros((2, y2 - y1 + 2 * margin, x2 - x1 + 2 * margin), bool)
    for canvas, box, mask_hw in ((canvas_hw[0], a, a_hw), (canvas_hw[1], b, b_hw)):
        top, left = box[1] - y1 + margin, box[0] - x1 + margin
        canvas[top : top + mask_hw.shape[0], left : left + mask_hw.shape[1]] = mask_hw
    grown_hw, other_hw = canvas_hw
    for gap in range(CLOSE):
        for axis in (0, 1):
            grown_hw = grown_hw | np.roll(grown_hw, 1, axis) | np.roll(grown_hw, -1, axis)
        if (grown_hw & other_hw).any():
            return gap
    return CLOSE
