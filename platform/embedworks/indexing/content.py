"""What tells a row's content from any other: 16 bytes of BLAKE2b of the value that is embedded."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedworks.vectors.records import KEY_BYTES, content_key

KEY_TYPE = pa.binary(KEY_BYTES)
Keys = NDArray[np.bytes_]  # (N,) of dtype S16; numpy leaves trailing zeros out when it shows one

# Shape legend: N rows.


def content_keys(values: list[str] | list[bytes] | list[list[str]]) -> Keys:
    """``(N,)`` keys of texts, of lists of texts, or of the bytes of files."""
    return np.frombuffer(b"".join(map(content_key, values)), dtype=f"S{KEY_BYTES}")


def as_arrow(keys_N: Keys) -> pa.Array:
    """Keys as a column of a table."""
    buffer = pa.py_buffer(np.ascontiguousarray(keys_N).tobytes())
    return pa.FixedSizeBinaryArray.from_buffers(KEY_TYPE, len(keys_N), [None, buffer])


def as_keys(column: pa.Array) -> Keys:
    """A column of keys as :func:`content_keys` gives them."""
    start = column.offset * KEY_BYTES
    data = column.buffers()[1].to_pybytes()[start : start + len(column) * KEY_BYTES]
    return np.frombuffer(data, dtype=f"S{KEY_BYTES}")
