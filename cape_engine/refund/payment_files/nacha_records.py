"""The records of a NACHA file, position by position (handbook 7.5); positions count from 1."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Int8s, Int32s, Int64s
from cape_engine.refund.payment_files.accounts import Accounts
from cape_engine.refund.payment_files.originator import NachaOriginator

WIDTH, BLOCK = 94, 10
HASHED = 10**10
"""The entry hash keeps ten digits."""
SERVICE_CLASS = "220"  # credits only
_BYTES = npt.NDArray[np.uint8]
_ZERO = ord("0")
_PAID, _TESTED = np.array([list(b"22"), list(b"32")], np.uint8), np.array([list(b"23"), list(b"33")], np.uint8)
"""Transaction codes of a payment and of a prenote, by kind of account (positions 2-3)."""


@dataclass(frozen=True, slots=True)
class Control:
    """What a control record counts.

    Attributes:
        entries: entries.
        records: entries and addenda.
        hashed: sum of the first eight digits of the routing numbers.
        cents: sum of the amounts, all credits.
    """

    entries: int = 0
    records: int = 0
    hashed: int = 0
    cents: int = 0

    def __add__(self, other: Self) -> Control:
        return Control(
            self.entries + other.entries,
            self.records + other.records,
            self.hashed + other.hashed,
            self.cents + other.cents,
        )


@dataclass(frozen=True, slots=True, repr=False)
class Cells:
    """Accounts as the fields of an entry; rows of accounts that cannot be paid to are never read.

    Attributes:
        kind: int8, checking or savings.
        routing: uint8[n, 9].
        account: uint8[n, 17].
        number: uint8[n, 15], the recipient's importer number.
        name: uint8[n, 22].
        hashed: int64[n], first eight digits of the routing number.
    """

    kind: Int8s
    routing: _BYTES
    account: _BYTES
    number: _BYTES
    name: _BYTES
    hashed: Int64s


def cells(accounts: Accounts, names: pa.Array) -> Cells:
    """Accounts as fields.

    Args:
        accounts: of the recipients.
        names: of each of them, as the format takes it.
    """
    usable = pa.array(accounts.usable())
    routing = text_cells(pc.if_else(usable, accounts.routing, "0" * 9), 9)
    return Cells(
        accounts.kind,
        routing,
        text_cells(pc.if_else(usable, accounts.account, ""), 17),
        text_cells(accounts.numbers, 15),
        text_cells(names, 22),
        (routing[:, :8] - _ZERO).astype(np.int64) @ 10 ** np.arange(7, -1, -1),
    )


def text_cells(texts: pa.Array, width: int) -> _BYTES:
    """Texts as bytes of one width, left, upper case; a sign outside of ASCII becomes a full stop: uint8[n, width]."""
    plain = pc.replace_substring_regex(pc.utf8_upper(pc.fill_null(texts, "")), r"[^ -~]", ".")
    even = pc.utf8_rpad(pc.utf8_slice_codeunits(plain, 0, width), width, " ")
    _validity, offsets, data = even.buffers()
    if data is None or not len(even):
        return np.zeros((0, width), np.uint8)
    begin = int(np.frombuffer(offsets, np.int32, 1, even.offset * 4)[0])
    return np.frombuffer(data, np.uint8, len(even) * width, begin).reshape(len(even), width)


def digit_cells(values: Int64s, width: int) -> _BYTES:
    """Numbers as digits of one width, filled with zeros: uint8[n, width]."""
    found = np.empty((len(values), width), np.uint8)
    rest = values
    for place in range(width - 1, -1, -1):
        above = rest // 10
        found[:, place] = rest - above * 10 + _ZERO
        rest = above
    return found


def entries(
    cells_: Cells, place: Int32s, amounts: Int64s, sequence: Int64s, reference: _BYTES | None, odfi: str, end: bytes
) -> _BYTES:
    """Entry records, each followed by its addenda record if there is a reference.

    Args:
        cells_: fields of the accounts.
        place: int32[n], account of each entry.
        amounts: int64[n], cents.
        sequence: int64[n], last seven digits of the trace.
        reference: uint8[n, 80], or None for prenotes.
        odfi: first eight digits of the trace.
        end: line end.

    Returns:
        uint8[n, bytes of the records].
    """
    wide = WIDTH + len(end)
    lines = np.full((len(place), wide * (1 if reference is None else 2)), ord(" "), np.uint8)
    codes = _TESTED if reference is None else _PAID
    digits = digit_cells(sequence, 7)
    lines[:, 0] = ord("6")
    lines[:, 1:3] = codes[cells_.kind[place]]
    lines[:, 3:12] = cells_.routing[place]
    lines[:, 12:29] = cells_.account[place]
    lines[:, 29:39] = digit_cells(amounts, 10)
    lines[:, 39:54] = cells_.number[place]
    lines[:, 54:76] = cells_.name[place]
    lines[:, 78] = _ZERO + (reference is not None)
    lines[:, 79:87] = np.frombuffer(odfi.encode("ascii"), np.uint8)
    lines[:, 87:94] = digits
    lines[:, WIDTH:wide] = np.frombuffer(end, np.uint8)
    if reference is not None:
        addenda = lines[:, wide:]
        addenda[:, 0:3] = np.frombuffer(b"705", np.uint8)
        addenda[:, 3:83] = reference
        addenda[:, 83:87] = np.frombuffer(b"0001", np.uint8)
        addenda[:, 87:94] = digits
        addenda[:, WIDTH:] = np.frombuffer(end, np.uint8)
    return lines


def file_header(originator: NachaOriginator, when: str, modifier: str) -> str:
    """Record 1; `when` is YYMMDDHHMM."""
    return (
        f"101{originator.destination:>10}{originator.origin:>10}{when}{modifier}094101"
        f"{originator.destination_name:<23}{originator.origin_name:<23}{'':8}"
    )


def batch_header(originator: NachaOriginator, on: dt.date, effective: dt.date, number: int) -> str:
    """Record 5; positions 64-69 show the day of the file, 76-78 are the operator's."""
    return (
        f"5{SERVICE_CLASS}{originator.company_name:<16}{'':20}{originator.company_id:<10}CCD"
        f"{originator.description:<10}{on:%y%m%d}{effective:%y%m%d}{'':3}"
        f"{originator.originator_status}{originator.odfi}{number:07d}"
    )


def batch_control(originator: NachaOriginator, control: Control, number: int) -> str:
    """Record 8."""
    return (
        f"8{SERVICE_CLASS}{control.records:06d}{control.hashed % HASHED:010d}{0:012d}{control.cents:012d}"
        f"{originator.company_id:<10}{'':19}{'':6}{originator.odfi}{number:07d}"
    )


def file_control(control: Control, batches: int, blocks: int) -> str:
    """Record 9."""
    counts = f"{batches:06d}{blocks:06d}{control.records:08d}"
    return f"9{counts}{control.hashed % HASHED:010d}{0:012d}{control.cents:012d}{'':39}"
