"""Which accepted entries an officer looks at before they are scheduled (handbook 6.4)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Bools, Int64s
from cape_engine.errors import SettingError
from cape_engine.rules import Ruleset
from cape_engine.rules.rows import ReviewRule
from cape_engine.schema.codes import Flag
from cape_engine.settings import Settings, catalogue

UInt32s = npt.NDArray[np.uint32]
UInt64s = npt.NDArray[np.uint64]

PER = 10_000
"""The sample is given as entries per ten thousand."""

_FNV_BASIS = 0xCBF29CE484222325
_FNV_PRIME = 0x100000001B3
_MIX_1 = 0xFF51AFD7ED558CCD
_MIX_2 = 0xC4CEB9FE1A85EC53
_MASK = 2**64 - 1


def picked(
    entry_numbers: pa.Array, flags: UInt32s, principal_cents: Int64s, ruleset: Ruleset, settings: Settings
) -> Bools:
    """Entries that go to review: by flag, by amount, or by the seeded sample.

    Args:
        entry_numbers: text, shape (n,).
        flags: `codes.Flag` bits, shape (n,).
        principal_cents: cents, shape (n,).
        ruleset: its review rules are read.
        settings: `schedule.review_*` and `mass.bundled_duty` are read.

    Raises:
        SettingError: `schedule.review_rules` names a rule that review_rules.csv does not have.
    """
    result = np.zeros(len(flags), np.bool_)
    for _, chosen in by_rule(entry_numbers, flags, principal_cents, ruleset, settings):
        result |= chosen
    return result


def by_rule(
    entry_numbers: pa.Array, flags: UInt32s, principal_cents: Int64s, ruleset: Ruleset, settings: Settings
) -> Iterator[tuple[str, Bools]]:
    """For each rule in force, in file order, the entries that it picks; arguments and errors as `picked`."""
    wanted = rules_in_force(ruleset, settings)
    amount = settings.maybe_number("schedule.review_amount_cents")
    sample = settings.number("schedule.review_sample")
    for row in ruleset.review_rules:
        if row.rule in wanted:
            yield row.rule, (flags & np.uint32(flags_of(row))) != 0
        elif row.kind == "amount" and amount is not None:
            yield row.rule, principal_cents >= amount
        elif row.kind == "sample" and sample:
            yield row.rule, sampled(entry_numbers, sample, settings.number("schedule.review_seed"))


def reasons(
    entry_numbers: pa.Array, flags: UInt32s, principal_cents: Int64s, ruleset: Ruleset, settings: Settings
) -> pa.Array:
    """For each entry the rules that pick it, in file order with `;` between; blank where none does.

    Arguments and errors as `picked`.
    """
    found = pa.array([""] * len(flags), pa.string())
    for rule, chosen in by_rule(entry_numbers, flags, principal_cents, ruleset, settings):
        longer = pc.if_else(pc.equal(found, ""), rule, pc.binary_join_element_wise(found, rule, ";"))
        found = pc.if_else(pa.array(chosen), longer, found)
    return found


def rules_in_force(ruleset: Ruleset, settings: Settings) -> frozenset[str]:
    """The flag rules that pick: those switched on in the file, unless `schedule.review_rules` was changed.

    Raises:
        SettingError: the setting names a rule that the file does not have.
    """
    name = "schedule.review_rules"
    known = [row for row in ruleset.review_rules if row.kind == "flag"]
    words = settings.words(name)
    if list(words) == catalogue()[name].default:
        wanted = {row.rule for row in known if row.default_on}
    else:
        strange = sorted(set(words) - {row.rule for row in known})
        if strange:
            listed = ", ".join(row.rule for row in known)
            raise SettingError(f"{name}: {strange[0]!r} is no rule of review_rules.csv, which has {listed}")
        wanted = set(words)
    if settings.text("mass.bundled_duty") == "flag":
        wanted.discard("bundled_duty")
    return frozenset(wanted)


def flags_of(row: ReviewRule) -> Flag:
    """The flags that a rule looks at."""
    result = Flag(0)
    for name in row.flags:
        result |= Flag[name]
    return result


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
