"""One transaction: rows go in, their steps are numbered, and the link that covers them is written last."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import __version__
from cape_engine.ledger import chain, tables
from cape_engine.ledger.chain import Row
from cape_engine.ledger.database import Database
from cape_engine.ledger.states import Life

ENTRY = "entry_number"
Places = npt.NDArray[np.int64]


class Group(NamedTuple):
    """Entries of one declaration that take a step together.

    Attributes:
        declaration: their declaration.
        from_state: code of the state they leave.
        to_state: code of the state they come to.
        reason: why.
        places: which of the transaction's entries, in the order of their numbers.
        who: who takes the step, where it is not whoever takes the others.
    """

    declaration: int
    from_state: int
    to_state: int
    reason: str
    places: Places
    who: str | None = None


class Writer:
    """Everything one transaction writes."""

    def __init__(self, database: Database, life: Life, recorded_at: dt.datetime | None) -> None:
        self.database = database
        self.life = life
        self.recorded_at = None if recorded_at is None else moment(recorded_at)
        found = database.rows("SELECT link, hash FROM links ORDER BY link DESC LIMIT 1")
        self.link = int(found[0][0]) + 1 if found else 1
        self._before = str(found[0][1]) if found else chain.START
        self._rows: dict[str, list[Row]] = {}

    def note_time(self, at: dt.datetime | dt.date) -> None:
        """The time of the link, unless its caller gave one: that of the first thing written."""
        if self.recorded_at is None:
            self.recorded_at = moment(at)

    def next(self, table: str, column: str) -> int:
        """The next number of a table that numbers its rows from 1."""
        found = self.database.rows(f"SELECT max({column}) FROM {table}")[0][0]  # noqa: S608 - our own names
        return int(found or 0) + 1

    def add(self, table: str, rows: Sequence[Row]) -> None:
        """Append rows to a table whose rows go into the link."""
        if rows:
            self.database.insert(table, tables.from_rows(table, rows))
            self._rows.setdefault(table, []).extend(rows)

    def add_packed(self, table: str, rows: Sequence[Row], contents: Sequence[bytes]) -> None:
        """Append rows of a table of `tables.PACKED` with the tables they hold, which go into the link by digest."""
        whole = [(*row, content) for row, content in zip(rows, contents, strict=True)]
        self.database.insert(table, tables.from_rows(table, whole))
        self._rows.setdefault(table, []).extend(rows)

    def steps(self, numbers: pa.Array, groups: Sequence[Group], on_day: dt.date, who: str) -> list[int]:
        """Write steps; the number of each.

        Args:
            numbers: sorted entry numbers that the groups' places count.
            groups: in the order of the steps.
            on_day: day of the steps.
            who: who takes them.
        """
        first = self.next("steps", "step") if groups else 0
        fixed = chain.entry_bytes(numbers)
        rows: list[Row] = []
        for number, group in enumerate(groups, first):
            taker = plain(who if group.who is None else group.who)
            about = (group.declaration, group.from_state, group.to_state, on_day.isoformat(), taker, group.reason)
            packed = fixed[group.places].tobytes().decode("ascii")
            rows.append((number, self.link, *about, len(group.places), packed))
        self.add("steps", rows)
        return list(range(first, first + len(groups)))

    def finish(self) -> None:
        """Write the link, if anything was written."""
        if not self._rows:
            return
        at = self.recorded_at or ""
        digest = chain.link_hash(self._before, self.link, at, __version__, self._rows)
        self.database.insert("links", tables.from_rows("links", [(self.link, at, __version__, digest)]))


_BLANKS = re.compile(r"[\x00-\x1f]+")


def plain(words: str) -> str:
    """Words on one line, without control characters."""
    return _BLANKS.sub(" ", words).strip()


def moment(at: dt.datetime | dt.date) -> str:
    """A time as the ledger keeps it: ISO text in UTC; a day stands for its beginning."""
    if not isinstance(at, dt.datetime):
        return f"{at.isoformat()}T00:00:00+00:00"
    zoned = at if at.tzinfo is not None else at.replace(tzinfo=dt.UTC)
    return zoned.astimezone(dt.UTC).isoformat(timespec="seconds")
