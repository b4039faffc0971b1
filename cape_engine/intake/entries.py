"""Entry numbers between text and key (see `cape_kernels.entry_number`)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Int64s, readonly
from cape_kernels import entry_number as k


def string_buffers(texts: pa.Array) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """(offsets, bytes) of an Arrow string array, nulls made empty.

    Args:
        texts: n strings; at most 2 GiB of text.
    """
    if texts.null_count:
        texts = pc.fill_null(texts, "")
    _validity, offsets, data = texts.buffers()
    if len(texts) == 0 or offsets is None:
        return readonly(np.zeros(len(texts) + 1, np.int32)), readonly(np.zeros(1, np.uint8))
    starts = np.frombuffer(offsets, np.int32, len(texts) + 1, texts.offset * 4)
    bytes_ = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    return readonly(starts), readonly(bytes_)


def keys_of_texts(texts: pa.Array) -> tuple[Int64s, npt.NDArray[np.uint8]]:
    """(key or -1, status of `cape_kernels.entry_number`) of each text."""
    offsets, data = string_buffers(texts)
    keys, status = np.empty(len(texts), np.int64), np.empty(len(texts), np.uint8)
    k.entry_keys(offsets, data, keys, status)
    return keys, status


def key_texts(keys: Int64s) -> pa.Array:
    """The eleven characters of each key."""
    data = np.empty(len(keys) * k.ENTRY_LENGTH, np.uint8)
    k.entry_texts(readonly(keys), data)
    offsets = np.arange(len(keys) + 1, dtype=np.int32) * k.ENTRY_LENGTH
    return pa.StringArray.from_buffers(len(keys), pa.py_buffer(offsets), pa.py_buffer(data))


def wanted_check_digits(keys: Int64s) -> npt.NDArray[np.uint8]:
    """The check digit that Appendix E asks for each key."""
    wanted = np.empty(len(keys), np.uint8)
    k.check_digits(readonly(keys), wanted)
    return wanted
