"""The slow twin of a reconciliation's entries: one entry at a time, from handbook 7.6, in plain Python."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from reference.conventions import Refund, interest
from reference.refund_reports import Number, amounts, statuses

RANKED = ("es022", "rev615", "es701")
TOLERANCE = 10


class Twin:
    """Everything that the causes of entries depend on.

    Args:
        entries, refunds: of the run, as dictionaries.
        payments: parts of the refunds, in their order.
        reports: rows by report.
        causes: cause codes in the order in which they are tested.
        conventions: names of interest conventions and their causes, in order.
        as_of: day of the reconciliation.
    """

    def __init__(
        self,
        entries: Sequence[Mapping[str, Any]],
        refunds: Sequence[Mapping[str, Any]],
        payments: Sequence[Mapping[str, Any]],
        reports: Mapping[str, list[dict[str, Any]]],
        causes: Sequence[str],
        conventions: Mapping[str, str],
        as_of: dt.date,
    ) -> None:
        self.entries = {one["entry_number"]: one for one in entries}
        keys = [one["payment_id"] for one in payments if one["part"] == 1]
        self.cohorts = dict(zip(keys, refunds, strict=True))
        self.causes, self.conventions, self.as_of = causes, conventions, as_of
        self.claims: dict[str, set[str]] = defaultdict(set)
        for row in reports.get("claim_details", []):
            self.claims[row["entry_number"].strip('="')].add(row["claim_number"].strip('="'))
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for report in RANKED:
            for row in reports.get(report, []):
                known = self.rows[row["entry_number"]]
                if not known or known[0]["report"] == report:
                    known.append({**row, "report": report, **amounts(row)})
        self.numbers: dict[str, Number] = defaultdict(Number)
        statuses(reports, [row for rows in self.rows.values() for row in rows], self.numbers)
        self._links()

    def _links(self) -> None:
        """Our refund behind each number: that of its recipient and day if an entry is there, else that of most."""
        votes: dict[str, Counter[str]] = defaultdict(Counter)
        for entry, rows in self.rows.items():
            for row in rows:
                mine = self.entries.get(entry, {}).get("payment_id")
                if mine and row["refund_number"]:
                    votes[row["refund_number"]][mine] += 1
        order = {key: place for place, key in enumerate(self.cohorts)}
        for number, one in self.numbers.items():
            named = [
                key
                for key, refund in self.cohorts.items()
                if refund["liquidation_date"] == one.day and refund["recipient"].replace("-", "") == one.recipient
            ]
            found = votes[number]
            if named and found[named[0]]:
                one.cohort, one.sure = named[0], True
            elif found:
                best = min(found, key=lambda key: (-found[key], order[key]))
                one.cohort, one.sure = best, 2 * found[best] > sum(found.values())

    def answers(self) -> dict[str, tuple[str, int]]:
        """(cause, cents explained) of every entry."""
        every = sorted(set(self.entries) | set(self.rows))
        return {entry: self._answer(entry) for entry in every}

    def _answer(self, entry: str) -> tuple[str, int]:
        """The first cause that fits."""
        one = Entry(self, entry)
        for cause in self.causes:
            explained = getattr(one, cause.lower())()
            if explained is not None:
                return cause, explained
        raise AssertionError(entry)


class Entry:
    """One entry: each method is the test of one cause, cents explained or None."""

    def __init__(self, twin: Twin, entry: str) -> None:
        self.twin = twin
        self.mine = twin.entries.get(entry)
        self.rows = twin.rows.get(entry, [])
        mine = self.mine or {"principal_cents": 0, "interest_cents": 0}
        self.principal = mine["principal_cents"]
        self.expected = self.principal + mine["interest_cents"]
        own = twin.claims.get(entry, set())
        claim = next(iter(own)) if len(own) == 1 else self._guessed()
        foreign = [
            bool(row["claim_number"]) and claim is not None and row["claim_number"] != claim for row in self.rows
        ]
        self.other = sum(row["total"] for row, strange in zip(self.rows, foreign, strict=True) if strange)
        self.own = [row for row, strange in zip(self.rows, foreign, strict=True) if not strange]
        self.strange = any(foreign)
        counted = self.own or self.rows
        self.lead = counted[0] if counted else None
        self.reported = sum(row["total"] for row in self.rows)
        apart = bool(counted) and all(row["principal"] is not None for row in counted)
        self.paid_principal = sum(row["principal"] for row in counted) if apart else None
        self.prior = sum(row.get("prior_refund") or 0 for row in counted)
        self.set_off = sum(row.get("netted_amount") or 0 for row in counted)
        self.numbers = {row["refund_number"] for row in counted if row["refund_number"]}
        self.number = twin.numbers.get(self.lead["refund_number"]) if self.lead else None
        self.day = self._own_day()
        self.said_day, self.who = self._said()

    def _guessed(self) -> str | None:
        """Our claim where nobody says it: the one that comes to what we expect, else the first."""
        if len(self.rows) < 2:
            return None
        sums: dict[str, int] = {}
        for row in self.rows:
            if row["claim_number"]:
                sums[row["claim_number"]] = sums.get(row["claim_number"], 0) + row["total"]
        return min(sums, key=lambda claim: (sums[claim] != self.expected, list(sums).index(claim)), default=None)

    def _own_day(self) -> dt.date | None:
        """Our day, None while it waits."""
        if self.mine is None or self.mine["action"] == "wait":
            return None
        day: dt.date | None = self.mine["liquidation_date"]
        return day

    def _said(self) -> tuple[dt.date | None, str]:
        """Day and recipient that reports give."""
        if self.lead is None:
            return None, ""
        link = (
            self.twin.cohorts[self.number.cohort] if self.number and self.number.sure and self.number.cohort else None
        )
        day = self.lead["refund_date"] or (self.number.day if self.number else None)
        day = day or (link["liquidation_date"] if link else None)
        who = self.lead["recipient"].replace("-", "") or (self.number.recipient if self.number else "")
        return day, who or (link["recipient"].replace("-", "") if link else "")

    @property
    def both(self) -> bool:
        """Expected and reported."""
        return self.mine is not None and bool(self.rows)

    @property
    def difference(self) -> int:
        """Reported less expected."""
        found: int = self.reported - self.expected
        return found

    def _interest(self, name: str, principal: int, end: dt.date | None, kind: str) -> int:
        """Interest by a convention; -1 where a day is not known."""
        assert self.mine is not None
        paid = self.number.issued if self.number else None
        needs_entry, needs_payment = "entry" in name, "payment" in name
        if end is None or self.mine["interest_from"] is None or (needs_payment and paid is None):
            return -1
        if needs_entry and self.mine["entry_date"] is None:
            return -1
        days = (self.mine["interest_from"], end, kind, self.mine["entry_date"] or end, paid or end)
        return interest(name, Refund(principal, *days))

    def _kind(self) -> str | None:
        """The importer kind whose rates give our own interest."""
        assert self.mine is not None
        for kind in ("corporate", "noncorporate"):
            if self._interest("exact", self.principal, self.day, kind) == self.mine["interest_cents"]:
                return kind
        return "corporate" if not self.principal else None

    def fits(self, principal: int, figure: int, cause: str = "") -> bool:
        """Whether a convention (of a cause) gives the figure."""
        kind = self._kind()
        if kind is None or figure < 0 or principal < 0:
            return False
        end = self.said_day or self.day
        names = [name for name, of in self.twin.conventions.items() if not cause or of == cause]
        return any(self._interest(name, principal, end, kind) == figure for name in names)

    def unknown_in_report(self) -> int | None:
        """Theirs only."""
        return 0 if self.mine is None else None

    def _whole(self, cause: str) -> int | None:
        """The whole refund was not paid."""
        if self.mine is None:
            return None
        if self.rows:
            return -self.reported if self.number and self.number.whole == cause else None
        linked = [one for one in self.twin.numbers.values() if one.cohort == self.mine["payment_id"] and one.cohort]
        return -self.expected if linked and all(one.whole == cause for one in linked) else None

    def held_no_ach(self) -> int | None:
        """Held for want of bank data."""
        return self._whole("HELD_NO_ACH")

    def returned(self) -> int | None:
        """Came back."""
        return self._whole("RETURNED")

    def funds_diverted(self) -> int | None:
        """Kept for a debt."""
        return self._whole("FUNDS_DIVERTED")

    def duplicate_claim(self) -> int | None:
        """Paid under another claim."""
        if self.other <= 0:
            return None
        return self.other if self.own else 0

    def other_recipient(self) -> int | None:
        """Somebody else was paid."""
        ours = (self.mine or {}).get("recipient") or ""
        return 0 if self.both and ours and self.who and ours.replace("-", "") != self.who else None

    def other_cohort(self) -> int | None:
        """Paid on another day."""
        if not self.both or self.said_day is None or self.said_day == self.day:
            return None
        same = self.reported == self.expected
        fit = not same and self.fits(self.principal, self.reported - self.principal)
        good = self.paid_principal == self.principal if self.paid_principal is not None else same or fit
        return (self.difference if fit else 0) if good else None

    def match(self) -> int | None:
        """Equal to the cent."""
        if not self.rows:
            return 0 if self.mine is not None and not self.principal else None
        alike = self.paid_principal is None or self.paid_principal == self.principal
        return 0 if self.both and alike and not self.difference and len(self.numbers) <= 1 else None

    def split_payment(self) -> int | None:
        """Several refund numbers, one sum."""
        return 0 if self.both and not self.difference and len(self.numbers) > 1 else None

    def not_yet(self) -> int | None:
        """Not liquidated."""
        late = self.day is None or self.day > self.twin.as_of
        return -self.expected if not self.rows and late else None

    def missing_in_report(self) -> int | None:
        """Ours only."""
        return None if self.rows else 0

    def _principal(self, principal: int | None) -> int | None:
        """Another principal, with interest on it."""
        if principal is None or principal < 0 or principal == self.principal or not self.both:
            return None
        if self.paid_principal is not None and self.paid_principal != principal:
            return None
        if self.fits(principal, self.reported - principal):
            return self.difference
        return principal - self.principal if self.paid_principal is not None else None

    def prior_refund(self) -> int | None:
        """Given back before."""
        if not self.both or not self.prior:
            return None
        return self._principal(self.principal - self.prior)

    def netted(self) -> int | None:
        """Less what was set off."""
        return self._principal(self.principal - self.set_off) if self.set_off else None

    def mode_gap(self) -> int | None:
        """Mode B."""
        mine = self.mine
        if mine is None or mine["recomputed_duty_cents"] is None or not self.principal:
            return None
        return self._principal(max(self.principal + mine["recalculated_duty_cents"] - mine["recomputed_duty_cents"], 0))

    def column1_not_restored(self) -> int | None:
        """Plain deletion."""
        mine = self.mine
        return (
            None
            if mine is None or not self.principal
            else self._principal(self.principal + mine["restored_column1_cents"])
        )

    def _convention(self, cause: str) -> int | None:
        """Our principal, interest by a convention of the cause."""
        if not self.both or (self.paid_principal is not None and self.paid_principal != self.principal):
            return None
        return self.difference if self.fits(self.principal, self.reported - self.principal, cause) else None

    def rate_kind(self) -> int | None:
        """The other kind."""
        return self._convention("RATE_KIND")

    def interest_method(self) -> int | None:
        """Another method."""
        return self._convention("INTEREST_METHOD")

    def interest_dates(self) -> int | None:
        """Other days."""
        return self._convention("INTEREST_DATES")

    def rounding(self) -> int | None:
        """Within the tolerance."""
        return self.difference if self.both and abs(self.difference) <= TOLERANCE else None

    def unexplained(self) -> int:
        """Whatever is left."""
        return 0
