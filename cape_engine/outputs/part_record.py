"""The record of a part: what a later run needs of it beside its rows, as small Arrow tables and plain values."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

_WIDTH = struct.Struct("<Q")


def packed_record(tables: Mapping[str, pa.Table], values: Mapping[str, Any]) -> bytes:
    """Tables and values as bytes; the same content gives the same bytes.

    Args:
        tables: partial sums and the like, by name.
        values: anything JSON can say.
    """
    pieces = [json.dumps({"tables": list(tables), "values": dict(values)}, sort_keys=True).encode()]
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    for table in tables.values():
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
            writer.write_table(table)
        pieces.append(sink.getvalue().to_pybytes())
    return b"".join(piece for data in pieces for piece in (_WIDTH.pack(len(data)), data))


def unpacked_record(record: bytes) -> tuple[dict[str, pa.Table], dict[str, Any]]:
    """Tables and values that `packed_record` was given."""
    pieces: list[memoryview] = []
    rest = memoryview(record)
    while rest:
        (width,) = _WIDTH.unpack_from(rest)
        pieces.append(rest[_WIDTH.size : _WIDTH.size + width])
        rest = rest[_WIDTH.size + width :]
    said = json.loads(bytes(pieces[0]))
    tables = {
        name: pa.ipc.open_stream(pa.py_buffer(piece)).read_all()
        for name, piece in zip(said["tables"], pieces[1:], strict=True)
    }
    return tables, said["values"]
