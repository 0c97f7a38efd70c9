"""Sparsifiers of task vectors: what each keeps of one tensor, and how the rest is scaled up for it.

All work in place on a contiguous float32 tensor. A density of 1 leaves it unchanged and unscaled, one of 0
makes it zero. Sources: magnitude, TIES (arXiv 2306.01708); random, DARE (arXiv 2311.03099); outliers, Model
Breadcrumbs (arXiv 2312.06795); magprune, DELLA (arXiv 2406.11617).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from pydantic import BeforeValidator
from torch import Tensor

from embedworks.errors import InputError
from embedworks.merging.combine import CHUNK


def _named(value: Any) -> Any:
    return {True: "l1", False: "none"}[value] if isinstance(value, bool) else value


Rescale = Annotated[Literal["l1", "inverse_keep", "none"], BeforeValidator(_named)]
"""What makes up for the elements that were dropped: the sum of magnitudes stays (mergekit's ``true``), each
element is divided by its probability to be kept (the papers), or nothing (``false``)."""

_SMALLEST_NORM = 1e-7
_INT32 = torch.iinfo(torch.int32)


def magnitude(delta: Tensor, density: float, rescale: Rescale, notes: list[str]) -> None:
    """Keep the ``int(density n)`` elements of greatest magnitude, and at least one, which is noted."""
    if _is_trivial(delta, density):
        return
    kept = int(density * delta.numel())
    if kept == 0:
        kept = 1
        notes.append(f"density {density} of {delta.numel()} elements is none: one was kept")
    _apply(delta, largest(delta, kept), kept / delta.numel(), rescale)


def outliers(delta: Tensor, density: float, gamma: float, rescale: Rescale) -> None:
    """Keep the ``int(density n)`` greatest elements but the ``int(gamma n)`` greatest of all.

    Fewer of the greatest are dropped where otherwise too few would be left.
    """
    if _is_trivial(delta, density):
        return
    kept = int(density * delta.numel())
    dropped = min(int(gamma * delta.numel()), delta.numel() - kept)
    keep = largest(delta, dropped + kept)
    keep &= ~largest(delta, dropped)
    _apply(delta, keep, kept / delta.numel(), rescale)


def random(delta: Tensor, density: float, rescale: Rescale, generator: torch.Generator) -> None:
    """Keep each element with probability ``density``."""
    if _is_trivial(delta, density):
        return
    before = _l1(delta)
    limit = int(_limits(torch.tensor(density, dtype=torch.float64)))
    for part in delta.view(-1).split(CHUNK):
        part.masked_fill_(random_words(part.numel(), generator) >= limit, 0)
    if rescale == "inverse_keep":
        delta.div_(density)
    _match_l1(delta, before, rescale)


def magprune(
    delta: Tensor, density: float, epsilon: float, rescale: Rescale, generator: torch.Generator
) -> None:
    """Keep elements the rather, the greater they are in their row (vectors and numbers are one row).

    The element of rank r (0 the smallest) of R is kept with probability
    ``density - epsilon + 2 epsilon r / (R - 1)``; with ``density`` where it is alone.
    Needs a few copies of one row.

    Raises:
        InputError: unless ``density - epsilon`` and ``density + epsilon`` are between 0 and 1.
    """
    if _is_trivial(delta, density):
        return
    if density - epsilon <= 0 or density + epsilon >= 1:
        what = f"density {density} with epsilon {epsilon} gives probabilities outside of 0 to 1"
        raise InputError(what, expected="density - epsilon > 0 and density + epsilon < 1")
    before = _l1(delta)
    rows = delta.view(1, 1, -1) if delta.dim() < 2 else delta.unsqueeze(-1).flatten(2).transpose(1, 2)
    probabilities = keep_probabilities(rows.shape[-1], density, epsilon)
    limits = _limits(probabilities)
    for block in rows.split(max(1, CHUNK // rows[0].numel())):
        order = _ascending(block)
        words = random_words(block.numel(), generator).view(block.shape)
        block.masked_fill_(words >= _by_rank(limits, order), 0)
        if rescale == "inverse_keep":
            block.div_(_by_rank(probabilities.float(), order))
    _match_l1(delta, before, rescale)


def keep_probabilities(count: int, density: float, epsilon: float) -> Tensor:
    """Of the ranks 0 (the smallest) to ``count - 1`` of :func:`magprune`: float64 of shape (count,)."""
    if count == 1:
        return torch.tensor([density], dtype=torch.float64)
    return torch.linspace(density - epsilon, density + epsilon, count, dtype=torch.float64)


def largest(values: Tensor, count: int) -> Tensor:
    """Where the ``count`` elements of greatest magnitude are; of equal ones, those in front.

    Zeros are never among them: to keep one changes nothing.

    Returns:
        bool, of the same shape.
    """
    # Magnitudes are in the order of their bits; integers are partitioned eighty times as fast as floats
    # are sorted with their positions.
    if count == 0:
        return torch.zeros(values.shape, dtype=torch.bool)
    bits = values.abs().view(torch.int32)
    order = bits.view(-1).numpy()
    order.partition(len(order) - count)
    threshold = int(order[-count])
    torch.abs(values, out=bits.view(torch.float32))
    mask = bits > threshold
    if threshold and (missing := count - int(mask.count_nonzero())):
        mask.view(-1)[(bits.view(-1) == threshold).nonzero()[:missing, 0]] = True
    return mask


def random_words(count: int, generator: torch.Generator) -> Tensor:
    """Uniform 32-bit integers: int32 of shape (count,). Two are made of each number that is drawn."""
    pairs = torch.empty((count + 1) // 2, dtype=torch.int64)
    return pairs.random_(torch.iinfo(torch.int64).min, None, generator=generator).view(torch.int32)[:count]


def _limits(probabilities: Tensor) -> Tensor:
    """A random word is below its limit with the probability: int32, of the same shape."""
    return (probabilities * 2.0**32).round().long().add_(_INT32.min).clamp_(max=_INT32.max).int()


def _by_rank(values: Tensor, order: Tensor) -> Tensor:
    """The values of the ranks, where the elements of these ranks are; see :func:`_ascending`."""
    return values.new_empty(order.shape).scatter_(-1, order, values.expand_as(order))


def _ascending(block: Tensor) -> Tensor:
    """Positions in the last axis by magnitude, of equal ones those behind first: int64."""
    positions = torch.arange(block.shape[-1] - 1, -1, -1)
    keys = block.abs().contiguous().view(torch.int32).long().bitwise_left_shift_(32).bitwise_or_(positions)
    keys.numpy().sort(-1)
    return (block.shape[-1] - 1) - keys.bitwise_and_(0xFFFFFFFF)


def _is_trivial(delta: Tensor, density: float) -> bool:
    if density <= 0:
        delta.zero_()
    return density <= 0 or density >= 1 or delta.numel() == 0


def _apply(delta: Tensor, keep: Tensor, share: float, rescale: Rescale) -> None:
    before = _l1(delta) if rescale == "l1" else 0.0
    delta.masked_fill_(keep.logical_not_(), 0)
    if rescale == "inverse_keep" and share:
        delta.div_(share)
    _match_l1(delta, before, rescale)


def _match_l1(delta: Tensor, before: float, rescale: Rescale) -> None:
    if rescale != "l1" or before < _SMALLEST_NORM:
        return
    after = _l1(delta)
    if after >= _SMALLEST_NORM:
        delta.mul_(before / after)


def _l1(delta: Tensor) -> float:
    return sum(float(part.abs().sum()) for part in delta.view(-1).split(CHUNK))
