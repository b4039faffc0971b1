"""Rows of CBP's reports in plain Python, and what they say of each refund number; for the twin of a reconciliation."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Number:
    """What reports say of one refund number."""

    said: int = 0
    unsaid: int = 0
    diverted: int = 0
    returned: int = 0
    listed: bool = False
    issued: dt.date | None = None
    recipient: str = ""
    day: dt.date | None = None
    cohort: str | None = None
    sure: bool = False

    def add(self, status: str, amount: int) -> None:
        """Cents with a status."""
        if status in {"Sent to Treasury", "Treasury Issued"}:
            self.said += amount
        elif status == "Funds Diverted":
            self.diverted += amount
        elif status:
            self.returned += amount
        else:
            self.unsaid += amount

    @property
    def held(self) -> bool:
        """Held for want of bank data."""
        return self.listed and not self.said

    @property
    def paid(self) -> int:
        """Cents sent or issued."""
        return 0 if self.held else self.said + self.unsaid

    @property
    def whole(self) -> str:
        """What became of all of it."""
        if self.held:
            return "HELD_NO_ACH"
        if self.returned and not self.paid and not self.diverted:
            return "RETURNED"
        if self.diverted and not self.paid and not self.returned:
            return "FUNDS_DIVERTED"
        return ""


def cents(text: str) -> int | None:
    """Cents of plain dollars; None for nothing."""
    if not text:
        return None
    dollars, _, rest = text.partition(".")
    return int(dollars) * 100 + int(rest)


def rows_of(path: Path, headings: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows of a CSV file with our names."""
    found = []
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            one: dict[str, Any] = {headings[name]: cell for name, cell in row.items()}
            for name in ("refund_principal", "refund_interest", "refund_amount", "prior_refund", "netted_amount"):
                if name in one:
                    one[name] = cents(one[name])
            for name in ("refund_date", "status_date"):
                if name in one:
                    one[name] = dt.date.fromisoformat(one[name]) if one[name] else None
            found.append(one)
    return found


def amounts(row: Mapping[str, Any]) -> dict[str, Any]:
    """Principal, interest and both together; the first two None where they are not told apart."""
    principal, earned, total = row.get("refund_principal"), row.get("refund_interest"), row.get("refund_amount")
    if total is None:
        return {"principal": principal or 0, "interest": earned or 0, "total": (principal or 0) + (earned or 0)}
    return {"principal": None, "interest": None, "total": total}


Last = dict[tuple[str, str, bool], tuple[dt.date, int, str, int]]


def last_statuses(report: str, rows: Iterable[Mapping[str, Any]]) -> Last:
    """Last day, row, status and cents by refund number, trace and diverted or not; rows of entries are added up."""
    found: Last = {}
    for place, row in enumerate(rows):
        key = (row["refund_number"], row["ach_trace_number"], row["refund_status"] == "Funds Diverted")
        amount = row["refund_amount"] if report == "rev603" else amounts(row)["total"]
        day = row.get("status_date") or dt.date.min
        before = found.get(key)
        total = amount + (before[3] if before and report == "rev615" else 0)
        if before and (day, place) < before[:2]:
            found[key] = (*before[:3], total)
        else:
            found[key] = (day, place, row["refund_status"], total)
    return found


def statuses(
    reports: Mapping[str, list[dict[str, Any]]], rows: Iterable[Mapping[str, Any]], numbers: dict[str, Number]
) -> None:
    """Amounts of refund numbers by their last status: of REV-603, else REV-615, else what entry reports come to."""
    first, second = (last_statuses(name, reports.get(name, [])) for name in ("rev603", "rev615"))
    in_603 = {number for number, _trace, _kept in first}
    every = [*first.items(), *((key, one) for key, one in second.items() if key[0] not in in_603)]
    for (number, _trace, _kept), (day, _place, status, amount) in every:
        one = numbers[number]
        if day != dt.date.min:
            one.issued = max(one.issued or day, day)
        one.add(status, amount)
    said = {key[0] for key, _one in every}
    for row in rows:
        if row["refund_number"] and row["refund_number"] not in said:
            numbers[row["refund_number"]].unsaid += row["total"]
    for row in reports.get("rev613", []):
        numbers[row["refund_number"]].listed = True
    for one in numbers.values():
        one.returned = 0 if one.said else one.returned
    told = [row for report in ("rev603", "rev613", "rev615") for row in reports.get(report, [])]
    for number, one in numbers.items():
        for rows_ in (told, list(rows)):
            mine = [row for row in rows_ if row["refund_number"] == number]
            who = {row["recipient"].replace("-", "") for row in mine if row["recipient"]}
            days = {row["refund_date"] for row in mine if row.get("refund_date")}
            one.recipient = one.recipient or (next(iter(who)) if len(who) == 1 else "")
            one.day = one.day or (next(iter(days)) if len(days) == 1 else None)
