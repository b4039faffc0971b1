"""A population of claims for long stories: accepted over weeks, liquidated or not, held, picked; with their events."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import refund, rules
from cape_engine.dates import day_number
from cape_engine.findings import Findings
from cape_engine.ledger import Ledger
from cape_engine.pipeline.living.facts import Beside, scheduled
from cape_engine.pipeline.living.scheduling import _recorded
from cape_engine.pipeline.request import Request
from cape_engine.schema import rows as columns
from cape_engine.settings import Settings
from living.made import accepted
from reference.entry_number import check_digit

FIRST = dt.date(2026, 4, 20)
DAYS = 24
HELD = ["Extended", "Suspended", "Under Review"]
PER_DECLARATION = 9_999
DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
"""What the last digit before the check digit adds to it."""


def numbers(count: int) -> list[str]:
    """Entry numbers with their check digits."""
    tens = [check_digit(f"ABC{place:07d}") for place in range(0, count, 10)]
    return [f"ABC{place:07d}{(tens[place // 10] - DOUBLED[place % 10]) % 10}" for place in range(count)]


def _entries(count: int, draw: np.random.Generator, accepted_day: npt.NDArray[np.int64]) -> pa.Table:
    """Entries of a store: a third liquidated within 80 days, a tenth held, some of warehouse and AD/CVD types."""
    kind = draw.choice(4, count, p=[0.5, 0.33, 0.1, 0.07])
    liquidated = accepted_day - draw.integers(0, 81, count)
    entered = np.where(kind == 1, liquidated - 314, accepted_day - draw.integers(60, 364, count))
    status = np.array(["Unliquidated", "Liquidated", *HELD, "Suspended"], object)
    word = np.where(kind == 2, 2 + draw.integers(0, 3, count), np.where(kind == 3, 5, kind))
    types = np.where(kind == 3, draw.choice(["03", "21"], count), "01").astype(str)
    known: dict[str, pa.Array] = {
        "entry_number": pa.array(numbers(count)),
        "importer_number": pa.array([f"12-{place:06d}00" for place in draw.integers(0, max(count // 20, 1), count)]),
        "entry_type": pa.array(types),
        "entry_date": pa.array(entered.astype(np.int32)).cast(pa.date32()),
        "deposit_date": pa.array((entered + 10).astype(np.int32)).cast(pa.date32()),
        "liquidation_status": pa.array(status[word].astype(str)),
        "liquidation_date": pa.array(liquidated.astype(np.int32), mask=kind != 1).cast(pa.date32()),
    }
    arrays = [
        known[field.name].cast(field.type) if field.name in known else pa.nulls(count, field.type)
        for field in columns.STORE_ENTRIES_SCHEMA
    ]
    return pa.table(
        arrays, schema=pa.schema([field.with_nullable(nullable=True) for field in columns.STORE_ENTRIES_SCHEMA])
    )


def populate(url: str | Path, count: int, *, seed: int = 3) -> pa.Table:
    """A ledger with claims that were scheduled; the entries."""
    draw = np.random.default_rng(seed)
    day = np.sort(day_number(FIRST) + draw.integers(0, DAYS, count))
    entries = _entries(count, draw, day)
    listed = entries.column("entry_number").to_pylist()
    with Ledger.open(url) as ledger, ledger.transaction():
        for one in np.unique(day).tolist():
            low, high = np.searchsorted(day, [one, one + 1]).tolist()
            filed = dt.date(1970, 1, 1) + dt.timedelta(days=one)
            accepted(ledger, listed[low:high], per_file=PER_DECLARATION, day=filed)
        live = ledger.live()
        cents = draw.integers(0, 500_000, count) * draw.integers(0, 2, count)
        flags = [["BUNDLED_DUTY"] if one else [] for one in (draw.random(count) < 0.05).tolist()]
        wanted = pa.table(
            {
                "entry_number": live["entry_number"],
                "flags": pa.array(flags, pa.list_(pa.string())),
                "principal_cents": pa.array(cents),
                "bill_cents": pa.array(np.zeros(count, np.int64)),
                "recipient": entries["importer_number"],
                "new_version": pa.array(["00101"] * count).dictionary_encode(),
                "declaration": live["declaration"],
                "accepted_date": live["since"],
            }
        )
        settings = Settings.build()
        request = Request(sources=(), out=None, as_of=FIRST, accepted_on=FIRST, settings=settings)
        beside = Beside(rules.load(), settings, None, None, refund.Register())
        _recorded(ledger, scheduled(entries, wanted, request, beside, Findings()))
    return entries


def events(entries: pa.Table, share: float, *, last: dt.date, seed: int = 4) -> pa.Table:
    """Events of every kind, fitting or not, on days up to a last one."""
    draw = np.random.default_rng(seed)
    kinds = rules.load().event_kinds
    words = [kind.kind for kind in kinds]
    ends = {"Extended": "EXTENSION_ENDED", "Suspended": "SUSPENSION_LIFTED", "Under Review": "REVIEW_CLOSED"}
    of_types = {"03": "COMMERCE_INSTRUCTIONS", "21": "WAREHOUSE_LIQUIDATED"}
    status, types = entries["liquidation_status"].to_pylist(), entries["entry_type"].to_pylist()
    held = np.flatnonzero(np.isin(status, HELD))
    count = max(int(share * entries.num_rows), 2)
    place = np.concatenate([draw.choice(held, count // 2), draw.integers(0, entries.num_rows, count - count // 2)])
    fitting = [words.index(of_types.get(types[one], ends[status[one]])) for one in place[: count // 2].tolist()]
    which = np.concatenate([np.array(fitting, np.int64), draw.integers(0, len(kinds), count - count // 2)])
    low, high = day_number(FIRST) + DAYS, day_number(last)
    effective = draw.integers(low, high, count)
    ahead = np.array([-1 if kind.effect == "basis" else 1 for kind in kinds])[which] * draw.integers(0, 30, count)
    allowed = np.array([{"none": 0, "optional": 1, "required": 2}[kind.liquidation_date] for kind in kinds])[which]
    dated = (allowed == 2) | ((allowed == 1) & (draw.random(count) < 0.5))
    given = np.maximum(effective + ahead, low - 70)
    return pa.table(
        {
            "entry_number": entries["entry_number"].take(pa.array(place)),
            "kind": pa.array([kind.kind for kind in kinds]).take(pa.array(which)),
            "effective_date": pa.array(effective.astype(np.int32)).cast(pa.date32()),
            "liquidation_date": pa.array(given.astype(np.int32), mask=~dated).cast(pa.date32()),
            "note": pa.array(["Extended"] * count),
        }
    )
