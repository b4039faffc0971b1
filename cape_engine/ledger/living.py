"""The part of the ledger that knows the life of entries: facts, plans, events, days played, decisions and refunds."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager

import pyarrow as pa

from cape_engine.ledger import life_rows, replaying, stepping
from cape_engine.ledger.database import Database
from cape_engine.ledger.known import Known, known, reached
from cape_engine.ledger.states import Life
from cape_engine.ledger.stepping import Stepped
from cape_engine.ledger.writing import Writer


class Living(ABC):
    """What a ledger keeps of the life of entries, and what of it can be asked. Tables are those of `schema.life`."""

    _life: Life

    @abstractmethod
    def _writing(self) -> AbstractContextManager[Writer]:
        """The writer of the open transaction, or of one of its own."""

    @abstractmethod
    def _reading(self) -> AbstractContextManager[Database]:
        """One snapshot."""

    def record_facts(self, declaration: int, facts: pa.Table, *, on_day: dt.date) -> int:
        """Record what the life must know of entries of a declaration; of an entry the latest part counts whole.

        Args:
            declaration: number of the declaration.
            facts: columns `schema.life.FACTS`, each entry once; entries of the declaration (the caller sees to it).
            on_day: day for the time of the link, where the transaction has none yet.

        Returns:
            Number of the part, from 1.

        Raises:
            UsageError: a column is missing, an entry stands twice, or there is no entry at all.
        """
        with self._writing() as writer:
            return life_rows.record_facts(writer, declaration, facts, on_day)

    def facts(self, entry_numbers: pa.Array | None = None) -> pa.Table:
        """The latest facts of the entries that a live claim holds, all of them or some; sorted by entry number.

        Returns:
            Columns `declaration` and `schema.life.FACTS`; only entries that were scheduled once.
        """
        with self._reading() as database:
            return life_rows.facts(database, entry_numbers)

    def record_plans(self, plans: pa.Table, *, on_day: dt.date) -> int:
        """Record when entries are to be decided; of an entry the latest plan counts.

        Args:
            plans: columns `schema.life.PLANS`; a null in `basis_date` or `limit_date` leaves what was known.
            on_day: day for the time of the link, where the transaction has none yet.

        Returns:
            Rows written (entries with the same plan share one).
        """
        with self._writing() as writer:
            return life_rows.record_plans(writer, plans, on_day)

    def plans(self) -> pa.Table:
        """Every plan of every entry, oldest first: columns `schema.life.PLANS`. The last row of an entry counts."""
        with self._reading() as database:
            return life_rows.plans(database)

    def record_occurrences(self, events: pa.Table, *, who: str, on_day: dt.date) -> pa.Table:
        """Record what happened outside; what stands there already (entry, kind, both dates) is left out.

        Args:
            events: columns `schema.life.OCCURRENCES`; `who` and `source` apart, what `cape advance` plays.
            who: who brought them.
            on_day: day for the time of the link, where the transaction has none yet.

        Returns:
            The rows that were new, in the order of the table.
        """
        with self._writing() as writer:
            return life_rows.record_occurrences(writer, events, who, on_day)

    def occurrences(self, received: dt.date | None = None) -> pa.Table:
        """What happened outside, in the order in which it was recorded: columns `schema.life.OCCURRENCES`.

        Args:
            received: only what is played on this day; None for all.
        """
        with self._reading() as database:
            return life_rows.occurrences(database, received)

    def step_known(self, steps: Stepped, *, on_day: dt.date) -> None:
        """Take steps whose entries, declarations and states the caller knows for certain; nothing is looked up.

        Who takes them is what `state_transitions.csv` says.

        Only inside a transaction at whose beginning the caller saw that `head` is still the one it read the states at.

        Args:
            steps: the entries with the states they leave, the roads they go, and why.
            on_day: day of the steps.

        Raises:
            UsageError: a road holds a step that `state_transitions.csv` does not allow; nothing is written.
        """
        with self._writing() as writer:
            stepping.step_known(writer, steps, on_day)

    def standing(self) -> pa.Table:
        """Where every live claim stands: `entry_number`, `declaration`, `state` (code); sorted by entry number."""
        with self._reading() as database:
            return stepping.standing(database)

    def head(self) -> tuple[int, str]:
        """Number and hash of the last link; (0, "") for an empty ledger."""
        with self._reading() as database:
            return life_rows.head(database)

    def record_decisions(self, decisions: pa.Table, *, on_day: dt.date) -> None:
        """Record the decisions of a run day: columns `schema.life.DECISIONS`."""
        with self._writing() as writer:
            life_rows.record_decisions(writer, decisions, on_day)

    def decisions(self, on_day: dt.date | None = None) -> pa.Table:
        """Decisions in the order in which they were recorded, of one day or all: columns `schema.life.DECISIONS`."""
        with self._reading() as database:
            return life_rows.decisions(database, on_day)

    def record_refunds(self, refunds: pa.Table, payments: pa.Table, *, on_day: dt.date) -> None:
        """Record refunds and the payments they are split into: `schema.life.COHORTS` and `schema.life.PAYMENTS`."""
        with self._writing() as writer:
            life_rows.record_refunds(writer, refunds, payments, on_day)

    def refunds(self, liquidation_date: dt.date | None = None) -> pa.Table:
        """Refunds, of one liquidation day or all: columns `schema.life.COHORTS`, sorted by key."""
        with self._reading() as database:
            return life_rows.refunds(database, liquidation_date)

    def payments(self) -> pa.Table:
        """Payments: columns `schema.life.PAYMENTS`, sorted by key."""
        with self._reading() as database:
            return life_rows.payments(database)

    def record_day(self, day: dt.date, *, run_day: bool, counts: Mapping[str, int], result_hash: str) -> None:
        """Record that a day was played, last in its transaction.

        Raises:
            UsageError: the day, or a later one, was played already.
        """
        with self._writing() as writer:
            life_rows.record_day(writer, day, run_day, counts, result_hash)

    def days(self) -> pa.Table:
        """The days that were played, oldest first: columns `schema.life.DAYS`."""
        with self._reading() as database:
            return life_rows.days(database)

    def last_day(self) -> dt.date | None:
        """The last day that was played; None where none was."""
        with self._reading() as database:
            return life_rows.last_day(database)

    def known(self, day: dt.date) -> Known:
        """Everything that was known of entries and their refunds at the end of a day."""
        with self._reading() as database:
            return known(database, self._life, day)

    def reached(self, states: Collection[str], day: dt.date) -> pa.Table:
        """Every step into some states up to a day: `entry_number`, `declaration`, `state`, `on_day`, by step."""
        with self._reading() as database:
            return reached(database, self._life, day, states)

    def as_of(self, day: dt.date) -> pa.Table:
        """Where every claim stood at the end of a day, rebuilt from the steps up to it.

        Returns:
            Columns `schema.life.AS_OF`, sorted by entry number and declaration; claims that began later are left out.
        """
        with self._reading() as database:
            return replaying.as_of(database, self._life, day)
