"""Tokens that call a part of an encoder: a text that begins with one is read by that part.

So whatever puts a prompt in front of texts (training, evaluation, serving) chooses the part, and needs to
know nothing of it.
"""

from __future__ import annotations

from torch import Tensor

BEGINNING = 2  # tokens among which it is: it may stand behind one that begins every text


def begins_with(input_ids_BT: Tensor, token: int) -> Tensor:
    """``(B,)`` whether a text begins with a token.

    Example:
        >>> begins_with(torch.tensor([[1, 7, 3], [1, 4, 7], [7, 2, 2]]), 7).tolist()
        [True, False, True]
    """
    found_B: Tensor = (input_ids_BT[:, :BEGINNING] == token).any(1)
    return found_B
