"""The public Python calls of the life of payments: enrol, release, send, bank, reissue, show of `cape refund`."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from typing import TypedDict, Unpack

from cape_engine import rules
from cape_engine.errors import UsageError
from cape_engine.ledger import Ledger
from cape_engine.pipeline.arguments import PathLike, Sources, day_of, path_of, paths_of
from cape_engine.pipeline.payments.result import Call, PaymentsShown, RefundResult
from cape_engine.pipeline.payments.working import Working
from cape_engine.settings import Settings


class RefundOptions(TypedDict, total=False):
    """What every call takes, each optional.

    Attributes:
        settings: settings by name.
        settings_file: settings as TOML.
        rules_folder: another folder of rule files than the built-in one.
    """

    settings: Mapping[str, object] | None
    settings_file: PathLike | None
    rules_folder: PathLike | None


def refund_enrol(
    importers: Sources, *, ledger: PathLike, on: dt.date | str, **options: Unpack[RefundOptions]
) -> RefundResult:
    """Record who is enrolled for ACH refunds, with the last four characters and a digest of the account.

    Args:
        importers: importers files.
        ledger: path (SQLite) or URL.
        on: day from which the facts hold.
        options: see `RefundOptions`.

    Raises:
        CapeError: see `cape_engine.errors`; a bad account is a finding, and not enrolled.
    """
    from cape_engine.pipeline.payments.enrolling import enrol  # noqa: PLC0415 - the road loads the components

    call = _call(options)
    with Ledger.open(os.fspath(ledger), create=False) as opened, opened.transaction():
        enrol(opened, paths_of(importers), _day(on), call)
    return call.result()


def refund_release(
    *, ledger: PathLike, on: dt.date | str, debts: PathLike | None = None, **options: Unpack[RefundOptions]
) -> RefundResult:
    """Certify what can be paid, hold what has no account, take what is owed: everything consolidated or held so far.

    Args:
        ledger: path (SQLite) or URL.
        on: working day of the release.
        debts: file of debts, columns `schema.payments.DEBTS_FILE`.
        options: see `RefundOptions`; `refund.offsets`, `refund.daily_limit_cents`, `refund.payment_cap_cents`.

    Raises:
        CapeError: see `cape_engine.errors`; bad debts are findings.
    """
    from cape_engine.pipeline.payments.releasing import release  # noqa: PLC0415 - as above

    call, day = _call(options), _day(on)
    call.working.refuse_closed(day, "release")
    with Ledger.open(os.fspath(ledger), create=False) as opened, opened.transaction():
        notices = release(opened, day, path_of(debts), call)
    return call.result(notices=notices)


def refund_send(
    *,
    ledger: PathLike,
    on: dt.date | str,
    out: PathLike,
    importers: Sources = (),
    file_format: str = "request",
    originator: PathLike | None = None,
    **options: Unpack[RefundOptions],
) -> RefundResult:
    """Send certified payments to Treasury: the files are written inside the transaction, and registered there.

    Args:
        ledger: path (SQLite) or URL.
        on: working day of the sending; the payments are to be settled on the next Fed day.
        out: folder for the files.
        importers: importers files with the accounts; formats of banks need them.
        file_format: `request`, `nacha` or `pain.001`.
        originator: TOML with the facts of who pays (docs/payment_files.md); formats of banks need it.
        options: see `RefundOptions`; `refund.late_interest`, `refund.default_importer_kind`,
            `refund.payment_cap_cents`.

    Raises:
        CapeError: see `cape_engine.errors`; a payment without a usable account is a finding, and is not sent.
    """
    from cape_engine.pipeline.payments.files import Target  # noqa: PLC0415 - as above
    from cape_engine.pipeline.payments.sending import send  # noqa: PLC0415 - as above

    call, day, folder = _call(options), _day(on), path_of(out)
    if folder is None:
        raise UsageError("name a folder for the files")
    call.working.refuse_closed(day, "send")
    with Ledger.open(os.fspath(ledger), create=False) as opened, opened.transaction():
        send(opened, day, Target(folder, file_format, paths_of(importers), path_of(originator)), call)
    return call.result()


def refund_bank(files: Sources, *, ledger: PathLike, **options: Unpack[RefundOptions]) -> RefundResult:
    """Record what the bank or Treasury says: issued, settled, returned.

    Args:
        files: CSV or Parquet, columns `schema.payments.BANK_FILE`.
        ledger: path (SQLite) or URL.
        options: see `RefundOptions`.

    Raises:
        CapeError: see `cape_engine.errors`; a line that cannot be is a finding, the good ones count.
    """
    from cape_engine.pipeline.payments.banking import bank  # noqa: PLC0415 - as above

    call = _call(options)
    with Ledger.open(os.fspath(ledger), create=False) as opened, opened.transaction():
        bank(opened, paths_of(files), call)
    return call.result()


def refund_reissue(
    *,
    ledger: PathLike,
    on: dt.date | str,
    payments: Sequence[str] = (),
    everything: bool = False,
    importers: Sources = (),
    **options: Unpack[RefundOptions],
) -> RefundResult:
    """Make a new payment for one that came back; `refund_send` sends it under a trace of its own.

    Args:
        ledger: path (SQLite) or URL.
        on: working day of the reissue.
        payments: keys of returned payments.
        everything: all that came back.
        importers: importers files with new accounts, enrolled first.
        options: see `RefundOptions`.

    Raises:
        CapeError: see `cape_engine.errors`; a payment that did not come back is a finding.
    """
    from cape_engine.pipeline.payments.enrolling import enrol  # noqa: PLC0415 - as above
    from cape_engine.pipeline.payments.reissuing import reissue  # noqa: PLC0415 - as above

    call, day = _call(options), _day(on)
    if not payments and not everything:
        raise UsageError("name payments that came back (--payment), or say --all")
    call.working.refuse_closed(day, "reissue")
    with Ledger.open(os.fspath(ledger), create=False) as opened, opened.transaction():
        if importers:
            enrol(opened, paths_of(importers), day, call)
        reissue(opened, day, None if everything else payments, call)
    return call.result()


def refund_show(*, ledger: PathLike, recipient: str | None = None, as_of: dt.date | str | None = None) -> PaymentsShown:
    """Refunds and payments with their state, what each importer has in them, and the balance.

    Args:
        ledger: path (SQLite) or URL.
        recipient: only refunds of this recipient, in any spelling.
        as_of: the evening of this day; the last one if not given.

    Raises:
        CapeError: see `cape_engine.errors`.
    """
    from cape_engine.pipeline.payments.showing import shown  # noqa: PLC0415 - as above

    with Ledger.open(os.fspath(ledger), create=False, read_only=True) as opened:
        return shown(opened, recipient, day_of(as_of))


def _call(options: RefundOptions) -> Call:
    """Settings and calendars of a call.

    Raises:
        UsageError: there is no such option.
    """
    unknown = set(options) - set(RefundOptions.__annotations__)
    if unknown:
        raise UsageError(f"there is no option {min(unknown)!r}; known: {', '.join(RefundOptions.__annotations__)}")
    settings = Settings.build(options.get("settings"), path_of(options.get("settings_file")))
    ruleset = rules.load(path_of(options.get("rules_folder")))
    return Call(settings, Working.of(ruleset, settings), ruleset)


def _day(on: dt.date | str) -> dt.date:
    """A day that must be given."""
    found = day_of(on)
    if found is None:
        raise UsageError("on is missing: give the day")
    return found
