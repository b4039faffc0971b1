"""Refunds of many acceptance days at once: interest of every entry on every liquidation day it could have."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cape_engine.bridge import NO_DAY, Bools, Int8s, Int32s, Int64s, readonly
from cape_engine.errors import InputError
from cape_engine.refund.amounts import exact_interest
from cape_engine.refund.deposits import Slices
from cape_engine.refund.many import interest_of_slices
from cape_engine.refund.rates import KINDS, SLACK, RateTable, table_in_force
from cape_engine.refund.sums import TOO_MUCH
from cape_engine.rules import Ruleset
from cape_engine.settings import Settings
from cape_kernels import outlook as kernels

FIELDS = kernels.FIELDS
ENTRIES, PRINCIPAL, PAID_ENTRIES, PAID_PRINCIPAL, INTEREST, UNKNOWN = range(FIELDS)
"""Rows of the sums of a group (`cape_kernels.outlook`)."""
_ROOM = 1 << 12
_LOW64 = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Stretches:
    """Plans by acceptance day, as stretches of days on which nothing changes.

    Attributes:
        plans: for the kernel.
        liquidation_days: int32, the days that `plans.paid_day` counts.
        days: how many acceptance days there are.
    """

    plans: kernels.Plans
    liquidation_days: Int32s
    days: int

    @classmethod
    def of(cls, accepted: Bools, liquidation_day: Int32s) -> Stretches:
        """The stretches of plans.

        Args:
            accepted: bool[plans, days], whether entries with this plan are accepted on each day.
            liquidation_day: int32[plans, days], on which they are refunded; `NO_DAY` where they are not.
        """
        days = accepted.shape[1]
        at, start, end = _runs(np.where(accepted, np.int32(0), np.int32(NO_DAY)))
        known = np.unique(liquidation_day[liquidation_day != NO_DAY]).astype(np.int32)
        paid_at, paid_start, paid_end = _runs(liquidation_day)
        dated_at, dated_start, dated_end = _runs(np.where(liquidation_day == NO_DAY, np.int32(NO_DAY), np.int32(0)))
        place = np.searchsorted(known, liquidation_day[paid_at, paid_start]).astype(np.int32)
        plans = kernels.Plans(
            accepted=readonly(_firsts(at, len(accepted))),
            accepted_from=readonly(start),
            accepted_until=readonly(end),
            dated=readonly(_firsts(dated_at, len(accepted))),
            dated_from=readonly(dated_start),
            dated_until=readonly(dated_end),
            paid=readonly(_firsts(paid_at, len(accepted))),
            paid_day=readonly(place),
            paid_from=readonly(paid_start),
            paid_until=readonly(paid_end),
        )
        return cls(plans, known, days)


def _runs(table: Int32s) -> tuple[Int32s, Int32s, Int32s]:
    """(row, first column, column behind the last) of each stretch of equal values that are not `NO_DAY`."""
    known = table != NO_DAY
    differs = np.ones((table.shape[0], table.shape[1] + 1), np.bool_)
    differs[:, 1:-1] = table[:, 1:] != table[:, :-1]
    row, start = np.nonzero(known & differs[:, :-1])
    _, end = np.nonzero(known & differs[:, 1:])
    return row.astype(np.int32), start.astype(np.int32), (end + 1).astype(np.int32)


def _firsts(rows: Int32s, count: int) -> Int32s:
    """First stretch of each of `count` rows, and the end."""
    found = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(rows, minlength=count), out=found[1:])
    return found


class Claimed(NamedTuple):
    """Entries that may be refunded.

    Attributes:
        plan: int32[n], place of each entry's plan.
        group: int32[n], whose sums it adds to.
        kind: int8[n], place in `KINDS`.
        principal_cents: int64[n], at least 0.
        owed_cents: int64[n], what is paid out on its liquidation; 0 for none.
        parts: their slices by deposit.
    """

    plan: Int32s
    group: Int32s
    kind: Int8s
    principal_cents: Int64s
    owed_cents: Int64s
    parts: Slices


@dataclass(slots=True)
class _Table:
    """Growth for the deposit days met so far; a row for each kind and day, the first for days before all rates.

    Attributes:
        growth: for the kernel.
        done: bool, whether the rows of a deposit day are filled in.
    """

    rates: RateTable
    days: Int32s
    lock: threading.Lock = field(default_factory=threading.Lock)
    growth: kernels.Growth = field(init=False)
    done: Bools = field(init=False)

    def __post_init__(self) -> None:
        last = max(int(self.days.max(initial=self.rates.last)), self.rates.last)
        self.done = np.zeros(last - self.rates.origin + 2, np.bool_)
        shape = (len(KINDS) * len(self.done), max(len(self.days), 1))
        self.growth = kernels.Growth(np.zeros(shape, np.uint64), np.zeros(shape, np.uint64), np.zeros(shape, np.int8))

    def places(self, deposits: Int32s) -> Int32s:
        """Row of each deposit day within a kind, filled in."""
        found = np.clip(deposits.astype(np.int64) - self.rates.origin + 1, 0, len(self.done) - 1).astype(np.int32)
        if not self.done[found].all():
            with self.lock:
                for row in np.unique(found[~self.done[found]]).tolist():
                    self._fill(row)
                    self.done[row] = True
        return found

    def _fill(self, row: int) -> None:
        """The growth from one deposit day to every liquidation day."""
        start, rates, (high, low, state) = self.rates.origin + row - 1, self.rates, self.growth
        ends = [(column, end) for column, end in enumerate(self.days.tolist()) if end > start]
        first, gaps = row - 1, rates.gaps
        for kind in range(len(KINDS)):
            place = kind * len(self.done) + row
            for column, end in ends:
                last = end - start + first
                if first < 0 or last >= rates.points or gaps[first] != gaps[last]:
                    state[place, column] = kernels.RATE_MISSING
                    continue
                growth = rates.growth_e128(kind, start, end)
                high[place, column], low[place, column] = growth >> 64, growth & _LOW64
                state[place, column] = kernels.PRICED


class Outlook:
    """Sums of entries by acceptance day, from several threads.

    Args:
        stretches: the plans.
        ruleset: the interest rates.
        settings: `refund.interest_rounding` and `refund.large_corporate_cut` are read.
    """

    def __init__(self, stretches: Stretches, *, ruleset: Ruleset, settings: Settings) -> None:
        self._stretches = stretches
        self._rates = table_in_force(ruleset, settings)
        self._rounding = settings.text("refund.interest_rounding")
        self._table = _Table(self._rates, stretches.liquidation_days)

    def sums(self, claimed: Claimed, groups: int = 1) -> Int64s:
        """What entries come to on each day.

        Args:
            claimed: the entries.
            groups: how many groups they are sorted into.

        Returns:
            int64[groups, FIELDS, days], in entries and cents.

        Raises:
            InputError: their principal passes 2^63 cents.
        """
        _refuse_too_much(claimed.principal_cents)
        width = self._stretches.days + 1
        changes = np.zeros((groups * FIELDS, width), np.int64)
        if self._rounding == "final" and self._rates.fits and not self._rates.large:
            self._by_kernel(claimed, changes)
        else:
            self._by_slices(claimed, changes)
        whole: Int64s = np.cumsum(changes, axis=1)[:, :-1].reshape(groups, FIELDS, width - 1)
        return whole

    def _by_kernel(self, claimed: Claimed, changes: Int64s) -> None:
        """Interest by the compiled walk; the few amounts next to a rounding edge from fractions (Ziv's test)."""
        parts = claimed.parts
        first = _slice_firsts(parts, len(claimed.plan))
        claims = kernels.Claims(
            readonly(claimed.plan),
            readonly(claimed.group),
            readonly(claimed.kind),
            readonly(claimed.principal_cents),
            readonly(claimed.owed_cents),
            readonly(first),
            readonly(parts.amount_cents),
            readonly(self._table.places(parts.day)),
        )
        table = self._table.growth
        growth = kernels.Growth(readonly(table.high), readonly(table.low), readonly(table.state))
        plans = self._stretches.plans
        most = int(np.diff(first).max(initial=0)) * int(np.diff(plans.paid).max(initial=0))
        close = np.zeros((max(_ROOM, most), kernels.CLOSE_FIELDS), np.int64)
        progress = np.zeros(2, np.int64)
        while progress[0] < len(claimed.plan):
            progress[1] = 0
            kernels.sum_outlook(claims, plans, growth, np.uint64(SLACK), changes, close, progress)
            for row in close[: progress[1]].tolist():
                self._add_exact(claimed, row, changes)

    def _add_exact(self, claimed: Claimed, row: list[int], changes: Int64s) -> None:
        """Add one amount that the kernel left out."""
        parts = claimed.parts
        part, into = row[kernels.SLICE], row[kernels.GROUP] * FIELDS + INTEREST
        cents = exact_interest(
            int(parts.amount_cents[part]),
            self._rates,
            int(claimed.kind[parts.entry[part]]),
            int(parts.day[part]),
            int(self._stretches.liquidation_days[row[kernels.DAY]]),
        )
        changes[into, row[kernels.FROM]] += cents
        changes[into, row[kernels.UNTIL]] -= cents

    def _by_slices(self, claimed: Claimed, changes: Int64s) -> None:
        """The same from the arrays that a run prices with: an entry for each of its liquidation days, one by one."""
        plans, row = self._stretches.plans, claimed.group.astype(np.int64) * FIELDS
        entry, place = _expanded(plans.accepted, claimed.plan)
        for at, sign in ((plans.accepted_from, 1), (plans.accepted_until, -1)):
            np.add.at(changes, (row[entry] + ENTRIES, at[place]), sign)
            np.add.at(changes, (row[entry] + PRINCIPAL, at[place]), sign * claimed.principal_cents[entry])
        entry, place = _expanded(plans.paid, claimed.plan)
        chosen = claimed.owed_cents[entry] > 0
        entry, place = entry[chosen], place[chosen]
        end = self._stretches.liquidation_days[plans.paid_day[place]]
        whole, part = _expanded(_slice_firsts(claimed.parts, len(claimed.plan)), entry)
        # An entry's stretches are entries of their own here, so that its slices are added up stretch by stretch.
        slices = Slices(
            entry=readonly(whole),
            amount_cents=readonly(claimed.parts.amount_cents[part]),
            day=readonly(claimed.parts.day[part]),
            single=False,
            known=np.zeros(0, np.bool_),
            estimated=np.zeros(0, np.bool_),
            missing=np.zeros(0, np.bool_),
            uncovered=np.zeros(0, np.bool_),
        )
        interest, known = np.zeros(len(entry), np.int64), np.ones(len(entry), np.bool_)
        if len(whole):
            amounts, rated = interest_of_slices(
                slices, readonly(claimed.kind[entry]), readonly(end), self._rates, self._rounding
            )
            np.add.at(interest, whole, amounts)
            known[whole[~rated]] = False
        for at, sign in ((plans.paid_from, 1), (plans.paid_until, -1)):
            np.add.at(changes, (row[entry] + PAID_ENTRIES, at[place]), sign)
            np.add.at(changes, (row[entry] + PAID_PRINCIPAL, at[place]), sign * claimed.owed_cents[entry])
            np.add.at(changes, (row[entry] + INTEREST, at[place]), sign * np.where(known, interest, 0))
            np.add.at(changes, (row[entry] + UNKNOWN, at[place]), sign * ~known)


def _slice_firsts(parts: Slices, count: int) -> Int32s:
    """First slice of each of `count` entries, and the end."""
    return _firsts(parts.entry.astype(np.int64), count)


def _expanded(firsts: Int32s, rows: npt.NDArray[np.integer]) -> tuple[Int64s, Int64s]:
    """(place among `rows`, place among what they own) of everything that some rows own, one after the other."""
    begin = firsts[rows].astype(np.int64)
    count = firsts[rows + 1] - begin
    owner = np.repeat(np.arange(len(rows)), count)
    ends = np.cumsum(count)
    return owner, np.arange(int(ends[-1]) if len(ends) else 0) + (begin - (ends - count))[owner]


def _refuse_too_much(cents: Int64s) -> None:
    """Refuse amounts whose sum could pass 64 bits."""
    if len(cents) and int(cents.max()) * len(cents) >= 1 << 62 and sum(cents.tolist()) >= 1 << 62:
        raise InputError(TOO_MUCH.format("this store"))


def refunds_by_day(recipient: Int32s, plan: Int32s, stretches: Stretches) -> Int64s:
    """How many refunds (recipient and liquidation day) each acceptance day leads to (handbook 7.3).

    Args:
        recipient: int32[n], whoever shares a refund shares the number; from 0.
        plan: int32[n], place of the plan of a refunded entry.
        stretches: the plans.

    Returns:
        int64[days].
    """
    order = np.argsort(recipient)  # in whatever order a recipient's own rows come
    met = np.zeros((max(len(stretches.liquidation_days), 1), stretches.days), np.int32)
    count = np.zeros(stretches.days, np.int64)
    kernels.count_refunds(readonly(recipient[order] + np.int32(1)), readonly(plan[order]), stretches.plans, met, count)
    return count
