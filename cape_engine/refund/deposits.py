"""Which deposits a refund comes from: slices of principal, each with the day its interest starts (handbook 7.1)."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import NO_DAY, Bools, Int32s, Int64s, days, either, integers, readonly, single
from cape_engine.schema.facts import AMOUNT_CENTS, DEPOSIT_DATE, ENTRY_DATE, ENTRY_NUMBER, PRIOR_REFUND_CENTS
from cape_engine.settings import Settings


@dataclass(frozen=True, slots=True)
class Slices:
    """Parts of principals with the day each was deposited.

    Attributes:
        entry: int64[slices], row of the entry; ascending.
        amount_cents: int64[slices], part of its principal, above 0.
        day: int32[slices], day of the deposit.
        single: no entry has more than one slice.
        known: bool[entries], the deposit day is given, by the header or by the deposits file.
        estimated: bool[entries], the entry date stands in for it (`refund.deposit_fallback`).
        missing: bool[entries], no day at all: no interest.
        uncovered: bool[entries], the deposits file does not cover the whole principal: the rest earns nothing.
    """

    entry: Int64s
    amount_cents: Int64s
    day: Int32s
    single: bool
    known: Bools
    estimated: Bools
    missing: Bools
    uncovered: Bools


def slices(
    entries: pa.Table, principal_cents: Int64s, paid: Bools, *, deposits: pa.Table | None, settings: Settings
) -> Slices:
    """Cut the principal of every paid entry into slices by deposit.

    The deposits file counts before the header's deposit day, that before `refund.deposit_fallback`.

    Args:
        entries: rows of the store's entries.
        principal_cents: int64[entries], at least 0.
        paid: bool[entries], the entry is refunded now.
        deposits: rows of `schema.facts.DEPOSITS_FILE`, of any entries, in any order.
        settings: `refund.deposit_fallback`, `refund.deposit_allocation`.
    """
    count = len(paid)
    day = days(entries, DEPOSIT_DATE)
    listed, entry, amount, start = _from_file(entries, principal_cents, paid, deposits, settings)
    known = paid & (listed | (day != NO_DAY))
    estimated = np.zeros(count, np.bool_)
    if settings.text("refund.deposit_fallback") == "entry_date":
        entered = days(entries, ENTRY_DATE)
        estimated = paid & ~known & (entered != NO_DAY)
        day = either(estimated, entered, day)
    whole = np.flatnonzero((known | estimated) & ~listed)
    uncovered = np.zeros(count, np.bool_)
    of_whole, day_of_whole = principal_cents[whole], day[whole]
    if listed.any():
        covered = np.zeros(count, np.int64)
        np.add.at(covered, entry, amount)
        uncovered = paid & listed & (covered < principal_cents)
        entry = np.concatenate([entry, whole])
        order = np.argsort(entry, kind="stable")
        whole, of_whole = entry[order], np.concatenate([amount, of_whole])[order]
        day_of_whole = np.concatenate([start, day_of_whole])[order]
    return Slices(
        entry=readonly(whole),
        amount_cents=readonly(of_whole),
        day=readonly(day_of_whole),
        single=not len(entry),
        known=known,
        estimated=estimated,
        missing=paid & ~known & ~estimated,
        uncovered=uncovered,
    )


_SORTED: list[tuple[pa.Table, pa.Table]] = []
"""The deposits file that was asked for last, and its rows by entry number: a run asks for it in every partition."""
_LOCK = threading.Lock()


def _of_numbers(deposits: pa.Table, numbers: pa.Array) -> pa.Table:
    """The stretch of the deposits file between the smallest and the largest of some entry numbers.

    A partition holds neighbouring entry numbers: it looks into its own rows and not into those of a nation.
    """
    with _LOCK:
        known = [rows for table, rows in _SORTED if table is deposits]
        if not known:
            by_number = single(deposits, ENTRY_NUMBER).cast(pa.string())
            known = [deposits.take(pc.sort_indices(by_number)).combine_chunks()]
            _SORTED[:] = [(deposits, known[0])]
    rows = known[0]
    listed = single(rows, ENTRY_NUMBER)
    edges = pc.min_max(numbers)
    if not edges["min"].is_valid:
        return rows.slice(0, 0)
    first = bisect_left(listed, edges["min"].as_py(), key=_text)
    last = bisect_right(listed, edges["max"].as_py(), key=_text)
    return rows.slice(first, last - first)


def _text(number: pa.Scalar) -> str:
    """An entry number of the deposits file; those that are missing stand at its end."""
    text: str | None = number.as_py()
    return chr(0x10FFFF) if text is None else text


def _from_file(
    entries: pa.Table, principal_cents: Int64s, paid: Bools, deposits: pa.Table | None, settings: Settings
) -> tuple[Bools, Int64s, Int64s, Int32s]:
    """Entries the deposits file names, and their slices (row of the entry, cents, day)."""
    listed = np.zeros(len(paid), np.bool_)
    nothing = np.zeros(0, np.int64)
    if deposits is None or not deposits.num_rows or not len(paid):
        return listed, nothing, nothing, nothing.astype(np.int32)
    deposits = _of_numbers(deposits, single(entries, ENTRY_NUMBER))
    place = pc.index_in(single(deposits, ENTRY_NUMBER).cast(pa.string()), value_set=single(entries, ENTRY_NUMBER))
    entry = pc.fill_null(place, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    day, amount = days(deposits, DEPOSIT_DATE), integers(deposits, AMOUNT_CENTS, 0)
    used = (entry >= 0) & (day != NO_DAY) & (amount > 0)
    listed[entry[used]] = True
    used &= paid[entry]  # a row of -1 is not used already
    entry, day, amount = entry[used], day[used], amount[used]
    if not len(entry):
        return listed, nothing, nothing, nothing.astype(np.int32)
    last_first = settings.text("refund.deposit_allocation") == "last_first"
    order = np.lexsort((-day.astype(np.int64) if last_first else day, entry))
    entry, day, amount = entry[order], day[order], amount[order]
    # Deposits of one day are one slice, so that the single rounding does not depend on how a day was split.
    begins = np.flatnonzero(np.r_[True, (entry[1:] != entry[:-1]) | (day[1:] != day[:-1])])
    entry, day, amount = entry[begins], day[begins], np.add.reduceat(amount, begins)
    of_entry = np.flatnonzero(np.r_[True, entry[1:] != entry[:-1]])
    running = np.cumsum(amount) - amount
    before = running - np.repeat(running[of_entry], np.diff(np.r_[of_entry, len(entry)]))
    # An earlier refund has consumed deposits in the same order already (clarification 29).
    earlier = integers(entries, PRIOR_REFUND_CENTS, 0)[entry]
    taken = np.clip(earlier + principal_cents[entry] - before, 0, amount) - np.clip(earlier - before, 0, amount)
    kept = taken > 0
    return listed, entry[kept], taken[kept], day[kept]
