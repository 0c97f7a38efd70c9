"""Vectors in an answer: float32, int8 or bits, as numbers or as base64 of their bytes.

The quantisation is sentence-transformers' ``quantize_embeddings``. Its int8 needs ranges; those here are
the same for every dimension and every request, so that vectors of different requests can be compared:
``-r`` to ``r`` with ``r = min(1, 6 / sqrt(d))``. A coordinate of a unit vector has a root mean square of
``1 / sqrt(d)``, so six of them hold all but outliers, which are clipped.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from embedworks.task import Answer, Dtype, Vectors

DEVIATIONS = 6.0  # of a coordinate, that int8 reaches to
LITTLE_ENDIAN = {"float32": "<f4"}  # one byte has no order


def int8_range(dimensions: int) -> float:
    """``r`` of vectors with so many dimensions: int8 covers -r to r.

    >>> int8_range(16), round(int8_range(384), 4)
    (1.0, 0.3062)
    """
    return min(1.0, DEVIATIONS / math.sqrt(dimensions))


def quantised(vectors: Vectors, dtype: Dtype) -> NDArray[Any]:
    """``(n, d)`` float32 unit vectors in another type; of the binary ones eight dimensions share a byte.

    ``uint8`` counts 256 steps from ``-r``, ``int8`` the same less 128. ``ubinary`` is a bit for each
    positive coordinate, the first in the highest place, ``binary`` the same less 128.
    """
    if dtype == "float32":
        return vectors
    if dtype in ("binary", "ubinary"):
        packed = np.packbits(vectors > 0, axis=-1)
        return packed if dtype == "ubinary" else (packed.astype(np.int16) - 128).astype(np.int8)
    reach = np.float32(int8_range(vectors.shape[1]))
    steps: NDArray[Any] = np.clip(np.floor((vectors + reach) / (2 * reach / 255)), 0, 255)
    return steps.astype(np.uint8) if dtype == "uint8" else (steps - 128).astype(np.int8)


def render_answer(
    answer: Answer, model: str, encoding_format: str | None, dtype: Dtype | None = None
) -> bytes:
    """The JSON body of an answer to ``POST /v1/embeddings``."""
    rows = answer.vectors if dtype is None else quantised(answer.vectors, dtype)
    vectors: Iterable[Any] = rows
    if encoding_format == "base64":
        order = LITTLE_ENDIAN.get(dtype or "float32", rows.dtype.str)
        vectors = (base64.b64encode(row.astype(order, copy=False)).decode() for row in rows)
    body: dict[str, Any] = {
        "object": "list",
        "data": [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)],
        "model": model,
        "usage": {"prompt_tokens": answer.prompt_tokens, "total_tokens": answer.prompt_tokens},
    }
    about: dict[str, Any] = dict(answer.flag or {})
    if dtype is not None:
        about["dtype"] = dtype
        if dtype.endswith("int8"):
            about["range"] = int8_range(answer.vectors.shape[1])
    if answer.version:
        about["version"] = answer.version
    if about:
        body["embedworks"] = about
    return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
