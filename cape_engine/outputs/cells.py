"""The cells of an Arrow column as kernels take them: the numbers of its buffer, and which of them are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine.bridge import readonly

EVERY_CELL = readonly(np.zeros(0, np.uint8))
"""Stands for the marks of a column without nulls."""


def known(values: pa.Array) -> npt.NDArray[np.uint8]:
    """1 for each known cell and 0 for the others; nothing where every cell is known."""
    bits = values.indices.buffers()[0] if pa.types.is_dictionary(values.type) else values.buffers()[0]
    if values.null_count == 0 or bits is None:
        return EVERY_CELL
    end = values.offset + len(values)
    return readonly(np.unpackbits(np.frombuffer(bits, np.uint8), count=end, bitorder="little")[values.offset :])


def plain(values: pa.Array, type_: pa.DataType) -> npt.NDArray[Any]:
    """The numbers of a column straight from its buffer, whatever stands where a cell is null."""
    values = values if values.type == type_ else values.cast(type_)
    width = np.dtype(type_.to_pandas_dtype())
    return readonly(np.frombuffer(values.buffers()[1], width, count=values.offset + len(values))[values.offset :])
