"""2D Matryoshka losses: besides the whole model, one random shallower layer and one random prefix a step.

They wrap any base loss of two sides of texts. Li et al., arXiv 2402.14776, in the two forms that are in
use: AnglE's own (:func:`joint_width_loss`) and that of sentence-transformers
(:func:`independent_widths_loss`). :func:`nested_widths_loss` is plain Matryoshka (arXiv 2205.13147).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from embedworks.errors import InputError
from embedworks.losses.distillation import kl_divergence

# Shape legend: B queries, G candidates, X = B + G texts, D width, d, k dimensions that are kept.

Sides = tuple[Tensor, Tensor]  # raw pooled vectors of queries (B, D) and of candidates (G, D)
BaseLoss = Callable[[Tensor, Tensor], Tensor]  # (B, d), (G, d) -> scalar; it normalises what is cut
Parts = dict[str, Tensor]


class Sizes(NamedTuple):
    """What one step trains beside the whole model.

    Attributes:
        layer: m, from 1 to L - 1.
        width: k, of the last layer.
        shallow_width: k' of layer m, where it is drawn by itself.
    """

    layer: int
    width: int
    shallow_width: int


class SizeDraws(nn.Module):
    """Draws :class:`Sizes` by the seed and the step alone.

    So every worker has the same ones, whose vectors are compared with each other, and a training that is
    restarted draws on: the count of steps is saved with the objective.

    Args:
        seed: Of the stage.
        layers: L of the encoder.
        widths: To draw from.

    Raises:
        InputError: where there is no shallower layer, or no width.
    """

    steps_1: Tensor

    def __init__(self, seed: int, layers: int, widths: Sequence[int]) -> None:
        super().__init__()
        if layers < 2:
            raise InputError("a model of one layer has no shallower one", expected="two layers or more")
        if not widths:
            raise InputError("there is no width to draw", where="widths", expected="one or more")
        self.seed = seed
        self.layers = layers
        self.widths = tuple(widths)
        self.register_buffer("steps_1", torch.zeros(1, dtype=torch.int64))

    def draw(self) -> Sizes:
        """The sizes of the step that is on, the same wherever it is asked."""
        rng = np.random.default_rng((self.seed, int(self.steps_1)))
        layer, (width, shallow_width) = rng.integers(1, self.layers), rng.choice(self.widths, 2)
        return Sizes(int(layer), int(width), int(shallow_width))

    def advance(self, step: int) -> None:
        """Step ``step`` is over."""
        self.steps_1.fill_(step + 1)


def geometric_widths(width: int, first: int = 8) -> tuple[int, ...]:
    """``first`` times all powers of two, strictly below ``width``.

    Example:
        >>> geometric_widths(128)
        (8, 16, 32, 64)
    """
    found = []
    while first < width:
        found.append(first)
        first *= 2
    return tuple(found)


def joint_width_loss(
    base: BaseLoss,
    whole: Sides,
    shallow: Sides,
    sizes: Sizes,
    *,
    teacher: Sides | None = None,
    temperature: float = 1.0,
    kl_weight: float = 1.0,
    detach_teacher: bool = False,
) -> Parts:
    """AnglE's form: both layers at full width and, once more, at one width.

    ``l(E_L) + l(E_m) / m + w T ln(2 + m) KL + l(E_L[:k]) + l(E_m[:k]) / m`` with
    ``KL = KL(softmax_c(E_L / T) || softmax_c(E_m / T))`` over the D coordinates of each raw vector.

    Args:
        base: l, any loss of two sides.
        whole: ``E_L`` of both sides.
        shallow: ``E_m`` of both sides.
        sizes: m and k; ``shallow_width`` is not read.
        teacher: In place of ``E_L`` in the KL.
        temperature: T.
        kl_weight: w, not in the paper; 0 leaves the KL out.
        detach_teacher: Let the KL pull the shallow layer alone. AnglE's code lets it pull both.

    Returns:
        ``loss``, and detached ``whole``, ``shallow``, ``whole_prefix``, ``shallow_prefix`` and ``kl``, none
        of them weighed.
    """
    m, k, _ = sizes
    full = base(*whole), base(*shallow)
    cut = base(*prefix(whole, k)), base(*prefix(shallow, k))
    kl = coordinate_kl(teacher or whole, shallow, temperature, detach_teacher)
    kl_share = kl_weight * temperature * math.log(2 + m)
    total = full[0] + full[1] / m + kl_share * kl + cut[0] + cut[1] / m
    names = ("whole", "shallow", "whole_prefix", "shallow_prefix", "kl")
    return {"loss": total} | {
        name: part.detach() for name, part in zip(names, (*full, *cut, kl), strict=True)
    }


def independent_widths_loss(
    base: BaseLoss,
    whole: Sides,
    shallow: Sides,
    sizes: Sizes,
    *,
    temperature: float = 0.3,
    kl_weight: float = 1.0,
    prior_weight: float = 1.0,
    detach_teacher: bool = False,
) -> Parts:
    """The form of sentence-transformers' ``Matryoshka2dLoss``: each layer at one width of its own.

    ``l(E_L[:k]) + v l(E_m[:k']) / m + w T KL(softmax_c(E_L / T) || softmax_c(E_m / T))``, the KL over the
    coordinates of raw vectors of full width.

    Args:
        base: l, any loss of two sides.
        whole: ``E_L`` of both sides.
        shallow: ``E_m`` of both sides.
        sizes: m, k and k'.
        temperature: T, which also weighs the KL.
        kl_weight: w.
        prior_weight: v.
        detach_teacher: Let the KL pull the shallow layer alone, as releases of 2026 do.

    Returns:
        ``loss``, and detached and not weighed ``whole``, ``shallow`` and ``kl``.
    """
    m, k, k_shallow = sizes
    first, second = base(*prefix(whole, k)), base(*prefix(shallow, k_shallow))
    kl = coordinate_kl(whole, shallow, temperature, detach_teacher)
    total = first + second / m * prior_weight + kl_weight * temperature * kl
    return {"loss": total, "whole": first.detach(), "shallow": second.detach(), "kl": kl.detach()}


def nested_widths_loss(base: BaseLoss, whole: Sides, widths: Sequence[int]) -> Parts:
    """Plain Matryoshka: the sum of the base loss over all widths, at the last layer alone.

    Returns:
        ``loss``, and detached ``loss/8`` and so on.
    """
    losses = [base(*prefix(whole, width)) for width in widths]
    named = {f"loss/{width}": loss.detach() for width, loss in zip(widths, losses, strict=True)}
    return {"loss": torch.stack(losses).sum(), **named}


def coordinate_kl(teacher: Sides, student: Sides, temperature: float, detach_teacher: bool) -> Tensor:
    """KL over the coordinates of each raw vector, averaged over the X texts of both sides."""
    return kl_divergence(
        torch.cat(teacher), torch.cat(student), temperature=temperature, detach_teacher=detach_teacher
    )


def prefix(sides: Sides, width: int) -> Sides:
    """The first coordinates of both sides, raw."""
    queries_BD, candidates_GD = sides
    return queries_BD[:, :width], candidates_GD[:, :width]
