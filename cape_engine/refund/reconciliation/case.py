"""Entries of ours and of the reports side by side: one row for each entry that either of them names."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cape_engine.bridge import NO_DAY, Bools, Int64s
from cape_engine.dates import day_number
from cape_engine.refund.reconciliation.expected import Expected
from cape_engine.refund.reconciliation.fits import Days, Fits
from cape_engine.refund.reconciliation.refund_numbers import Refunds
from cape_engine.refund.reconciliation.reported import Reported
from cape_engine.refund.reconciliation.rows import NONE
from cape_engine.rules import Ruleset


class Details:
    """Words that say what exactly a difference equals."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._codes: dict[str, int] = {}

    def code(self, word: str) -> int:
        """The number of a word; -1 for none."""
        if not word:
            return NONE
        if word not in self._codes:
            self._codes[word] = len(self.words)
            self.words.append(word)
        return self._codes[word]


@dataclass(slots=True)
class Verdicts:
    """The causes of some rows while they are found.

    Attributes:
        cause: int16[n], place in the list of causes; -1 while it is open.
        paid: int64[n], cents.
        explained: int64[n], cents of paid less expected.
        detail: int32[n], code in `details`.
        details: their words.
    """

    cause: npt.NDArray[np.int16]
    paid: Int64s
    explained: Int64s
    detail: npt.NDArray[np.int32]
    details: Details = field(default_factory=Details)

    @classmethod
    def open(cls, paid: Int64s) -> Verdicts:
        """Nothing is found yet."""
        size = len(paid)
        return cls(np.full(size, NONE, np.int16), paid.copy(), np.zeros(size, np.int64), np.full(size, NONE, np.int32))

    def give(self, places: Int64s, cause: int, explained: Int64s | int = 0, detail: str = "") -> None:
        """These rows come from this cause."""
        self.cause[places] = cause
        self.explained[places] = explained
        self.detail[places] = self.details.code(detail)


@dataclass(frozen=True, slots=True)
class Case:
    """Every entry that we expect or a report names, ascending by key.

    Attributes:
        key: int64[n].
        ours, theirs: int64[n], place among our entries and the reported ones, `NONE` where absent.
        principal, interest, expected: int64[n], cents that we expect; 0 where we expect nothing.
        reported_principal, reported_interest: int64[n], `NONE` where not told apart or not reported.
        reported: int64[n], cents, 0 where not reported.
        day: int64[n], our (re)liquidation day, `NO_DAY` while it waits or is not ours.
        said_day: int64[n], the day that a report gives, or that of the refund the entry was paid with.
        recipient, said_recipient: int64[n], codes, `NONE` where unknown.
        cohort: int64[n], our refund, `NONE` where none.
        refund: int64[n], place of CBP's refund, `NONE` where none.
        mode_b, plain, prior, under: int64[n], see `expected.Entries`; `under`: underpaid duty of lines.
        fits: finds conventions.
        as_of: day of the reconciliation.
    """

    key: Int64s
    ours: Int64s
    theirs: Int64s
    principal: Int64s
    interest: Int64s
    expected: Int64s
    reported_principal: Int64s
    reported_interest: Int64s
    reported: Int64s
    day: Int64s
    said_day: Int64s
    recipient: Int64s
    said_recipient: Int64s
    cohort: Int64s
    refund: Int64s
    mode_b: Int64s
    plain: Int64s
    prior: Int64s
    under: Int64s
    fits: Fits
    as_of: int

    @property
    def both(self) -> Bools:
        """Entries that we expect and that are reported."""
        return (self.ours >= 0) & (self.theirs >= 0)

    def apart(self, places: Int64s) -> Bools:
        """Entries whose principal and interest are reported apart."""
        found: Bools = self.reported_principal[places] >= 0
        return found


def at(values: npt.NDArray[np.integer] | Bools, places: Int64s, nothing: int) -> Int64s:
    """Values at places as int64, something else where there is no place."""
    padded = np.append(values.astype(np.int64, copy=False), np.int64(nothing))
    found: Int64s = padded[places]
    return found


def case_of(
    expected: Expected,
    reported: Reported,
    refunds: Refunds,
    under: tuple[Int64s, Int64s],
    as_of: dt.date,
    ruleset: Ruleset,
) -> Case:
    """Our entries and the reported ones side by side.

    Args:
        expected: what we expect.
        reported: what reports say.
        refunds: what reports say of refund numbers.
        under: (entry keys ascending, cents) of underpaid duty on lines, which netting would set off.
        as_of: day of the reconciliation.
        ruleset: the interest rates.
    """
    mine = expected.entries
    key = np.concatenate([mine.key, reported.key])
    key.sort(kind="stable")  # two ascending runs: merged, not sorted
    key = key[np.append(True, key[1:] != key[:-1])[: len(key)]]
    ours, theirs = _found(mine.key, key), _found(reported.key, key)
    refund = refunds.places(at(reported.refund, theirs, NONE))
    link = np.where(at(refunds.sure, refund, 0) > 0, at(refunds.cohort, refund, NONE), NONE)
    said_day = at(reported.date, theirs, NO_DAY)
    said_day = np.where(said_day == NO_DAY, at(refunds.day, refund, NO_DAY), said_day)
    said_day = np.where(said_day == NO_DAY, at(expected.cohorts.day, link, NO_DAY), said_day)
    who = at(reported.recipient, theirs, NONE)
    who = np.where(who < 0, at(refunds.recipient, refund, NONE), who)
    who = np.where(who < 0, at(expected.cohorts.recipient, link, NONE), who)
    principal, interest = at(mine.principal, ours, 0), at(mine.interest, ours, 0)
    day = at(mine.day, ours, NO_DAY)
    days = Days(
        at(mine.start, ours, NO_DAY).astype(np.int32),
        np.where(said_day == NO_DAY, day, said_day).astype(np.int32),
        at(mine.entered, ours, NO_DAY).astype(np.int32),
        at(refunds.issued, refund, NO_DAY).astype(np.int32),
    )
    slices = mine.slices
    if slices is not None and len(key) != len(mine):
        slices = (np.searchsorted(key, mine.key)[slices[0]], slices[1], slices[2])
    return Case(
        key,
        ours,
        theirs,
        principal,
        interest,
        principal + interest,
        at(reported.principal, theirs, NONE),
        at(reported.interest, theirs, NONE),
        at(reported.total, theirs, 0),
        day,
        said_day,
        at(mine.recipient, ours, NONE),
        who,
        at(mine.cohort, ours, NONE),
        refund,
        at(mine.mode_b, ours, NONE),
        at(mine.plain, ours, NONE),
        at(mine.prior, ours, 0),
        at(under[1], _found(under[0], key), 0),
        Fits(principal, interest, days, day.astype(np.int32), slices, ruleset),
        day_number(as_of),
    )


def _found(known: Int64s, wanted: Int64s) -> Int64s:
    """Place of each wanted key among ascending known ones, `NONE` where it is not there."""
    if known is wanted:
        return np.arange(len(wanted))
    if not len(known):
        return np.full(len(wanted), NONE, np.int64)
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[place] == wanted, place, NONE)
