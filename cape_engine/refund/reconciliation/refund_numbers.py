"""What reports say of each refund number: amounts by status, traces, days, and which of our refunds it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cape_engine.bridge import NO_DAY, Bools, Int64s
from cape_engine.refund.reconciliation.expected import Expected
from cape_engine.refund.reconciliation.reading import DIVERTED, ISSUED, RETURNED, SENT
from cape_engine.refund.reconciliation.reported import Lines, amounts, places_of
from cape_engine.refund.reconciliation.rows import NONE, Rows
from cape_engine.schema import reconciliation as c


@dataclass(frozen=True, slots=True)
class Payments:
    """Payments that reports show, one row per refund number, trace and whether the money was diverted.

    Attributes:
        refund: int64[n], place of the refund.
        trace: int64[n], code of the trace, `NONE` where none is given.
        status: int64[n], last status; `NONE` where none is given.
        amount: int64[n], cents.
        day: int64[n], day of the last status, `NO_DAY` where not given.
    """

    refund: Int64s
    trace: Int64s
    status: Int64s
    amount: Int64s
    day: Int64s


@dataclass(frozen=True, slots=True)
class Refunds:
    """Refund numbers, ascending by code.

    Attributes:
        code: int64[n], code of the number.
        gross: int64[n], cents that CBP computed, whatever became of them.
        paid: int64[n], cents that were sent or issued, or of which no status is given.
        diverted, returned: int64[n], cents that were kept, or came back and were not paid again.
        held: bool[n], listed as held for want of bank data.
        parts: int64[n], payments that were sent or issued.
        underway: bool[n], all that was paid is only sent, not issued.
        day: int64[n], (re)liquidation day that a report gives, `NO_DAY` where none.
        issued: int64[n], last day of a status, `NO_DAY` where none.
        recipient: int64[n], code, `NONE` where not given.
        cohort: int64[n], our refund that it is, `NONE` where none.
        sure: bool[n], more than half of its entries are of that refund (or it was found by recipient, day and amount).
        payments: what the numbers consist of.
    """

    code: Int64s
    gross: Int64s
    paid: Int64s
    diverted: Int64s
    returned: Int64s
    held: Bools
    parts: Int64s
    underway: Bools
    day: Int64s
    issued: Int64s
    recipient: Int64s
    cohort: Int64s
    sure: Bools
    payments: Payments

    def __len__(self) -> int:
        return len(self.code)

    def places(self, codes: Int64s) -> Int64s:
        """Place of each code, `NONE` where it is none."""
        return _place(self.code, codes)


def refunds_of(rev603: Rows, rev613: Rows, rev615: Rows, lines: Lines, mine: Int64s, expected: Expected) -> Refunds:
    """All refund numbers of all reports.

    Args:
        rev603: rows of REV-603, perhaps none.
        rev613: rows of REV-613.
        rev615: rows of REV-615.
        lines: rows of entry reports, which give amounts where no report of refunds does.
        mine: int64[lines], place of the entry of each among ours, `NONE` where it is not ours.
        expected: what we expect.
    """
    codes = [rows.get(c.REFUND_NUMBER) for rows in (rev603, rev613, rev615)]
    seen = np.zeros(max(int(values.max(initial=NONE)) for values in (*codes, lines.refund)) + 2, np.bool_)
    for values in (*codes, lines.refund):
        seen[values] = True
    every = np.flatnonzero(seen[:-1])
    size = len(every)
    payments = _payments(rev603, rev615, lines, every)
    status, amount, place = payments.status, payments.amount, payments.refund
    said = _sum(place, amount, (status == SENT) | (status == ISSUED), size)
    unsaid = _sum(place, amount, status < 0, size)
    came_back = _sum(place, amount, status == RETURNED, size)
    diverted = _sum(place, amount, status == DIVERTED, size)
    again = (came_back > 0) & (said > 0)
    listed = np.isin(every, rev613.get(c.REFUND_NUMBER))
    held_sum = _sum(_place(every, codes[1]), np.maximum(rev613.get(c.REFUND_AMOUNT), 0), codes[1] >= 0, size)
    returned = np.where(again, 0, came_back)
    gross = said + unsaid + returned + diverted
    # What a report of entries says of a refund without status counts as paid, unless another one says that it is held.
    held = listed & (said == 0)
    paid = np.where(held, 0, said + unsaid)
    gross = np.where(held & (gross == 0), held_sum, gross)
    good = (status == SENT) | (status == ISSUED) | (status < 0)
    only_sent = (_sum(place, amount, status == SENT, size) > 0) & (_sum(place, amount, status != SENT, size) == 0)
    reports = (rev603, rev613, rev615)
    day = _agreed(every, [(rows.get(c.REFUND_NUMBER), rows.get(c.REFUND_DATE)) for rows in reports], NO_DAY)
    day = np.where(day == NO_DAY, _agreed(every, [(lines.refund, lines.date)], NO_DAY), day)
    who = _agreed(every, [(rows.get(c.REFUND_NUMBER), rows.get(c.REPORT_RECIPIENT)) for rows in reports], NONE)
    who = np.where(who < 0, _agreed(every, [(lines.refund, lines.recipient)], NONE), who)
    cohort, sure = _linked(every, gross, day, who, lines, mine, expected)
    return Refunds(
        every,
        gross,
        paid,
        diverted,
        returned,
        held,
        _sum(place, np.ones_like(amount), good & (amount > 0), size),
        only_sent,
        day,
        _latest(every, [(every[place], payments.day)]),
        who,
        cohort,
        sure,
        payments,
    )


def _payments(rev603: Rows, rev615: Rows, lines: Lines, every: Int64s) -> Payments:
    """The payments of all refund numbers: of REV-603, else of REV-615, else what entry reports come to."""
    first = _last_status(rev603, rev603.get(c.REFUND_AMOUNT), every, added=False)
    by_entry = _last_status(rev615, amounts(rev615)[2], every, added=True)
    told = np.zeros(len(every), np.bool_)
    told[first.refund] = True
    found = [first, _only(by_entry, ~told[by_entry.refund])]
    size = len(every)
    known = np.zeros(size + 1, np.bool_)
    for one in found:
        known[one.refund] = True
    place = _place(every, lines.refund)
    open_ = (place >= 0) & ~known[place]
    sums = _sum(place, lines.total, open_, size)
    there = np.zeros(size, np.bool_)
    there[place[open_]] = True
    rest = np.flatnonzero(there)
    nothing = np.full(len(rest), NONE, np.int64)
    found.append(Payments(rest, nothing, nothing, sums[rest], np.full(len(rest), NO_DAY, np.int64)))
    return Payments(*(np.concatenate([getattr(one, name) for one in found]) for name in Payments.__dataclass_fields__))


def _only(payments: Payments, keep: Bools) -> Payments:
    """Some payments."""
    return Payments(*(getattr(payments, name)[keep] for name in Payments.__dataclass_fields__))


def _last_status(rows: Rows, amount: Int64s, every: Int64s, *, added: bool) -> Payments:
    """One row per refund number, trace and diverted or not, with its last status.

    Args:
        rows: of a report of refunds.
        amount: cents of each row.
        every: codes of refund numbers, ascending.
        added: whether the amounts of the rows are added up (rows of entries), or the last row counts.
    """
    place = _place(every, rows.get(c.REFUND_NUMBER))
    keep = np.flatnonzero(place >= 0)
    place, amount = place[keep], amount[keep]
    trace, status, day = (rows.get(column)[keep] for column in (c.ACH_TRACE_NUMBER, c.REFUND_STATUS, c.STATUS_DATE))
    diverted = (status == DIVERTED).astype(np.int64)
    order = np.lexsort((np.arange(len(keep)), day, diverted, trace, place))
    place, trace, status, day, amount, diverted = (
        values[order] for values in (place, trace, status, day, amount, diverted)
    )
    last = np.append((place[1:] != place[:-1]) | (trace[1:] != trace[:-1]) | (diverted[1:] != diverted[:-1]), True)[
        : len(place)
    ]
    ends = np.flatnonzero(last)
    starts = np.append(0, ends[:-1] + 1)[: len(ends)]
    sums = np.add.reduceat(amount, starts) if added and len(starts) else amount[ends]
    return Payments(place[ends], trace[ends], status[ends], sums, day[ends])


def _linked(
    every: Int64s, gross: Int64s, day: Int64s, who: Int64s, lines: Lines, mine: Int64s, expected: Expected
) -> tuple[Int64s, Bools]:
    """Our refund behind each number, and whether that is sure: by its entries, else by who, when and how much."""
    cohorts, entries = expected.cohorts, expected.entries
    place = _place(every, lines.refund)
    cohort = np.append(entries.cohort, NONE)[mine]
    votes = (place >= 0) & (cohort >= 0)
    width = np.int64(len(cohorts) + 1)
    pairs, counts = _counted(place[votes] * width + cohort[votes])
    of_refund, of_cohort = pairs // width, pairs % width
    order = np.lexsort((of_cohort, -counts, of_refund))
    first = np.append(True, of_refund[order][1:] != of_refund[order][:-1])[: len(order)]
    total = np.zeros(len(every), np.int64)
    np.add.at(total, of_refund, counts)
    top = order[first]
    link, sure = np.full(len(every), NONE, np.int64), np.zeros(len(every), np.bool_)
    link[of_refund[top]] = of_cohort[top]
    sure[of_refund[top]] = 2 * counts[top] > total[of_refund[top]]
    # Where a report names recipient and day, that refund of ours is it, if but one of its entries is there.
    named = _by_day(day, who, expected)
    backed = (named >= 0) & (places_of(pairs, np.arange(len(every)) * width + named) >= 0)
    link[backed], sure[backed] = named[backed], True
    _link_the_rest(link, sure, gross, day, who, expected)
    return link, sure


def _counted(values: Int64s) -> tuple[Int64s, Int64s]:
    """(the different values, ascending, how often each occurs); sorted, as hashing them took longer."""
    ordered = np.sort(values)
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
    return ordered[first], np.diff(np.append(first, len(ordered)))


def _by_day(day: Int64s, who: Int64s, expected: Expected) -> Int64s:
    """Our only refund of that recipient and day, `NONE` where there is none or several."""
    cohorts = expected.cohorts
    if not len(cohorts):
        return np.full(len(day), NONE, np.int64)
    key = cohorts.recipient.astype(np.int64) << 32 | (cohorts.day.astype(np.int64) - NO_DAY)
    order = np.argsort(key, kind="stable")
    wanted = who << 32 | (day - NO_DAY)
    low, high = np.searchsorted(key[order], wanted, "left"), np.searchsorted(key[order], wanted, "right")
    single = (high - low == 1) & (who >= 0) & (day != NO_DAY)
    return np.where(single, order[np.minimum(low, len(order) - 1)], NONE)


def _link_the_rest(link: Int64s, sure: Bools, gross: Int64s, day: Int64s, who: Int64s, expected: Expected) -> None:
    """Numbers without entries of ours: by recipient and day, else by recipient and amount, where only one fits."""
    cohorts = expected.cohorts
    taken = np.zeros(len(cohorts), np.bool_)
    taken[link[link >= 0]] = True
    for theirs, ours in (
        ((who, day, None), (cohorts.recipient, cohorts.day, None)),
        ((who, None, gross), (cohorts.recipient, None, cohorts.amount)),
    ):
        rows = np.flatnonzero((link < 0) & (who >= 0) & ((theirs[1] is None) | (day != NO_DAY)))
        free = np.flatnonzero(~taken & (cohorts.recipient >= 0))
        second, mine = (theirs[1], ours[1]) if theirs[1] is not None else (theirs[2], ours[2])
        assert second is not None  # noqa: S101 - one of both is given
        assert mine is not None  # noqa: S101 - as above
        table: dict[tuple[int, int], list[int]] = {}
        for place, recipient, value in zip(
            free.tolist(), cohorts.recipient[free].tolist(), mine[free].tolist(), strict=True
        ):
            table.setdefault((recipient, value), []).append(place)
        found: dict[int, list[int]] = {}
        for row, recipient, value in zip(rows.tolist(), who[rows].tolist(), second[rows].tolist(), strict=True):
            fits = table.get((recipient, value), [])
            if len(fits) == 1:
                found.setdefault(fits[0], []).append(row)
        for place, claimants in found.items():
            if len(claimants) == 1:
                link[claimants[0]], sure[claimants[0]], taken[place] = place, True, True


def _place(every: Int64s, codes: Int64s) -> Int64s:
    """Place of each code among ascending ones, `NONE` where it is none of them; codes are small numbers, looked up."""
    table = np.full(max(int(every.max(initial=0)), int(codes.max(initial=0))) + 2, NONE, np.int64)
    table[every] = np.arange(len(every))
    found: Int64s = table[codes]
    return found


def _sum(place: Int64s, values: Int64s, where: Bools, size: int) -> Int64s:
    """Sums by place."""
    found = np.zeros(size, np.int64)
    keep = where & (place >= 0)
    np.add.at(found, place[keep], values[keep])
    return found


def _latest(every: Int64s, said: list[tuple[Int64s, Int64s]]) -> Int64s:
    """The last day that rows say of each code; `NO_DAY` where they say none."""
    found = np.full(len(every), NO_DAY, np.int64)
    for codes, values in said:
        place = _place(every, codes)
        keep = place >= 0
        np.maximum.at(found, place[keep], values[keep])
    return found


def _agreed(every: Int64s, said: list[tuple[Int64s, Int64s]], nothing: int) -> Int64s:
    """What all rows that say something say of each code; nothing where they contradict each other."""
    low, high = np.full(len(every), np.iinfo(np.int64).max), np.full(len(every), np.iinfo(np.int64).min)
    for codes, values in said:
        place = _place(every, codes)
        keep = (place >= 0) & (values != nothing)
        np.minimum.at(low, place[keep], values[keep])
        np.maximum.at(high, place[keep], values[keep])
    return np.where(low == high, low, nothing)
