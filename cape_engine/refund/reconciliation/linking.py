"""Deposits tied to refunds: by trace, by reference, by amount and day, and by sums; what is ambiguous stays untied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import NO_DAY, Bools, Int64s
from cape_engine.findings import Findings
from cape_engine.intake.bulk import add_rows
from cape_engine.money import cents_text
from cape_engine.refund.reconciliation.expected import Expected
from cape_engine.refund.reconciliation.reading import RETURNED
from cape_engine.refund.reconciliation.refund_numbers import Refunds
from cape_engine.refund.reconciliation.rows import NONE, Rows, Vocabularies
from cape_engine.refund.reconciliation.solver import MOST, sums_of
from cape_engine.schema import reconciliation as c

BY_TRACE, BY_REFERENCE, BY_AMOUNT, BY_SUM, AMBIGUOUS, UNTIED = range(6)
_ROUNDS = 4
_PAIRS = 64
_FEW, _FEW_RECIPIENTS = 8, 3
_SOLVED = 5_000
"""Deposits whose sums are tried, at most."""


@dataclass(frozen=True, slots=True)
class Links:
    """Which deposit pays what.

    Attributes:
        how: int8[lines], how each deposit was tied.
        choices: int64[lines], refunds or sums that fit an ambiguous deposit.
        line, cohort, refund: int64[m], the ties; `NONE` where a tie has no refund of ours, or no number of CBP's.
        share: int64[m], cents of the deposit that belong to the tie.
        came_back: bool[m], the payment was returned by the bank.
    """

    how: npt.NDArray[np.int8]
    choices: Int64s
    line: Int64s
    cohort: Int64s
    refund: Int64s
    share: Int64s
    came_back: Bools


@dataclass(frozen=True, slots=True)
class _Units:
    """Payments that no deposit was tied to by a number: amounts with the days on which they may arrive."""

    amount: Int64s
    day: Int64s
    recipient: Int64s
    cohort: Int64s
    refund: Int64s

    def take(self, places: Int64s | Bools) -> _Units:
        """Some of them."""
        return _Units(*(getattr(self, name)[places] for name in self.__dataclass_fields__))


class Linker:
    """Ties deposits step by step.

    Args:
        bank: deposits.
        expected: what we expect.
        refunds: what reports say of refund numbers.
        words: vocabularies of all reports.
        deposit_days: days after liquidation within which a deposit may be a refund.
        findings: takes what is ambiguous or nobody expects.
    """

    def __init__(
        self,
        bank: Rows,
        expected: Expected,
        refunds: Refunds,
        words: Vocabularies,
        deposit_days: int,
        findings: Findings,
    ) -> None:
        self.bank = bank
        self.amount = bank.get(c.DEPOSIT_AMOUNT)
        self.day = bank.get(c.VALUE_DATE)
        self.who = bank.get(c.REPORT_RECIPIENT)
        self.expected = expected
        self.refunds = refunds
        self.words = words
        self.window = deposit_days
        self.findings = findings
        size = len(bank)
        self.how = np.full(size, UNTIED, np.int8)
        self.choices = np.zeros(size, np.int64)
        self.ties: list[tuple[Int64s, Int64s, Int64s, Int64s, Bools]] = []

    def links(self) -> Links:
        """All ties."""
        self._by_trace()
        self._by_reference()
        units = self._units()
        units = self._by_amount(units)
        units = self._by_sum(units)
        self._by_lines(units)
        nothing = np.empty(0, np.int64)
        columns = [np.concatenate([nothing, *(tie[place] for tie in self.ties)]) for place in range(4)]
        back = np.concatenate([np.empty(0, np.bool_), *(tie[4] for tie in self.ties)])
        self._say()
        return Links(self.how, self.choices, columns[0], columns[1], columns[2], columns[3], back)

    def _tie(
        self, line: Int64s, cohort: Int64s, refund: Int64s, share: Int64s, how: int, back: Bools | None = None
    ) -> None:
        """Tie deposits."""
        self.how[line] = how
        self.ties.append((line, cohort, refund, share, np.zeros(len(line), np.bool_) if back is None else back))

    def _open(self) -> Int64s:
        """Deposits that are not tied yet."""
        return np.flatnonzero(self.how == UNTIED)

    def _tie_refunds(self, line: Int64s, refund: Int64s, how: int, back: Bools | None = None) -> None:
        """Tie deposits to CBP's refund numbers."""
        self._tie(line, self.refunds.cohort[refund], refund, self.amount[line], how, back)

    def _by_trace(self) -> None:
        """Deposits whose trace a report names."""
        payments = self.refunds.payments
        known = np.flatnonzero(payments.trace >= 0)
        if not len(known):
            return
        order = known[np.argsort(payments.trace[known], kind="stable")]
        trace = self.bank.get(c.ACH_TRACE_NUMBER)
        place = np.minimum(np.searchsorted(payments.trace[order], trace), len(order) - 1)
        hit = np.flatnonzero((payments.trace[order][place] == trace) & (trace >= 0))
        payment = order[place[hit]]
        self._tie_refunds(hit, payments.refund[payment], BY_TRACE, payments.status[payment] == RETURNED)

    def _by_reference(self) -> None:
        """Deposits whose reference holds one number of CBP's, or one key of ours."""
        rows = self._open()
        codes = self.bank.get(c.BANK_REFERENCE)[rows]
        texts = pa.concat_arrays([self.words.of(c.BANK_REFERENCE).words, pa.array([""])])
        if len(texts) == 1 or not (codes >= 0).any():
            return
        parts = pc.split_pattern_regex(texts, r"[^0-9A-Z]+")
        owner = pc.list_parent_indices(parts).to_numpy()
        flat = parts.flatten()
        names = self.words.of(c.REFUND_NUMBER).words.take(pa.array(self.refunds.code))
        for values, ours in ((names, False), (self.expected.cohorts.key, True)):
            for tokens, of in ((texts, np.arange(len(texts))), (flat, owner)):
                place = pc.fill_null(pc.index_in(tokens, value_set=values, skip_nulls=True), NONE)
                found = place.to_numpy(zero_copy_only=False).astype(np.int64)
                self._one_each(of[found >= 0], found[found >= 0], len(texts), ours=ours)

    def _one_each(self, of: Int64s, found: Int64s, size: int, *, ours: bool) -> None:
        """Tie deposits whose reference names exactly one refund."""
        rows = self._open()
        low, high = np.full(size, np.iinfo(np.int64).max), np.full(size, NONE, np.int64)
        np.minimum.at(low, of, found)
        np.maximum.at(high, of, found)
        code = self.bank.get(c.BANK_REFERENCE)[rows]
        hit = (code >= 0) & (low[code] == high[code]) & (high[code] >= 0)
        line, place = rows[hit], high[code[hit]]
        if ours:
            self._tie(line, place, np.full(len(line), NONE), self.amount[line], BY_REFERENCE)
        else:
            self._tie_refunds(line, place, BY_REFERENCE)

    def _units(self) -> _Units:
        """Payments of refunds that no deposit is tied to: as reports show them, else our own parts."""
        cohorts, refunds, payments = self.expected.cohorts, self.refunds, self.refunds.payments
        paid_refund, paid_cohort = np.zeros(len(refunds) + 1, np.bool_), np.zeros(len(cohorts) + 1, np.bool_)
        for _line, cohort, refund, _share, _back in self.ties:
            paid_refund[refund] = True
            paid_cohort[cohort] = True
        paid_refund[-1] = paid_cohort[-1] = False
        linked = refunds.cohort[payments.refund]
        open_ = ~paid_refund[payments.refund] & ~paid_cohort[linked] & ~refunds.held[payments.refund]
        open_ &= (payments.status < 2) & (payments.amount > 0)  # noqa: PLR2004 - sent, issued, or not said
        shown = np.flatnonzero(open_)
        of = payments.refund[shown]
        day = np.where(payments.day[shown] != NO_DAY, payments.day[shown], refunds.day[of])
        day = np.where(day != NO_DAY, day, np.append(cohorts.day, np.int32(NO_DAY))[linked[shown]])
        who = np.where(
            refunds.recipient[of] >= 0, refunds.recipient[of], np.append(cohorts.recipient, NONE)[linked[shown]]
        )
        reported = np.zeros(len(cohorts) + 1, np.bool_)
        reported[refunds.cohort] = True
        own = np.flatnonzero(~reported[cohorts.part_cohort] & ~paid_cohort[cohorts.part_cohort])
        mine = cohorts.part_cohort[own]
        return _Units(
            np.concatenate([payments.amount[shown], cohorts.part_amount[own]]),
            np.concatenate([day, cohorts.day[mine]]).astype(np.int64),
            np.concatenate([who, cohorts.recipient[mine]]).astype(np.int64),
            np.concatenate([linked[shown], mine]),
            np.concatenate([of, np.full(len(own), NONE)]),
        )

    def _fits(self, line: Int64s, units: _Units, unit: Int64s) -> Bools:
        """Pairs whose days and recipients go together."""
        day, who = units.day[unit], units.recipient[unit]
        late = self.day[line] - day
        inside = (day == NO_DAY) | ((late >= 0) & (late <= self.window))
        found: Bools = inside & ((who < 0) | (self.who[line] < 0) | (who == self.who[line]))
        return found

    def _by_amount(self, units: _Units) -> _Units:
        """Deposits and payments of one amount, where each fits the other only."""
        order = np.argsort(units.amount, kind="stable")
        units = units.take(order)
        free = np.ones(len(units.amount), np.bool_)
        for _round in range(_ROUNDS):
            line, unit = self._pairs(units, free)
            if not len(line):
                break
            one = np.bincount(line, minlength=len(self.bank)) == 1
            alone = np.bincount(unit, minlength=len(free)) == 1
            sure = one[line] & alone[unit]
            sure |= self._equal_parts(line, unit, units)
            if not sure.any():
                self.how[line] = AMBIGUOUS
                self.choices[:] = np.where(
                    self.how == AMBIGUOUS, np.bincount(line, minlength=len(self.bank)), self.choices
                )
                break
            line, unit = line[sure], unit[sure]
            self._tie(line, units.cohort[unit], units.refund[unit], self.amount[line], BY_AMOUNT)
            free[unit] = False
        return units.take(free)

    def _pairs(self, units: _Units, free: Bools) -> tuple[Int64s, Int64s]:
        """Untied deposits and free payments of the same amount; too many equal ones are ambiguous at once."""
        rows = self._open()
        low = np.searchsorted(units.amount, self.amount[rows], "left")
        high = np.searchsorted(units.amount, self.amount[rows], "right")
        many = high - low > _PAIRS
        self.how[rows[many]] = AMBIGUOUS
        self.choices[rows[many]] = (high - low)[many]
        rows, low, high = rows[~many], low[~many], high[~many]
        counts = high - low
        line = np.repeat(rows, counts)
        unit = np.repeat(low - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
        keep = free[unit] & self._fits(line, units, unit)
        return line[keep], unit[keep]

    @staticmethod
    def _equal_parts(line: Int64s, unit: Int64s, units: _Units) -> Bools:
        """Pairs of one refund that was split into equal parts: the first deposit is the first part, and so on."""
        cohort = units.cohort[unit]
        low, high = np.full(line.max() + 1, np.iinfo(np.int64).max), np.full(line.max() + 1, NONE - 1, np.int64)
        np.minimum.at(low, line, cohort)
        np.maximum.at(high, line, cohort)
        single = (low[line] == high[line]) & (cohort >= 0)
        group = np.unique(np.where(single, cohort, NONE), return_inverse=True)[1]
        found = np.zeros(len(line), np.bool_)
        several = np.bincount(group[single], minlength=1) > 1
        for one in np.flatnonzero(several).tolist():
            rows = np.flatnonzero((group == one) & single)
            lines, places = np.unique(line[rows], return_inverse=True)
            parts, ranks = np.unique(unit[rows], return_inverse=True)
            if 1 < len(parts) == len(lines):
                found[rows] = places == ranks
        return found

    def _by_sum(self, units: _Units) -> _Units:
        """Deposits that are the sum of two to four payments of one recipient, where only one such sum exists."""
        free = np.ones(len(units.amount), np.bool_)
        many = 0
        rows = self._open()
        units = units.take(np.argsort(units.recipient, kind="stable"))
        low, high = (np.searchsorted(units.recipient, self.who, side) for side in ("left", "right"))
        for line in rows[:_SOLVED].tolist():
            named = self.who[line] >= 0
            near = np.arange(low[line], high[line]) if named else np.arange(len(free))
            near = near[free[near] & (units.amount[near] < self.amount[line])]
            near = near[self._fits(np.full(len(near), line), units, near)]
            groups = self._groups(near, units, int(self.who[line]))
            if groups is None:
                many += 1
                continue
            answers = [(group, sums_of(units.amount[group], int(self.amount[line]))) for group in groups]
            count = sum(answer.number for _group, answer in answers)
            if count > 1:
                self.how[line], self.choices[line] = AMBIGUOUS, count
            if count != 1:
                continue
            chosen = next(group[list(answer.places)] for group, answer in answers if answer.number)
            lines = np.full(len(chosen), line)
            self._tie(lines, units.cohort[chosen], units.refund[chosen], units.amount[chosen], BY_SUM)
            free[chosen] = False
        many += max(len(rows) - _SOLVED, 0)
        if many:
            self.findings.add("DEPOSITS_TOO_MANY", value=many, count=MOST)
        return units.take(free)

    @staticmethod
    def _groups(near: Int64s, units: _Units, who: int) -> list[Int64s] | None:
        """The payments that may be one deposit together, by recipient; None where they are too many to mean anything.

        A deposit arrives at one recipient. Where it does not name him, sums of many recipients' payments would fit by
        chance.
        """
        names = units.recipient[near]
        if who >= 0:
            named = near[names == who]
            return [named] if len(named) <= MOST else None
        apart = np.unique(names)
        if len(apart) > _FEW_RECIPIENTS and len(near) > _FEW:
            return None
        groups = [near[names == name] for name in apart.tolist()]
        return groups if all(len(group) <= MOST for group in groups) else None

    def _by_lines(self, units: _Units) -> None:
        """Refunds that are the sum of two to four deposits, where only one such sum exists."""
        rows = self._open()[:_SOLVED]
        if not len(rows) or not len(units.amount):
            return
        order = np.argsort(units.cohort, kind="stable")
        units = units.take(order[units.cohort[order] >= 0])
        starts = np.flatnonzero(np.append(True, units.cohort[1:] != units.cohort[:-1])[: len(units.cohort)])
        if not len(starts):
            return
        total = np.add.reduceat(units.amount, starts)
        counts = np.diff(np.append(starts, len(units.cohort)))
        few, nameless = np.zeros(len(starts), np.int64), np.zeros(len(starts), np.int64)
        for line in rows.tolist():
            fits = self._fits(np.full(len(starts), line), units, starts) & (self.amount[line] < total)
            few += fits
            nameless += fits & (self.who[line] < 0)
        alone = len(np.unique(self.expected.cohorts.recipient)) <= _FEW_RECIPIENTS
        good = (few > 1) & (few <= MOST) & ((nameless <= _FEW) | alone)
        for place in np.flatnonzero(good).tolist():
            first = starts[place]
            rows = self._open()
            near = rows[self._fits(rows, units, np.full(len(rows), first)) & (self.amount[rows] < total[place])]
            if len(near) < 2:  # noqa: PLR2004 - a sum has two parts
                continue
            answer = sums_of(self.amount[near], int(total[place]))
            if answer.number == 1:
                chosen = near[list(answer.places)]
                refund = units.refund[first] if counts[place] == 1 else NONE
                size = len(chosen)
                self._tie(
                    chosen, np.full(size, units.cohort[first]), np.full(size, refund), self.amount[chosen], BY_SUM
                )

    def _say(self) -> None:
        """Findings for ambiguous deposits, and for those that nobody expects."""
        for code, how in (("DEPOSIT_AMBIGUOUS", AMBIGUOUS), ("DEPOSIT_UNEXPECTED", UNTIED)):
            rows = np.flatnonzero(self.how == how)
            add_rows(
                self.findings,
                code,
                len(rows),
                source=pa.array([self.bank.sources[place] for place in self.bank.source[rows].tolist()], pa.string()),
                row=self.bank.row[rows],
                value=pa.array([cents_text(cents) for cents in self.amount[rows].tolist()], pa.string()),
                choices=self.choices[rows],
            )
