"""The one cause of every refund's difference, from its entries, its numbers at CBP, and its deposits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cape_engine.bridge import NO_DAY, Bools, Int64s
from cape_engine.refund.reconciliation.case import Verdicts, at
from cape_engine.refund.reconciliation.entry_causes import World
from cape_engine.refund.reconciliation.linking import Links
from cape_engine.refund.reconciliation.rows import NONE
from cape_engine.rules.rows import CauseCode


@dataclass(frozen=True, slots=True)
class Sides:
    """Refunds of ours, then refund numbers that belong to none of them.

    Attributes:
        ours: how many of the rows are ours.
        number: int64[strangers], place of the refund number of each row behind ours.
        expected, gross, paid: int64[n], cents that we expect, that CBP computed, and that were paid.
        diverted, returned: int64[n], cents that were kept, or came back.
        refunds, parts, lines: int64[n], refund numbers, payments and deposits of each.
        held, underway, recent: bool[n], held for want of bank data; only sent; issued within the days of settlement.
        elsewhere, stranger: bool[n], paid on another day; paid to somebody else.
        later: bool[n], not liquidated yet.
        lead: int64[n], the cause that most cents of its entries come from, `NONE` where entries explain nothing.
        rolled: int64[n], cents that closed causes of its entries explain.
        told: int64[n], cents by which its entries differ from what we expect, all causes together.
    """

    ours: int
    number: Int64s
    expected: Int64s
    gross: Int64s
    paid: Int64s
    diverted: Int64s
    returned: Int64s
    refunds: Int64s
    parts: Int64s
    lines: Int64s
    held: Bools
    underway: Bools
    recent: Bools
    elsewhere: Bools
    stranger: Bools
    later: Bools
    lead: Int64s
    rolled: Int64s
    told: Int64s
    with_bank: bool


def sides_of(
    world: World, entries: Verdicts, links: Links, causes: Sequence[CauseCode], *, with_bank: bool, settlement: int
) -> Sides:
    """What is known of every refund.

    Args:
        world: entries, reports and what we expect.
        entries: the causes of the entries.
        links: deposits.
        causes: the cause codes, in order.
        with_bank: whether a bank file is given, so that only deposits count as paid.
        settlement: days after issue within which a deposit may still come.
    """
    cohorts, refunds = world.expected.cohorts, world.refunds
    mine = len(cohorts)
    strangers = np.flatnonzero(refunds.cohort < 0)
    size = mine + len(strangers)
    home = refunds.cohort.copy()
    home[strangers] = mine + np.arange(len(strangers))
    tie_home = np.where(links.cohort >= 0, links.cohort, at(home, links.refund, NONE))

    def total(values: Int64s) -> Int64s:
        return _add(home, values, size)

    received = _add(tie_home, np.where(links.came_back, 0, links.share), size)
    lines = _add(tie_home, (~links.came_back).astype(np.int64), size)
    reported_paid = total(refunds.paid)
    count = total(np.ones(len(refunds), np.int64))
    issued = np.full(size, NO_DAY, np.int64)
    np.maximum.at(issued, home, refunds.issued)
    day = np.concatenate([cohorts.day.astype(np.int64), np.full(len(strangers), NO_DAY)])
    known_day = (refunds.day != NO_DAY) & refunds.sure & (refunds.cohort >= 0)
    other_day = known_day & (refunds.day != at(cohorts.day, refunds.cohort, NO_DAY))
    who, ours = refunds.recipient, at(cohorts.recipient, refunds.cohort, NONE)
    other_who = (who >= 0) & (ours >= 0) & (who != ours)
    lead, rolled, told = _rolled(world, entries, causes, size)
    held = total(refunds.held.astype(np.int64)) > 0
    held[:mine] |= cohorts.held & (count[:mine] == 0)
    as_of = world.case.as_of
    return Sides(
        mine,
        strangers,
        np.concatenate([cohorts.amount, np.zeros(len(strangers), np.int64)]),
        total(refunds.gross),
        received if with_bank else reported_paid,
        total(refunds.diverted),
        total(refunds.returned),
        count,
        np.maximum(total(refunds.parts), lines if with_bank else 0),
        lines,
        held & (reported_paid == 0),
        (total(refunds.underway.astype(np.int64)) == count) & (count > 0),
        (issued != NO_DAY) & (issued + settlement >= as_of),
        (total(other_day.astype(np.int64)) > 0),
        (total(other_who.astype(np.int64)) > 0),
        day > as_of,
        lead,
        rolled,
        told,
        with_bank,
    )


def _rolled(world: World, entries: Verdicts, causes: Sequence[CauseCode], size: int) -> tuple[Int64s, Int64s, Int64s]:
    """(the cause of most cents, cents explained, all cents) of the differences of the entries of each refund.

    An entry that was paid with another refund of ours is missing in its own, and too much in that one.
    """
    case, refunds = world.case, world.refunds
    if not len(world.reported):
        return np.full(size, NONE, np.int64), np.zeros(size, np.int64), np.zeros(size, np.int64)
    link = np.where(case.theirs >= 0, at(refunds.cohort, case.refund, NONE), NONE)
    link = np.where((case.theirs >= 0) & (case.refund < 0), case.cohort, link)
    away = link != case.cohort
    explained = np.where(away, -case.expected, entries.explained)
    gone = np.where(away, -case.expected, entries.paid - case.expected)
    closes = np.array([one.closes for one in causes], np.bool_)[entries.cause]
    moved = away & (link >= 0) & (case.theirs >= 0)
    cohort = np.concatenate([case.cohort, link[moved]])
    cause = np.concatenate([entries.cause, entries.cause[moved]]).astype(np.int64)
    cents = np.concatenate([gone, case.reported[moved]])
    counted = np.concatenate([np.where(closes, explained, 0), np.where(closes[moved], case.reported[moved], 0)])
    keep = (cohort >= 0) & (cents != 0)
    cohort, cause, cents, counted = cohort[keep], cause[keep], cents[keep], counted[keep]
    pair, inverse = np.unique(cohort * len(causes) + cause, return_inverse=True)
    sums = _add(inverse.astype(np.int64), cents, len(pair))
    of, which = pair // len(causes), pair % len(causes)
    order = np.lexsort((which, -np.abs(sums), of))
    first = np.append(True, of[order][1:] != of[order][:-1])[: len(order)]
    lead = np.full(size, NONE, np.int64)
    lead[of[order][first]] = which[order][first]
    return lead, _add(cohort, counted, size), _add(cohort, cents, size)


def _add(place: Int64s, values: npt.NDArray[np.int64], size: int) -> Int64s:
    """Sums by place; what has none is left out."""
    found = np.zeros(size, np.int64)
    keep = place >= 0
    np.add.at(found, place[keep], values[keep])
    return found


def cohort_causes(sides: Sides, causes: Sequence[CauseCode], tolerance: int) -> Verdicts:
    """The cause of every refund, tested in the order of the list.

    Args:
        sides: what is known of the refunds.
        causes: in order.
        tolerance: cents that count as rounding.
    """
    verdicts = Verdicts.open(sides.paid)
    difference = sides.paid - sides.expected
    own = np.arange(len(difference)) < sides.ours
    nothing = (sides.refunds == 0) & (sides.lines == 0)
    silent = sides.with_bank & (sides.lines == 0) & ~nothing
    wait = own & ((nothing & sides.later) | (silent & (sides.underway | sides.recent)))
    equal = own & (difference == 0) & ~nothing
    several = (sides.parts > 1) | (sides.lines > 1) | (sides.refunds > 1)
    held_back = -np.where(sides.gross > 0, sides.gross, sides.expected)
    tests: dict[str, tuple[Bools, Int64s]] = {
        "UNKNOWN_IN_REPORT": (~own, np.zeros_like(difference)),
        "HELD_NO_ACH": (own & sides.held & (sides.lines == 0), held_back),
        "RETURNED": (own & (sides.returned > 0), -sides.returned),
        "FUNDS_DIVERTED": (own & (sides.diverted > 0), -sides.diverted),
        "OTHER_RECIPIENT": (own & sides.stranger, np.zeros_like(difference)),
        "OTHER_COHORT": (own & sides.elsewhere & ~silent, np.where(sides.lead >= 0, sides.rolled, 0)),
        "MATCH": (equal & ~several, difference),
        "SPLIT_PAYMENT": (equal & several, difference),
        "NOT_YET": (wait, np.where(nothing, difference, -sides.gross)),
        "MISSING_IN_REPORT": (own & (nothing | silent), np.zeros_like(difference)),
        "ROUNDING": (own & (np.abs(difference) <= tolerance), difference),
        "UNEXPLAINED": (np.ones(len(own), np.bool_), np.where(own, sides.rolled, 0)),
    }
    # Entries speak for their refund where they tell all of its difference, and what was paid is what CBP computed.
    told = own & (difference != 0) & (sides.told == difference) & (sides.paid == sides.gross) & ~nothing
    for number, one in enumerate(causes):
        open_ = verdicts.cause < 0
        where, explained = tests.get(one.cause, (np.zeros(len(own), np.bool_), difference))
        led = told & (sides.lead == number)
        plain, by_entries = np.flatnonzero(where & open_), np.flatnonzero(led & ~where & open_)
        verdicts.give(plain, number, explained[plain])
        verdicts.give(by_entries, number, sides.rolled[by_entries], "by its entries")
    return verdicts
