"""Tables inside cells: Arrow's IPC format with zstd, and a digest of their values that no library's bytes enter."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_NONE = np.iinfo(np.int64).min


def packed_table(rows: pa.Table) -> bytes:
    """A table as bytes."""
    sink = pa.BufferOutputStream()
    plain = rows.combine_chunks().unify_dictionaries()
    with pa.ipc.new_stream(sink, plain.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(plain)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def unpacked_table(content: bytes, schema: pa.Schema) -> pa.Table:
    """The table that `packed_table` made.

    Raises:
        ValueError: the bytes hold no table of this schema (pyarrow's `ArrowInvalid` is one).
    """
    if not isinstance(content, bytes | memoryview):
        raise ValueError("no table, but text")  # noqa: TRY004 - whoever changed the cell changed its type too
    try:
        with pa.ipc.open_stream(content) as reader:
            return reader.read_all().select(schema.names).cast(schema)
    except (pa.ArrowException, KeyError, OSError) as error:
        raise ValueError(str(error).splitlines()[0]) from error


def digest_of(rows: pa.Table) -> str:
    """SHA-256 over the values of a table, column by column: whole numbers as 8 bytes, text with its lengths.

    It does not depend on chunks, dictionaries, compression or the version of a library.
    """
    digest = hashlib.sha256()
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        digest.update(f"{name}\n{rows.num_rows}\n".encode())
        whole = column.combine_chunks()
        if pa.types.is_list(whole.type):
            digest.update(_numbers(pc.list_value_length(whole)))
            whole = whole.flatten()
        digest.update(_text(whole) if _is_text(whole.type) else _numbers(whole))
    return digest.hexdigest()


def _is_text(type_: pa.DataType) -> bool:
    """Whether a column holds text, with or without dictionary."""
    return bool(pa.types.is_dictionary(type_) or pa.types.is_string(type_))


def _numbers(values: pa.Array) -> bytes:
    """Whole numbers, days and truth values as little-endian integers; a null as the smallest one."""
    if pa.types.is_date32(values.type):
        values = values.cast(pa.int32())
    whole: npt.NDArray[np.int64] = pc.fill_null(values.cast(pa.int64()), _NONE).to_numpy(zero_copy_only=False)
    return whole.astype("<i8").tobytes()


def _text(values: pa.Array) -> bytes:
    """The length of each text, -1 for a null, and all their bytes."""
    plain = (values.cast(pa.string()) if pa.types.is_dictionary(values.type) else values).cast(pa.large_string())
    lengths = pc.fill_null(pc.binary_length(plain).cast(pa.int64()), -1)
    told = pc.fill_null(plain, "")
    offsets = np.frombuffer(told.buffers()[1], np.int64)[told.offset :][: len(told) + 1]
    data = told.buffers()[2]
    text = b"" if data is None or not len(told) else data.to_pybytes()[int(offsets[0]) : int(offsets[-1])]
    return _numbers(lengths) + text
