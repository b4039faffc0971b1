"""Which accepted entries an officer looks at before they are scheduled (handbook 6.4)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine.bridge import Bools, Int64s
from cape_engine.schema.codes import REVIEW_RULES, Flag
from cape_engine.settings import Settings

UInt32s = npt.NDArray[np.uint32]
UInt64s = npt.NDArray[np.uint64]

PER = 10_000
"""The sample is given as entries per ten thousand."""

_FNV_BASIS = 0xCBF29CE484222325
_FNV_PRIME = 0x100000001B3
_MIX_1 = 0xFF51AFD7ED558CCD
_MIX_2 = 0xC4CEB9FE1A85EC53
_MASK = 2**64 - 1


def picked(entry_numbers: pa.Array, flags: UInt32s, principal_cents: Int64s, settings: Settings) -> Bools:
    """Entries that go to review: by flag, by amount, or by the seeded sample.

    Args:
        entry_numbers: text, shape (n,).
        flags: `codes.Flag` bits, shape (n,).
        principal_cents: cents, shape (n,).
        settings: `schedule.review_*` and `mass.bundled_duty` are read.
    """
    result: Bools = (flags & np.uint32(picking_flags(settings))) != 0
    amount = settings.maybe_number("schedule.review_amount_cents")
    if amount is not None:
        result |= principal_cents >= amount
    sample = settings.number("schedule.review_sample")
    if sample:
        result |= sampled(entry_numbers, sample, settings.number("schedule.review_seed"))
    return result


def picking_flags(settings: Settings) -> Flag:
    """The flags that pick an entry, by `schedule.review_rules`."""
    flags = Flag(0)
    for rule in settings.words("schedule.review_rules"):
        if rule == "bundled_duty" and settings.text("mass.bundled_duty") == "flag":
            continue
        flags |= REVIEW_RULES[rule]
    return flags


def sampled(entry_numbers: pa.Array, per_ten_thousand: int, seed: int) -> Bools:
    """A sample that depends on each entry number and the seed only, never on order, partition or threads.

    Args:
        entry_numbers: text, shape (n,).
        per_ten_thousand: entries per 10,000; 10,000 and more picks all.
        seed: any whole number from 0.
    """
    texts = entry_numbers.cast(pa.binary())
    starts, ends, content = _buffers(texts)
    lengths = ends - starts
    start = _mixed_one((seed + 1) & _MASK) ^ _FNV_BASIS
    value = np.full(len(texts), start, np.uint64)
    for place in range(int(lengths.max(initial=0))):
        inside = lengths > place
        byte = content[np.where(inside, starts + place, 0)].astype(np.uint64)
        value = np.where(inside, (value ^ byte) * np.uint64(_FNV_PRIME), value)
    result: Bools = _mixed(value) % np.uint64(PER) < np.uint64(min(per_ten_thousand, PER))
    return result


def _buffers(texts: pa.Array) -> tuple[Int64s, Int64s, npt.NDArray[np.uint8]]:
    """Start and end of each text, and the bytes they lie in (at least one)."""
    _, where, bytes_ = texts.buffers()
    size = len(texts) + 1
    offsets = np.frombuffer(where, np.int32, count=texts.offset + size)[texts.offset :] if size > 1 else np.zeros(1)
    content = np.frombuffer(bytes_, np.uint8) if bytes_ is not None and bytes_.size else np.zeros(1, np.uint8)
    wide = offsets.astype(np.int64)
    return wide[:-1], wide[1:], content


def _mixed(value: UInt64s) -> UInt64s:
    """The finalizer of MurmurHash3: spreads neighbouring numbers over the whole range."""
    shift = np.uint64(33)
    value = (value ^ (value >> shift)) * np.uint64(_MIX_1)
    value = (value ^ (value >> shift)) * np.uint64(_MIX_2)
    return value ^ (value >> shift)


def _mixed_one(value: int) -> int:
    """`_mixed` of one number."""
    return int(_mixed(np.array([value], np.uint64))[0])
