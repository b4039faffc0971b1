"""A ledger with refunds of made-up entries, importers files, and lines of banks."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from cape_engine.ledger import Ledger, Submission
from cape_engine.refund.offsets import cut
from cape_engine.schema import life
from living.year import numbers

LIQUIDATED = dt.date(2026, 6, 15)
DAY = dt.date(2026, 6, 16)
"""A Tuesday, working day of CBP and the Federal Reserve; the first of the stories."""
CAP = 9_999_999_999
ROUTING = "061000052"


@dataclass(frozen=True, slots=True)
class Cohort:
    """A refund to be: recipient, cents of principal and interest, importers of its entries, day of liquidation."""

    recipient: str
    principal: int
    interest: int = 0
    importers: tuple[str, ...] = ()
    day: dt.date = LIQUIDATED

    @property
    def key(self) -> str:
        """Key of the refund, which is that of its first payment."""
        return payment_key(self, 1)


def payment_key(cohort: Cohort, part: int) -> str:
    """Key of a payment as the days make it."""
    text = f"{cohort.recipient}|{cohort.day}|1|{part}"
    return hashlib.sha256(text.encode()).hexdigest()[:20].upper()


def populate(url: str | Path, cohorts: Sequence[Cohort], cap: int = CAP) -> None:
    """Refunds of entries, one an importer, whose claims are CONSOLIDATED."""
    rows = [(cohort, importer) for cohort in cohorts for importer in cohort.importers or (cohort.recipient,)]
    entries = numbers(len(rows))
    shares = [_shares(cohort) for cohort in cohorts]
    flat = [share for part in shares for share in part]
    with Ledger.open(url) as ledger, ledger.transaction():
        submitted = {
            "entry_number": entries, "state": ["CONSOLIDATED"] * len(rows), "importer_number": [one for _, one in rows]
        }  # fmt: skip
        at = dt.datetime.combine(LIQUIDATED, dt.time(12), dt.UTC)
        ledger.record(Submission("a.csv", "a" * 64, "broker", "ABC", LIQUIDATED, at, "Accepted", pa.table(submitted)))
        decided = {
            "declaration": pa.array(np.ones(len(rows), np.int64)),
            "entry_number": entries,
            "on_day": pa.array([cohort.day for cohort, _ in rows]),
            "action": ["liquidate"] * len(rows),
            "reason_code": ["36"] * len(rows),
            "new_version": ["00101"] * len(rows),
            "principal_cents": pa.array([principal for principal, _ in flat]),
            "interest_cents": pa.array([interest for _, interest in flat]),
            "interest_from": pa.nulls(len(rows), pa.date32()),
            "recipient": [cohort.recipient for cohort, _ in rows],
            "refund": [cohort.key for cohort, _ in rows],
        }
        ledger.record_decisions(pa.table(decided), on_day=LIQUIDATED)
        ledger.record_refunds(_refunds(cohorts), _payments(cohorts, cap), on_day=LIQUIDATED)


def _shares(cohort: Cohort) -> list[tuple[int, int]]:
    """Principal and interest of each entry of a cohort; the first has what is left over."""
    count = len(cohort.importers) or 1
    each = (cohort.principal // count, cohort.interest // count)
    first = (cohort.principal - each[0] * (count - 1), cohort.interest - each[1] * (count - 1))
    return [first, *[each] * (count - 1)]


def _refunds(cohorts: Sequence[Cohort]) -> pa.Table:
    rows = [
        (one.key, one.recipient, one.day, 1, len(one.importers) or 1, one.principal, one.interest,
         one.principal + one.interest)
        for one in cohorts
    ]  # fmt: skip
    return pa.table([pa.array(column) for column in zip(*rows, strict=True)], names=life.COHORTS_SCHEMA.names)


def _payments(cohorts: Sequence[Cohort], cap: int) -> pa.Table:
    rows = [
        (payment_key(one, part), one.key, part, len(parts), cents)
        for one in cohorts
        for parts in [cut(one.principal + one.interest, cap)]
        for part, cents in enumerate(parts, 1)
    ]
    return pa.table([pa.array(column) for column in zip(*rows, strict=True)], names=life.PAYMENTS_SCHEMA.names)


def importers(path: Path, accounts: Mapping[str, str], header: str = "") -> Path:
    """An importers file: recipient and account number; a blank account is not enrolled."""
    lines = [header or "importer_number,ach_enrolled,routing_number,account_number,account_kind,name"]
    for number, account in accounts.items():
        lines.append(f"{number},Y,{ROUTING},{account},checking,Made Up Inc" if account else f"{number},N,,,,")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def bank_file(path: Path, rows: Iterable[Sequence[object]]) -> Path:
    """A file of the bank: payment, trace, kind, date, amount_cents, reason."""
    lines = ["payment,trace,kind,date,amount_cents,reason"]
    lines += [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def states(url: str | Path) -> dict[str, int]:
    """Entries by state; the ledger verifies."""
    with Ledger.open(url) as ledger:
        report = ledger.verify()
        assert report.ok, report.problems
        return dict(ledger.show().states)


def head(url: str | Path) -> tuple[int, str]:
    """Last link of the chain."""
    with Ledger.open(url) as ledger:
        return ledger.head()
