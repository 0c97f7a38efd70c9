"""Forward and backward passes of an encoder's parts in the order of operations that CPUs do fastest.

torch's own dropout draws slowly, the backward pass of its attention does not use the matrix units, and
weight gradients are fastest with the larger dimension on the left. The mathematics is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from embedworks.nn.unpadded import Group

# Shape legend: M tokens, I inputs, O outputs, D width, H heads, d width of a head; of a group: G texts,
# T tokens, N = G * H.

STEPS = 1 << 16  # a draw is 16 bits


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_MI: Tensor, weight_OI: Tensor, bias_O: Tensor | None) -> Tensor:
        ctx.save_for_backward(x_MI, weight_OI)
        ctx.has_bias = bias_O is not None
        return F.linear(x_MI, weight_OI, bias_O)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (grad_MO,) = gradients
        x_MI, weight_OI = ctx.saved_tensors
        grad_weight = None
        if ctx.needs_input_grad[1]:
            wide = weight_OI.shape[1] > weight_OI.shape[0]
            grad_weight = (x_MI.t() @ grad_MO).t() if wide else grad_MO.t() @ x_MI
        grad_x = grad_MO @ weight_OI if ctx.needs_input_grad[0] else None
        return grad_x, grad_weight, grad_MO.sum(0) if ctx.has_bias else None


def linear(x_MI: Tensor, weight_OI: Tensor, bias_O: Tensor | None) -> Tensor:
    """:func:`torch.nn.functional.linear` of a matrix: ``(M, O)``."""
    out: Tensor = _Linear.apply(x_MI, weight_OI, bias_O)
    return out


def kept(shape: torch.Size, rate: float) -> Tensor:
    """A boolean tensor, false with probability ``rate``, to 1 in 65,536."""
    numel = shape.numel()
    drawn = torch.empty(-(-numel // 4), dtype=torch.int64).random_(-(2**63), None)
    bits = drawn.view(torch.int16)[:numel].view(shape)
    return bits >= round(rate * STEPS) - STEPS // 2


class _AddDropped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, base: Tensor | None, x: Tensor, rate: float) -> Tensor:
        keep, ctx.scale = kept(x.shape, rate), 1 / (1 - rate)
        ctx.save_for_backward(keep)
        dropped = x * keep
        return dropped.mul_(ctx.scale) if base is None else torch.add(base, dropped, alpha=ctx.scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (keep,) = ctx.saved_tensors
        base = gradients[0] if ctx.needs_input_grad[0] else None
        return base, (gradients[0] * keep).mul_(ctx.scale), None


def add_dropped(base: Tensor | None, x: Tensor, rate: float) -> Tensor:
    """``base + dropout(x)``; without a base, the dropout alone. Draws from torch's random state."""
    if rate == 0:
        return x if base is None else base + x
    out: Tensor = _AddDropped.apply(base, x, rate)
    return out


class _Attention(torch.autograd.Function):
    """Softmax attention of one group after the other, with its backward pass by hand.

    With ``P`` the softmax, ``K`` what dropout keeps of it, ``C = K V / (1 - rate)`` and ``g`` the gradient
    at C: ``dV = K^T g / (1 - rate)``, ``dS = dK * K - P * rowsum(g * C)``, ``dK = g V^T / (1 - rate)``.
    """

    @staticmethod
    def forward(ctx: Any, joined_M3D: Tensor, groups: Sequence[Group], heads: int, rate: float) -> Tensor:
        seen_MD = joined_M3D.new_empty(len(joined_M3D), joined_M3D.shape[1] // 3)
        saved: list[Tensor] = []
        for group in groups:
            q, k, v = split_heads(joined_M3D[group.first : group.stop], group, heads)
            soft = torch.softmax(_scores(q, k, group, heads), -1)
            keep = soft * kept(soft.shape, rate) if rate else soft
            out = _scaled(keep, v, 1 / (1 - rate))
            join_heads(seen_MD[group.first : group.stop], out, group, heads)
            saved += [q, k, v, soft, keep]
        ctx.groups, ctx.heads, ctx.scale = groups, heads, 1 / (1 - rate)
        ctx.save_for_backward(seen_MD, *saved)
        return seen_MD

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        seen_MD, *saved = ctx.saved_tensors
        grad_M3D = seen_MD.new_empty(len(seen_MD), 3 * seen_MD.shape[1])
        product_MD = gradients[0] * seen_MD
        for number, group in enumerate(ctx.groups):
            rows = slice(group.first, group.stop)
            q, k, v, soft, keep = saved[5 * number : 5 * number + 5]
            g = by_head(gradients[0][rows], group, ctx.heads)
            row_NT1 = by_head(product_MD[rows], group, ctx.heads).sum(-1, keepdim=True)
            grad_v = _scaled(keep.transpose(1, 2), g, ctx.scale)
            grad_s = _scaled(g, v.transpose(1, 2), ctx.scale).mul_(keep).addcmul_(soft, row_NT1, value=-1)
            scale = q.shape[-1] ** -0.5
            grad_q, grad_k = _scaled(grad_s, k, scale), _scaled(grad_s.transpose(1, 2), q, scale)
            parts = grad_M3D[rows].view(group.texts, group.length, 3, ctx.heads, -1)
            for place, part in enumerate((grad_q, grad_k, grad_v)):
                shaped = part.view(group.texts, ctx.heads, group.length, -1)
                parts[:, :, place].copy_(shaped.transpose(1, 2))
        return grad_M3D, None, None, None


def attention(joined_M3D: Tensor, groups: Sequence[Group], heads: int, rate: float) -> Tensor:
    """Attention within the texts of each group.

    Args:
        joined_M3D: Queries, keys and values of the tokens, side by side.
        groups: Where texts are.
        heads: How many.
        rate: Of the dropout of attention.

    Returns:
        ``(M, D)`` what each token has seen.
    """
    out: Tensor = _Attention.apply(joined_M3D, groups, heads, rate)
    return out


def split_heads(joined: Tensor, group: Group, heads: int) -> Sequence[Tensor]:
    """Queries, keys and values ``(N, T, d)`` of a group."""
    parts = joined.view(group.texts, group.length, 3, heads, -1).permute(2, 0, 3, 1, 4).contiguous()
    return parts.view(3, group.texts * heads, group.length, -1).unbind(0)


def by_head(rows: Tensor, group: Group, heads: int) -> Tensor:
    """A group's rows as ``(N, T, d)``."""
    parts = rows.view(group.texts, group.length, heads, -1).transpose(1, 2).contiguous()
    return parts.view(group.texts * heads, group.length, -1)


def join_heads(into: Tensor, out_NTd: Tensor, group: Group, heads: int) -> None:
    """Write a group's heads side by side."""
    shaped = out_NTd.view(group.texts, heads, group.length, -1).transpose(1, 2)
    into.view(group.texts, group.length, heads, -1).copy_(shaped)


def _scores(q_NTd: Tensor, k_NTd: Tensor, group: Group, heads: int) -> Tensor:
    scale = q_NTd.shape[-1] ** -0.5
    if group.bias_G1T is None:
        return _scaled(q_NTd, k_NTd.transpose(1, 2), scale)
    bias_N1T = group.bias_G1T.repeat_interleave(heads, 0)
    return torch.baddbmm(bias_N1T, q_NTd, k_NTd.transpose(1, 2), alpha=scale)


def _scaled(a: Tensor, b: Tensor, scale: float) -> Tensor:
    """``scale * a @ b`` in one go."""
    if scale == 1:
        return torch.bmm(a, b)
    return torch.baddbmm(a.new_zeros(()), a, b, beta=0, alpha=scale)
