"""Writing Thrift's compact protocol, as far as Parquet's page headers and row groups need it."""

from __future__ import annotations

from collections.abc import Sequence

I32, I64, BINARY, LIST, STRUCT = 5, 6, 8, 9, 12

Value = tuple[int, bytes]
"""Type and bytes of a value."""
Field = tuple[int, Value]
"""Id and value of a field."""

_MORE = 128
_SHORT = [bytes([value]) for value in range(_MORE)]
LONG = 15
"""Items from which on a list gives their number apart."""


def unsigned(value: int) -> bytes:
    """An unsigned integer as varint; negative numbers wrap at 2^64."""
    if 0 <= value < _MORE:
        return _SHORT[value]
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= _MORE:
        out.append(value & 127 | _MORE)
        value >>= 7
    out.append(value)
    return bytes(out)


def i32(value: int) -> Value:
    """A number of 32 bits, not negative."""
    return I32, unsigned(value << 1)


def i64(value: int) -> Value:
    """A number of 64 bits, not negative."""
    return I64, unsigned(value << 1)


def binary(value: bytes) -> Value:
    """Bytes or text."""
    return BINARY, unsigned(len(value)) + value


def listed(values: Sequence[Value]) -> Value:
    """A list of values of one type, at least one."""
    kind = values[0][0]
    head = bytes([len(values) << 4 | kind]) if len(values) < LONG else bytes([0xF0 | kind]) + unsigned(len(values))
    return LIST, head + b"".join(data for _, data in values)


def structure(fields: Sequence[Field]) -> Value:
    """A structure; ids rise by at most fifteen."""
    out, before = [], 0
    for number, (kind, data) in fields:
        out.append(bytes([(number - before) << 4 | kind]))
        out.append(data)
        before = number
    return STRUCT, b"".join(out) + b"\0"
