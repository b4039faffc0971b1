"""Who is enrolled for ACH refunds: importers files into the ledger, accounts as their last four and a digest only."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.bridge import Bools
from cape_engine.dates import day_number
from cape_engine.intake.free_texts import plain_numbers
from cape_engine.ledger import Ledger
from cape_engine.pipeline.payments.book import Places, places_of
from cape_engine.pipeline.payments.result import Call
from cape_engine.refund.payment_files import Accounts, masked, read_accounts
from cape_engine.schema import facts as f
from cape_engine.schema import payments as p
from cape_engine.schema import results as r

NOT_ENROLLED, NO_ACCOUNT = "ACCOUNT_NOT_ENROLLED", "ACCOUNT_MISSING"
_DIGITS = 24
"""Hexadecimal digits of a fingerprint: enough to notice another account among millions."""


def fingerprint(recipient: str, routing: str, account: str) -> str:
    """A digest of an account, to notice when a recipient names another one.

    Args:
        recipient: as it is compared; it keeps equal accounts of two recipients apart.
        routing: routing number.
        account: account number.
    """
    return hashlib.sha256(f"{recipient}|{routing}|{account}".encode()).hexdigest()[:_DIGITS]


def fingerprints(accounts: Accounts, places: Sequence[int]) -> tuple[pa.Array, pa.Array]:
    """Last characters and digests of accounts that can be paid to."""
    at = pa.array(places, pa.int64())
    columns = (accounts.keys, accounts.routing, accounts.account)
    rows = list(zip(*(column.take(at).to_pylist() for column in columns), strict=True))
    tails = [str(masked(account)).lstrip("*") for _, _, account in rows]
    return pa.array(tails, pa.string()), pa.array([fingerprint(*row) for row in rows], pa.string())


def enrol(ledger: Ledger, importers: Sequence[Path], day: dt.date, call: Call) -> None:
    """Record what importers files say of enrolment, where it is new.

    Args:
        ledger: inside a transaction.
        importers: files.
        day: from which it holds.
        call: settings; counts and findings grow.
    """
    accounts, findings = read_accounts(importers, settings=call.settings)
    call.findings.extend(findings)
    usable = accounts.usable()
    refused = np.array([accounts.why(place) == NOT_ENROLLED for place in range(len(accounts))], np.bool_)
    for place in np.flatnonzero(~usable & ~refused).tolist():
        if accounts.why(place) == NO_ACCOUNT:
            row, source = accounts.row[place].as_py(), accounts.source[place].as_py()
            column = f.ACCOUNT_NUMBER if accounts.routing[place].is_valid else f.ROUTING_NUMBER
            number = accounts.numbers[place].as_py()
            call.findings.add(NO_ACCOUNT, source=source, row=row, column=str(column), value=number)
    given = np.flatnonzero(usable | refused)
    rows = _rows(accounts, given, usable, day)
    before = ledger.enrolments()
    at = places_of(bridge.single(rows, p.RECIPIENT_KEY), bridge.single(before, p.RECIPIENT_KEY))
    later = (at >= 0) & (_since(before)[at] > day_number(day))
    for place in np.flatnonzero(later).tolist():
        value = accounts.numbers[int(given[place])].as_py()
        call.findings.add("ENROLMENT_OLDER", column=str(r.RECIPIENT), value=value, day=day)
    new = ~later & ~_same(rows, before, at)
    call.counts["recipients"] = len(accounts)
    enrolled = usable[given]
    for name, which in (("enrolled", new & enrolled), ("not_enrolled", new & ~enrolled), ("known", ~new)):
        if which.any():
            call.counts[name] = int(which.sum())
    if new.any():
        source = ", ".join(path.name for path in importers)
        ledger.record_enrolments(rows.filter(pa.array(new)), source=source, on_day=day)


def _rows(accounts: Accounts, given: Places, usable: Bools, day: dt.date) -> pa.Table:
    """Enrolments as the ledger keeps them."""
    enrolled = usable[given]
    tails, digests = fingerprints(accounts, given[enrolled].tolist())
    at = pa.array(np.where(enrolled, np.cumsum(enrolled) - 1, 0), mask=~enrolled)
    made = [
        accounts.keys.take(pa.array(given)),
        pa.array(enrolled),
        pa.array([day] * len(given), pa.date32()),
        tails.take(at),
        digests.take(at),
    ]
    return pa.table(made, names=p.ENROLMENTS_SCHEMA.names).cast(p.ENROLMENTS_SCHEMA)


def _since(rows: pa.Table) -> bridge.Int32s:
    """Day of each enrolment, with one more behind for those that are not there."""
    return np.append(bridge.days(rows, p.SINCE_DATE), np.int32(bridge.NO_DAY))


def _same(rows: pa.Table, before: pa.Table, at: Places) -> Bools:
    """Rows that say what is known already."""
    known = at >= 0
    place = pa.array(np.where(known, at, 0), mask=~known)
    same = np.ones(rows.num_rows, np.bool_) & known
    for column in (f.ACH_ENROLLED, p.ACCOUNT_DIGEST):
        texts = [
            pc.fill_null(bridge.single(table, column).cast(pa.string()), "")
            for table in (rows, before.take(place) if before.num_rows else rows)
        ]
        same &= pc.equal(*texts).to_numpy(zero_copy_only=False)
    return same


def enrolled_now(ledger: Ledger, recipients: pa.Array, day: dt.date) -> tuple[Bools, pa.Table, Places]:
    """Which recipients are enrolled on a day; the enrolments; the place of each recipient among them, -1 for none.

    Args:
        ledger: where they stand.
        recipients: in any spelling, as text.
        day: the day.
    """
    found = ledger.enrolments(day)
    at = places_of(plain_numbers(recipients), bridge.single(found, p.RECIPIENT_KEY))
    flags = np.append(bridge.flags(found, f.ACH_ENROLLED) == 1, [False])
    return flags[at], found, at
