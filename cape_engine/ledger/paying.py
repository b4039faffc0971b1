"""The part of the ledger that knows payments: who is enrolled, what is owed, what became of each payment."""

from __future__ import annotations

import datetime as dt
from abc import ABC

import pyarrow as pa

from cape_engine.ledger import payment_rows
from cape_engine.ledger.reviewing import Reviewing


class Paying(Reviewing, ABC):
    """What a ledger keeps of payments; tables are those of `schema.payments`.

    The caller sees to it that steps of payments are those of `schema.payments.PAYMENT_STEPS`; `verify` tests it.
    """

    def record_enrolments(self, rows: pa.Table, *, source: str, on_day: dt.date) -> None:
        """Record who is enrolled for ACH refunds since when: columns `schema.payments.ENROLMENTS`."""
        with self._writing() as writer:
            payment_rows.record_enrolments(writer, rows, source, on_day)

    def enrolments(self, until: dt.date | None = None) -> pa.Table:
        """The latest enrolment of each recipient, of those that hold on a day or of all; sorted by recipient."""
        with self._reading() as database:
            return payment_rows.enrolments(database, until)

    def every_enrolment(self) -> pa.Table:
        """All enrolments in the order in which they were recorded: columns `schema.payments.ENROLMENTS`."""
        with self._reading() as database:
            return payment_rows.every_enrolment(database)

    def record_debts(self, rows: pa.Table, *, on_day: dt.date) -> None:
        """Record debts that are new: columns `schema.payments.DEBTS`."""
        with self._writing() as writer:
            payment_rows.record_debts(writer, rows, on_day)

    def debts(self) -> pa.Table:
        """All debts, sorted by identity: columns `schema.payments.DEBTS`."""
        with self._reading() as database:
            return payment_rows.debts(database)

    def record_offsets(self, rows: pa.Table, *, on_day: dt.date) -> None:
        """Record what was taken for debts: columns `schema.payments.OFFSETS`."""
        with self._writing() as writer:
            payment_rows.record_offsets(writer, rows, on_day)

    def offsets(self) -> pa.Table:
        """What was taken for debts, sorted by debt and refund: columns `schema.payments.OFFSETS`."""
        with self._reading() as database:
            return payment_rows.offsets(database)

    def record_parts(self, rows: pa.Table, *, on_day: dt.date) -> None:
        """Record payments that take the place of others: columns `schema.payments.PARTS_KEPT`."""
        with self._writing() as writer:
            payment_rows.record_parts(writer, rows, on_day)

    def parts(self) -> pa.Table:
        """All payments with what they replace, sorted by key: columns `schema.payments.PARTS_KEPT`."""
        with self._reading() as database:
            return payment_rows.parts(database)

    def record_payment_events(self, state: str, rows: pa.Table, *, source: str, on_day: dt.date) -> None:
        """Record payments that came to a state on a day: columns `schema.payments.PAYMENT_EVENTS`.

        Raises:
            UsageError: there is no such state of a payment.
        """
        with self._writing() as writer:
            payment_rows.record_events(writer, state, rows, source, on_day)

    def payment_events(self, until: dt.date | None = None) -> pa.Table:
        """What happened to payments, in the order in which it was recorded: columns `payment_rows.EVENTS_SCHEMA`."""
        with self._reading() as database:
            return payment_rows.events(database, until)

    def record_sending(
        self, payments: pa.Table, *, on_day: dt.date, effective: dt.date, file_format: str, cents: int
    ) -> int:
        """Record a sending to Treasury: columns `payment` and `trace`; its number.

        Raises:
            LedgerError: a payment, or a trace, was sent before; the database refuses it, and nothing counts.
        """
        with self._writing() as writer:
            return payment_rows.record_sending(writer, payments, (on_day, effective, file_format), cents)

    def sendings(self) -> pa.Table:
        """All sendings, oldest first: columns `schema.payments.SENDINGS`."""
        with self._reading() as database:
            return payment_rows.sendings(database)

    def sent_before(self, on_day: dt.date) -> tuple[int, int]:
        """How many payments were sent so far, so that traces go on, and how many NACHA files on a day."""
        with self._reading() as database:
            return payment_rows.sent_before(database, on_day)

    def record_notices(self, rows: pa.Table, *, on_day: dt.date) -> None:
        """Record notices of large payments: columns `schema.payments.NOTICES`."""
        with self._writing() as writer:
            payment_rows.record_notices(writer, rows, on_day)

    def notices(self) -> pa.Table:
        """Notices of large payments, oldest first: columns `schema.payments.NOTICES`."""
        with self._reading() as database:
            return payment_rows.notices(database)

    def record_late_interest(self, rows: pa.Table, *, on_day: dt.date) -> None:
        """Record interest for late payment: columns `schema.payments.LATE`.

        Raises:
            LedgerError: that of a payment was recorded before; the database refuses it, and nothing counts.
        """
        with self._writing() as writer:
            payment_rows.record_late(writer, rows, on_day)

    def late_interest(self) -> pa.Table:
        """Interest for late payment, sorted by payment: columns `schema.payments.LATE`."""
        with self._reading() as database:
            return payment_rows.late_interest(database)
