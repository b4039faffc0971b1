"""Days between states as they were observed: from the steps of a ledger, or from a file of the filer's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools, Int32s, Int64s
from cape_engine.errors import InputError
from cape_engine.findings import Findings
from cape_engine.ledger.chain import entry_bytes
from cape_engine.schema import books as b
from cape_engine.schema import ledger as led
from cape_engine.schema.facts import ENTRY_NUMBER
from cape_engine.schema.results import ACTION

_STATE_OF = (("ACCEPTED",), ("LIQUIDATED", "RELIQUIDATED"), ("ISSUED",), ("SETTLED",))
"""States whose first day fills each column of a history."""
_SECOND = "RELIQUIDATED"
_ACTIONS = ACTION.words[:2]  # liquidate, reliquidate


@dataclass(frozen=True, slots=True)
class Lag:
    """How many days a step took.

    Attributes:
        days: int64[k], different days, ascending; empty when none was observed.
        counts: int64[k], entries observed with each.
    """

    days: Int64s
    counts: Int64s

    @property
    def observed(self) -> int:
        """Entries observed."""
        return int(self.counts.sum())

    def quantile(self, tenths: int) -> int | None:
        """The smallest number of days that at least so many tenths of the entries did not pass."""
        if not len(self.days):
            return None
        reached = np.cumsum(self.counts) * 10 >= tenths * self.observed
        return int(self.days[np.argmax(reached)])

    def beyond(self, least: int) -> Lag:
        """Only what took at least so many days: what is still to come is known not to have come before."""
        kept = self.days >= least
        return Lag(self.days[kept], self.counts[kept])

    @classmethod
    def of(cls, days: Int64s) -> Lag:
        """Observed days, one for each entry."""
        found, counts = np.unique(days, return_counts=True)
        return cls(found.astype(np.int64), counts.astype(np.int64))


class Lags(NamedTuple):
    """The steps of the road from acceptance to the bank.

    Attributes:
        liquidate: from acceptance to liquidation.
        reliquidate: from acceptance to reliquidation, of entries that had been liquidated before.
        issue: from there to Treasury's payment; empty with `settle` observed: that counts from the liquidation then.
        settle: from there to the credit at the bank.
        source: where they come from, in words.
    """

    liquidate: Lag
    reliquidate: Lag
    issue: Lag
    settle: Lag
    source: str


class History(NamedTuple):
    """Days of earlier entries, row by row one of them; NO_DAY where a day is not known.

    Attributes:
        accepted: int32[n].
        liquidated: int32[n], of liquidation or reliquidation.
        issued: int32[n].
        settled: int32[n].
        again: bool[n], it was a reliquidation; None where nobody says.
    """

    accepted: Int32s
    liquidated: Int32s
    issued: Int32s
    settled: Int32s
    again: Bools | None


def from_ledger(reached: pa.Table) -> History:
    """First day of each state by claim.

    Args:
        reached: columns `ledger.known.REACHED`, in the order of steps.
    """
    if not reached.num_rows:
        none = np.zeros(0, np.int32)
        return History(none, none, none, none, None)
    entry = entry_bytes(bridge.single(reached, ENTRY_NUMBER).cast(pa.string()))
    _, number = np.unique(entry, return_inverse=True)
    home = reached.column(str(led.DECLARATION)).to_numpy()
    _, claim = np.unique(number.astype(np.int64) << 32 | home, return_inverse=True)
    code, words = bridge.codes(reached, led.STATE)
    day = bridge.days(reached, led.ON_DAY)
    columns = []
    for states in _STATE_OF:
        mine = np.flatnonzero(np.isin(code, [place for place, word in enumerate(words) if word in states]))
        first = np.full(int(claim.max()) + 1, NO_DAY, np.int32)
        first[claim[mine[::-1]]] = day[mine[::-1]]  # of several steps the first one stays
        columns.append(first)
    again = np.zeros(len(columns[0]), np.bool_)
    again[claim[np.isin(code, [place for place, word in enumerate(words) if word == _SECOND])]] = True
    return History(columns[0], columns[1], columns[2], columns[3], again)


def from_file(path: Path) -> History:
    """The columns of a history file (`schema.books.HISTORY_FILE`), CSV or Parquet.

    Raises:
        InputError: it cannot be read, has fewer than two columns of days, or a cell is no day.
    """
    try:
        if path.suffix.lower() == ".parquet":
            table = pq.read_table(path)
        else:
            names = {str(column): pa.date32() for column in b.HISTORY_FILE[:-1]}
            table = pv.read_csv(path, convert_options=pv.ConvertOptions(column_types=names, strings_can_be_null=True))
        given = [str(column) for column in b.HISTORY_FILE[:-1] if str(column) in table.column_names]
        columns = {name: table.column(name).cast(pa.date32()) for name in given}
        again = _again(table, path)
    except (OSError, pa.ArrowException, ValueError) as error:
        raise InputError(f"{path} cannot be read as a history: {error}; days are written YYYY-MM-DD") from error
    if len(given) < 2:  # noqa: PLR2004 - days lie between two
        *first, last = b.HISTORY_FILE[:-1]
        raise InputError(
            f"{path} is no history: it needs at least two of the columns {', '.join(first)} and {last}, "
            f"which hold days; {ACTION} may stand beside them"
        )
    found = pa.table(columns)
    days = [bridge.days(found, column) if column in given else _none(found) for column in b.HISTORY_FILE[:-1]]
    return History(days[0], days[1], days[2], days[3], again)


def _again(table: pa.Table, path: Path) -> Bools | None:
    """Which rows were reliquidations, if the file says so."""
    if str(ACTION) not in table.column_names:
        return None
    words = table.column(str(ACTION)).cast(pa.string()).to_pylist()
    strange = sorted({str(word) for word in words} - set(_ACTIONS))
    if strange:
        raise InputError(f"{path}: {ACTION} is {' or '.join(_ACTIONS)}, not {strange[0]!r}")
    return np.array([word == _ACTIONS[1] for word in words], np.bool_)


def _none(table: pa.Table) -> Int32s:
    return np.full(table.num_rows, NO_DAY, np.int32)


def lags(history: History, source: str, findings: Findings) -> Lags:
    """Days of each step, of the entries whose both ends are known.

    Args:
        history: of earlier entries; where nobody says which were reliquidated, both kinds take the same days.
        source: where they come from, in words.
        findings: rows whose days run backwards are left out and counted.
    """
    accepted, liquidated, issued, settled, again = history
    first = (accepted, liquidated) if again is None else (accepted[~again], liquidated[~again])
    second = (accepted, liquidated) if again is None else (accepted[again], liquidated[again])
    if not (issued != NO_DAY).any():
        steps = [first, second, (issued[:0], issued[:0]), (liquidated, settled)]
    else:
        steps = [first, second, (liquidated, issued), (issued, settled)]
    made = []
    for (begin, end), word in zip(steps, b.LAG_STEP.words, strict=True):
        both: Bools = (begin != NO_DAY) & (end != NO_DAY)
        days = end[both].astype(np.int64) - begin[both]
        wrong = int((days < 0).sum())
        if wrong:
            findings.add("FORECAST_HISTORY_ROW", count=wrong, value=f"the end of the step {word}")
        made.append(Lag.of(days[days >= 0]))
    return Lags(made[0], made[1], made[2], made[3], source)


def mixed(seed: int, group: int, stage: int, draws: int) -> npt.NDArray[np.uint64]:
    """Random words of one group and stage, the same on every machine (the finalizer of splitmix64).

    Args:
        seed: another seed, other words.
        group: number of the group.
        stage: number of the stage within it, below 8.
        draws: how many.
    """
    first = np.uint64((seed * 0x9E3779B97F4A7C15 + group * 0xD1B54A32D192ED03 + stage * 0x8CB92BA72F3D8DD7) % 2**64)
    word = np.arange(1, draws + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + first
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


def drawn(lag: Lag, words: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """A place in `lag.days` for each random word, in proportion to the counts."""
    ticket = (words % np.uint64(lag.observed)).astype(np.int64)
    place: npt.NDArray[np.int64] = np.searchsorted(np.cumsum(lag.counts), ticket, "right")
    return place
