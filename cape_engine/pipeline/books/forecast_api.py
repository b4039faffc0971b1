"""The public Python call `forecast`: cash by week with ranges, and what nothing is promised for."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Unpack

import numpy as np
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import Int32s, Int64s
from cape_engine.dates import WEEKDAYS, date_of, day_number
from cape_engine.errors import UsageError
from cape_engine.findings import Findings
from cape_engine.ledger.chain import entry_bytes
from cape_engine.outputs.files import sha256_of, write_bytes
from cape_engine.pipeline.arguments import PathLike, path_of
from cape_engine.pipeline.books.api import BooksOptions, requested
from cape_engine.pipeline.books.forecasting import (
    CASES,
    TENTHS,
    Cash,
    Roads,
    first_monday,
    forecast_cash,
    grouped,
    standing_rows,
)
from cape_engine.pipeline.books.lags import History, Lags, from_file, from_ledger, lags
from cape_engine.pipeline.books.positions import Positions
from cape_engine.pipeline.books.request import BooksResult
from cape_engine.pipeline.books.source import Source, opened
from cape_engine.pipeline.books.writing import finished
from cape_engine.report.day_chart import day_chart
from cape_engine.rules import calendars
from cape_engine.schema import books as b
from cape_engine.schema import ledger as led
from cape_engine.schema.facts import ENTRY_NUMBER

MOST_WEEKS = 520
FEW = 30
"""Fewer observations than these make a range that says little."""
CHART = "chart.svg"
_INSTEAD = {
    "liquidate": "entries are taken to be liquidated on their planned days",
    "reliquidate": "entries are taken to be reliquidated on their planned days",
    "issue": "Treasury is taken to pay on the day of liquidation",
    "settle": "money is taken to arrive one or two Fed days later",
}
_SETTLED_WHOLE = "days from the liquidation to the bank are in the step settle"


def forecast(
    *,
    weeks: int = 13,
    history: PathLike | None = None,
    seed: int = 1,
    **options: Unpack[BooksOptions],
) -> BooksResult:
    """Cash by week with ranges, from the days that the filer's own entries took from state to state.

    Args:
        weeks: how many, from the week of the day behind that of the forecast.
        history: CSV or Parquet with days of acceptance, liquidation, issue and settlement, one row an entry; the
            ledger's own steps if not given.
        seed: of the drawn cases.
        options: see `BooksOptions`.

    Returns:
        Tables `weeks`, `lags`, `apart` and `findings`.

    Raises:
        CapeError: see `cape_engine.errors`; bad data is a finding instead.
    """
    if not 1 <= weeks <= MOST_WEEKS:
        raise UsageError(f"a forecast looks 1 to {MOST_WEEKS} weeks ahead, not {weeks}")
    request, findings = requested("forecast", options), Findings()
    source = opened(request, findings)
    positions, as_of = source.positions, day_number(source.as_of)
    file = path_of(history)
    observed = lags(*_history(file, source), findings)
    _tell(observed, findings)
    roads = Roads(
        observed,
        as_of,
        calendars.cbp(source.ruleset, source.settings.words("calendar.overrides")).runs(WEEKDAYS[:5]),
        calendars.fed(source.ruleset).runs(WEEKDAYS[:5]),
    )
    paid, apart = standing_rows(positions)
    groups = grouped(positions, paid, _issued(positions, source.reached))
    cash = forecast_cash(positions, groups, roads, weeks, seed)
    tables = {
        "weeks": _weeks_table(cash, as_of, weeks),
        "lags": _lags_table(observed),
        "apart": _apart_table(positions, apart),
    }
    counts = {
        "entries": cash.entries,
        "groups": len(groups),
        "cases": CASES,
        "seed": seed,
        "later_expected_cents": int(cash.principal[weeks] + cash.interest[weeks]),
        str(b.EXPECTED_PRINCIPAL): int(cash.principal.sum()),
        str(b.EXPECTED_INTEREST): int(cash.interest.sum()),
        "history": None if file is None else {"name": file.name, "sha256": sha256_of(file)},
    }
    chart = _chart(tables["weeks"])

    def pictured(folder: Path) -> dict[str, int]:
        write_bytes(folder / CHART, chart.encode())
        return {CHART: weeks}

    return finished(request, source, tables, counts, findings, more=pictured)


def _history(file: Path | None, source: Source) -> tuple[History, str]:
    """Days of a history, and where they come from."""
    if file is not None:
        return from_file(file), "history file"
    return from_ledger(source.reached), "steps of the ledger"


def _tell(observed: Lags, findings: Findings) -> None:
    """Say which steps were not observed, and which hardly were."""
    for word, lag in zip(b.LAG_STEP.words, observed[:4], strict=True):
        if not lag.observed:
            whole = word == "issue" and observed.settle.observed
            findings.add("FORECAST_NO_HISTORY", value=word, instead=_SETTLED_WHOLE if whole else _INSTEAD[word])
        elif lag.observed < FEW:
            findings.add("FORECAST_FEW_OBSERVED", value=word, count=lag.observed)


def _issued(positions: Positions, reached: pa.Table) -> Int32s:
    """Day of issue of each entry, the last one of a reissue; the liquidation day where it is not known."""
    found = positions.day.copy()
    if not reached.num_rows:
        return found
    code, words = bridge.codes(reached, led.STATE)
    mine = np.flatnonzero(np.array([word == "ISSUED" for word in words] + [False])[code])
    if not len(mine):
        return found
    wanted = entry_bytes(bridge.single(reached, ENTRY_NUMBER).cast(pa.string()).take(pa.array(mine)))
    known = entry_bytes(positions.number)
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    own = known[place] == wanted
    found[place[own]] = bridge.days(reached, led.ON_DAY)[mine][own]
    return found


def _weeks_table(cash: Cash, as_of: int, weeks: int) -> pa.Table:
    """One row per week."""
    mondays = (first_monday(as_of) + 7 * np.arange(weeks)).astype(np.int32)
    columns = [cash.planned, cash.principal, cash.interest, *cash.ranges, *cash.to_date]
    made = [bridge.dates(mondays), *(pa.array(np.ascontiguousarray(column[:weeks])) for column in columns)]
    return pa.table(made, schema=b.FORECAST_WEEKS_SCHEMA)


def _lags_table(observed: Lags) -> pa.Table:
    """How long each step took."""
    rows = []
    for word, lag in zip(b.LAG_STEP.words, observed[:4], strict=True):
        whole = word == "issue" and bool(observed.settle.observed)
        told = observed.source if lag.observed else _SETTLED_WHOLE if whole else _INSTEAD[word]
        rows.append((word, told, lag.observed, *(lag.quantile(tenths) for tenths in TENTHS)))
    columns = [pa.array([row[place] for row in rows]) for place in range(len(b.FORECAST_LAGS))]
    return pa.table(columns, names=b.FORECAST_LAGS_SCHEMA.names).cast(b.FORECAST_LAGS_SCHEMA)


def _apart_table(positions: Positions, rows: Int64s) -> pa.Table:
    """What nothing is promised for, by standing and state."""
    states = positions.state.dictionary.to_pylist()
    state = bridge.filled(positions.state.indices, np.int32, -1)[rows]
    words = sorted(states)
    rank = np.array([words.index(word) for word in states], np.int64)
    key = positions.standing[rows].astype(np.int64) << 32 | (rank[state] if len(rank) else state)
    # An open interest is a state of its own: the day is known, the amount is not.
    met, which = np.unique(key, return_inverse=True)
    sums = np.zeros((2, len(met)), np.int64)
    np.add.at(sums[0], which, positions.principal_cents[rows])
    np.add.at(sums[1], which, np.where(positions.known[rows], positions.interest_cents[rows], 0))
    made = [
        pa.array([b.STANDINGS[one >> 32] for one in met.tolist()], pa.string()).dictionary_encode(),
        pa.array([words[one & 0xFFFFFFFF] for one in met.tolist()], pa.string()).dictionary_encode(),
        pa.array(np.bincount(which, minlength=len(met)).astype(np.int64)),
        *(pa.array(row) for row in sums),
    ]
    return pa.table(made, schema=b.FORECAST_APART_SCHEMA)


def _chart(weeks: pa.Table) -> str:
    """Low, middle and high of every week on top of each other."""
    low, middle, high = (weeks.column(str(column)).to_numpy() for column in b.WEEK_RANGE)
    days: list[dt.date] = [date_of(day) for day in weeks.column(str(b.WEEK)).cast(pa.int32()).to_pylist()]
    series = {
        "at least in 9 of 10": low.tolist(),
        "as often more": (middle - low).tolist(),
        "up to, in 9 of 10": (high - middle).tolist(),
    }
    return day_chart("Cash by week, with its range", days, series)
