"""The one cause of every entry's difference: tests on whole columns, taken in the order of `cause_codes.csv`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from cape_engine.bridge import NO_DAY, Bools, Int64s
from cape_engine.refund.reconciliation.case import Case, Verdicts, at
from cape_engine.refund.reconciliation.expected import Expected
from cape_engine.refund.reconciliation.fits import names_of
from cape_engine.refund.reconciliation.refund_numbers import Refunds
from cape_engine.refund.reconciliation.reported import Reported
from cape_engine.refund.reconciliation.rows import NONE
from cape_engine.rules.rows import CauseCode


class World(NamedTuple):
    """What the tests may ask.

    Attributes:
        case: entries side by side.
        reported: what reports say of entries.
        refunds: what they say of refund numbers.
        expected: what we expect.
        tolerance: cents that count as rounding.
    """

    case: Case
    reported: Reported
    refunds: Refunds
    expected: Expected
    tolerance: int


class Hit(NamedTuple):
    """What a test found among some entries.

    Attributes:
        where: bool[k], the cause fits.
        explained: int64[k], cents that it explains.
        detail: int64[k], place in `words`; -1 for nothing to say.
        words: what is said.
        kept: bool[k], nothing was paid: held, kept or returned.
    """

    where: Bools
    explained: Int64s
    detail: Int64s | None = None
    words: Sequence[str] = ()
    kept: bool = False


Test = Callable[[World, Int64s], Hit]


def entry_causes(world: World, causes: Sequence[CauseCode]) -> Verdicts:
    """The cause of every entry.

    Args:
        world: what the tests may ask.
        causes: in the order in which they are tested.
    """
    case = world.case
    verdicts = Verdicts.open(case.reported)
    open_ = np.arange(len(case.key))
    for number, one in enumerate(causes):
        test = TESTS[one.cause]
        if not len(open_):
            break
        hit = test(world, open_)
        places = open_[hit.where]
        if not len(places):
            continue
        verdicts.give(places, number, hit.explained[hit.where])
        if hit.kept:
            verdicts.paid[places] = 0
        if hit.detail is not None:
            codes = np.array([*(verdicts.details.code(word) for word in hit.words), NONE], np.int32)
            verdicts.detail[places] = codes[hit.detail[hit.where]]
        open_ = open_[~hit.where]
    return verdicts


def _difference(case: Case, places: Int64s) -> Int64s:
    """Reported less expected."""
    found: Int64s = case.reported[places] - case.expected[places]
    return found


def _unknown(world: World, places: Int64s) -> Hit:
    """Theirs only."""
    return Hit(world.case.ours[places] < 0, np.zeros(len(places), np.int64))


def _whole(world: World, places: Int64s, of_refund: Bools, of_cohort: Bools) -> Hit:
    """Entries whose whole refund was not paid; one that no report names goes with our refund."""
    case = world.case
    named = case.theirs[places] >= 0
    where = np.where(named, at(of_refund, case.refund[places], 0) > 0, at(of_cohort, case.cohort[places], 0) > 0)
    gone = -np.where(named, case.reported[places], case.expected[places])
    return Hit(where & (case.ours[places] >= 0), gone, kept=True)


def _by_cohort(world: World, of_refund: Bools) -> Bools:
    """Our refunds, all of whose refund numbers are such."""
    refunds, size = world.refunds, len(world.expected.cohorts)
    linked = refunds.cohort >= 0
    all_, such = np.zeros(size, np.int64), np.zeros(size, np.int64)
    np.add.at(all_, refunds.cohort[linked], 1)
    np.add.at(such, refunds.cohort[linked & of_refund], 1)
    found: Bools = (all_ > 0) & (all_ == such)
    return found


def _held(world: World, places: Int64s) -> Hit:
    """The refund is held for want of bank data: a report says so, or we hold it and no report knows it."""
    refunds, cohorts = world.refunds, world.expected.cohorts
    known = np.zeros(len(cohorts), np.bool_)
    known[refunds.cohort[refunds.cohort >= 0]] = True
    return _whole(world, places, refunds.held, _by_cohort(world, refunds.held) | (cohorts.held & ~known))


def _returned(world: World, places: Int64s) -> Hit:
    """The whole refund came back."""
    refunds = world.refunds
    such = (refunds.returned > 0) & (refunds.paid == 0) & (refunds.diverted == 0)
    return _whole(world, places, such, _by_cohort(world, such))


def _diverted(world: World, places: Int64s) -> Hit:
    """The whole refund was kept for a debt."""
    refunds = world.refunds
    such = (refunds.diverted > 0) & (refunds.paid == 0) & (refunds.returned == 0)
    return _whole(world, places, such, _by_cohort(world, such))


def _duplicate(world: World, places: Int64s) -> Hit:
    """Paid under another claim: instead of ours, or once more."""
    theirs = world.case.theirs[places]
    other, own = at(world.reported.other, theirs, 0), at(world.reported.own, theirs, 0) > 0
    detail = np.where(own, 0, 1)
    words = ("paid under another claim too", "paid under another claim instead")
    return Hit(other > 0, np.where(own, other, 0), detail, words)


def _other_recipient(world: World, places: Int64s) -> Hit:
    """Somebody else was paid."""
    case = world.case
    ours, said = case.recipient[places], case.said_recipient[places]
    where = case.both[places] & (ours >= 0) & (said >= 0) & (ours != said)
    return Hit(where, np.zeros(len(places), np.int64))


def _other_cohort(world: World, places: Int64s) -> Hit:
    """Paid with the refunds of another day; interest runs to that day."""
    case = world.case
    where = case.both[places] & (case.said_day[places] != NO_DAY) & (case.said_day[places] != case.day[places])
    rows = np.flatnonzero(where)
    chosen = places[rows]
    explained, detail = np.zeros(len(places), np.int64), np.full(len(places), NONE, np.int64)
    names = names_of()
    figure = case.reported[chosen] - case.principal[chosen]
    same = case.reported[chosen] == case.expected[chosen]
    fit = case.fits.fit(chosen, case.principal[chosen], np.where(same, NONE, figure), names)
    apart = case.apart(chosen)
    good = np.where(apart, case.reported_principal[chosen] == case.principal[chosen], same | (fit >= 0))
    where[rows] = good
    explained[rows] = np.where(fit >= 0, _difference(case, chosen), 0)
    detail[rows] = fit
    return Hit(where, explained, np.where(detail > 0, detail, NONE), names)


def _match(world: World, places: Int64s) -> Hit:
    """Equal to the cent, in one refund; or nothing expected and nothing reported."""
    case = world.case
    equal = case.both[places] & (case.reported[places] == case.expected[places])
    principal = ~case.apart(places) | (case.reported_principal[places] == case.principal[places])
    single = at(world.reported.refunds, case.theirs[places], 0) <= 1
    nothing = (case.theirs[places] < 0) & (case.expected[places] == 0) & (case.day[places] != NO_DAY)
    zero = (case.theirs[places] < 0) & (case.principal[places] == 0)
    return Hit((equal & principal & single) | nothing | zero, np.zeros(len(places), np.int64))


def _split(world: World, places: Int64s) -> Hit:
    """Several refund numbers come to what we expect."""
    case = world.case
    equal = case.both[places] & (case.reported[places] == case.expected[places])
    several = at(world.reported.refunds, case.theirs[places], 0) > 1
    return Hit(equal & several, np.zeros(len(places), np.int64))


def _not_yet(world: World, places: Int64s) -> Hit:
    """Not in any report, and not liquidated yet."""
    case = world.case
    day = case.day[places]
    where = (case.theirs[places] < 0) & ((day == NO_DAY) | (day > case.as_of))
    return Hit(where, -case.expected[places])


def _missing(world: World, places: Int64s) -> Hit:
    """Ours only."""
    return Hit(world.case.theirs[places] < 0, np.zeros(len(places), np.int64))


def _by_principal(world: World, places: Int64s, principal: Int64s, note: str = "") -> Hit:
    """Another principal, with the interest on it by any convention; interest that none gives is left."""
    case = world.case
    rows = np.flatnonzero(case.both[places] & (principal >= 0) & (principal != case.principal[places]))
    chosen, wanted = places[rows], principal[rows]
    apart = case.apart(chosen)
    rows = rows[~apart | (case.reported_principal[chosen] == wanted)]
    chosen, wanted = places[rows], principal[rows]
    names = names_of()
    fit = case.fits.fit(chosen, wanted, case.reported[chosen] - wanted, names).astype(np.int64)
    apart = case.apart(chosen)
    where, explained = np.zeros(len(places), np.bool_), np.zeros(len(places), np.int64)
    detail = np.full(len(places), NONE, np.int64)
    where[rows] = apart | (fit >= 0)
    explained[rows] = np.where(fit >= 0, _difference(case, chosen), wanted - case.principal[chosen])
    known = np.where(fit >= 0, fit, len(names))
    detail[rows] = known
    words = [
        *(f"{note}{name}" if number else note.rstrip(", ") for number, name in enumerate(names)),
        note + "interest by no convention",
    ]
    return Hit(where, explained, detail, words)


def _either(first: Hit, second: Hit) -> Hit:
    """What the first of two tests found, else the second."""
    one = np.where(first.where, first.detail if first.detail is not None else NONE, NONE)
    two = second.detail if second.detail is not None else np.full(len(one), NONE)
    detail = np.where(first.where, one, np.where(two >= 0, two + len(first.words), NONE))
    return Hit(
        first.where | second.where,
        np.where(first.where, first.explained, second.explained),
        detail,
        (*first.words, *second.words),
    )


def _prior(world: World, places: Int64s) -> Hit:
    """CBP took off an earlier refund, as its report says; or it did not take off the one that we know of."""
    case = world.case
    said = at(world.reported.prior, case.theirs[places], 0)
    taken = np.where(said > 0, case.principal[places] - said, NONE)
    first = _by_principal(world, places, taken, "CBP took off an earlier refund, ")
    known = np.where(case.prior[places] > 0, case.principal[places] + case.prior[places], NONE)
    return _either(first, _by_principal(world, places, known, "the earlier refund was not taken off, "))


def _mode_gap(world: World, places: Int64s) -> Hit:
    """The principal of mode B."""
    return _by_principal(world, places, world.case.mode_b[places])


def _column1(world: World, places: Int64s) -> Hit:
    """The principal of plain deletion."""
    return _by_principal(world, places, world.case.plain[places])


def _netted(world: World, places: Int64s) -> Hit:
    """Less what the report says was set off, or less the duty that lines were underpaid by."""
    case = world.case
    said = at(world.reported.netted, case.theirs[places], 0)
    taken = np.where(said > 0, case.principal[places] - said, NONE)
    first = _by_principal(world, places, taken, "as the report says, ")
    under = case.under[places]
    short = np.where(under > 0, np.maximum(case.principal[places] - under, 0), NONE)
    return _either(first, _by_principal(world, places, short, "underpaid lines, "))


def _by_interest(cause: str) -> Test:
    """The test for conventions of one cause."""

    def test(world: World, places: Int64s) -> Hit:
        """Our principal, with interest by such a convention."""
        case = world.case
        names = names_of(cause)
        good = ~case.apart(places) | (case.reported_principal[places] == case.principal[places])
        rows = np.flatnonzero(case.both[places] & good)
        chosen = places[rows]
        fit = case.fits.fit(chosen, case.principal[chosen], case.reported[chosen] - case.principal[chosen], names)
        detail = np.full(len(places), NONE, np.int64)
        detail[rows] = fit
        return Hit(detail >= 0, _difference(case, places), detail, names)

    return test


def _rounding(world: World, places: Int64s) -> Hit:
    """Within the tolerance."""
    case = world.case
    difference = _difference(case, places)
    return Hit(case.both[places] & (np.abs(difference) <= world.tolerance), difference)


def _unexplained(world: World, places: Int64s) -> Hit:
    """Whatever is left."""
    where = np.ones(len(places), np.bool_)
    lost = world.case.fits.unknown(places) & world.case.both[places]
    words = ("our interest cannot be computed again (several deposits, or no deposit day)",)
    return Hit(where, np.zeros(len(places), np.int64), np.where(lost, 0, NONE), words)


TESTS: dict[str, Test] = {
    "UNKNOWN_IN_REPORT": _unknown,
    "HELD_NO_ACH": _held,
    "RETURNED": _returned,
    "FUNDS_DIVERTED": _diverted,
    "DUPLICATE_CLAIM": _duplicate,
    "OTHER_RECIPIENT": _other_recipient,
    "OTHER_COHORT": _other_cohort,
    "MATCH": _match,
    "SPLIT_PAYMENT": _split,
    "NOT_YET": _not_yet,
    "MISSING_IN_REPORT": _missing,
    "PRIOR_REFUND": _prior,
    "MODE_GAP": _mode_gap,
    "COLUMN1_NOT_RESTORED": _column1,
    "NETTED": _netted,
    "RATE_KIND": _by_interest("RATE_KIND"),
    "INTEREST_METHOD": _by_interest("INTEREST_METHOD"),
    "INTEREST_DATES": _by_interest("INTEREST_DATES"),
    "ROUNDING": _rounding,
    "UNEXPLAINED": _unexplained,
}
"""The test of every cause."""
