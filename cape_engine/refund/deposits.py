"""Which deposits a refund comes from: slices of principal, each with the day its interest starts (handbook 7.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import NO_DAY, Bools, Int32s, Int64s, days, integers, readonly, single
from cape_engine.schema.facts import AMOUNT_CENTS, DEPOSIT_DATE, ENTRY_DATE, ENTRY_NUMBER, PRIOR_REFUND_CENTS
from cape_engine.settings import Settings


@dataclass(frozen=True, slots=True)
class Slices:
    """Parts of principals with the day each was deposited.

    Attributes:
        entry: int64[slices], row of the entry; ascending.
        amount_cents: int64[slices], part of its principal, above 0.
        day: int32[slices], day of the deposit.
        known: bool[entries], the deposit day is given, by the header or by the deposits file.
        estimated: bool[entries], the entry date stands in for it (`refund.deposit_fallback`).
        missing: bool[entries], no day at all: no interest.
        uncovered: bool[entries], the deposits file does not cover the whole principal: the rest earns nothing.
    """

    entry: Int64s
    amount_cents: Int64s
    day: Int32s
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
    day = days(entries, DEPOSIT_DATE).copy()
    listed, entry, amount, start = _from_file(entries, principal_cents, paid, deposits, settings)
    covered = np.zeros(count, np.int64)
    np.add.at(covered, entry, amount)
    known = paid & (listed | (day != NO_DAY))
    estimated = np.zeros(count, np.bool_)
    if settings.text("refund.deposit_fallback") == "entry_date":
        entered = days(entries, ENTRY_DATE)
        estimated = paid & ~known & (entered != NO_DAY)
        day[estimated] = entered[estimated]
    whole = np.flatnonzero(paid & ~listed & (day != NO_DAY))
    entry = np.concatenate([entry, whole])
    order = np.argsort(entry, kind="stable")
    return Slices(
        entry=readonly(entry[order]),
        amount_cents=readonly(np.concatenate([amount, principal_cents[whole]])[order]),
        day=readonly(np.concatenate([start, day[whole]])[order]),
        known=known,
        estimated=estimated,
        missing=paid & ~known & ~estimated,
        uncovered=paid & listed & (covered < principal_cents),
    )


def _from_file(
    entries: pa.Table, principal_cents: Int64s, paid: Bools, deposits: pa.Table | None, settings: Settings
) -> tuple[Bools, Int64s, Int64s, Int32s]:
    """Entries the deposits file names, and their slices (row of the entry, cents, day)."""
    listed = np.zeros(len(paid), np.bool_)
    nothing = np.zeros(0, np.int64)
    if deposits is None or not deposits.num_rows or not len(paid):
        return listed, nothing, nothing, nothing.astype(np.int32)
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
