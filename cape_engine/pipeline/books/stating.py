"""What each importer is owed, entry by entry, with the days and rates of the interest; tied to the refunds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools, Int8s, Int32s, Int64s
from cape_engine.money import scaled_text
from cape_engine.pipeline.books.positions import Positions
from cape_engine.refund.cohorts import UNKNOWN
from cape_engine.refund.rates import RateTable
from cape_engine.refund.register import key_of
from cape_engine.schema import books as b
from cape_engine.schema import results as r


@dataclass(frozen=True, slots=True)
class Stated:
    """Statements of all importers.

    Attributes:
        entries: `schema.books.STATEMENT_ENTRIES`.
        importers: `STATEMENT_IMPORTERS`.
        untied: refunds whose entries do not add up to them: recipient, day, cents of the refund, cents of its entries.
    """

    entries: pa.Table
    importers: pa.Table
    untied: list[tuple[str, int, int, int]]


def state(positions: Positions, refunds: pa.Table, importers: tuple[str, ...] = ()) -> Stated:
    """Statements of importers, after the entries of all of them were compared with the refunds.

    Args:
        positions: of entries.
        refunds: of the run (`RESULT_REFUNDS`) or of the ledger (`schema.life.COHORTS`).
        importers: only these, compared without dashes and case; all when none is named.
    """
    entries = _entries(positions)
    untied = _untied(positions, refunds)
    if importers:
        wanted = {key_of(number) for number in importers}
        words = bridge.single(entries, b.STATEMENT_ENTRIES[0]).dictionary.to_pylist()
        mine = pa.array([word for word in words if key_of(word) in wanted], pa.string())
        entries = entries.filter(pc.is_in(entries.column(0).cast(pa.string()), value_set=mine))
    return Stated(entries, _totals(entries), untied)


def _entries(positions: Positions) -> pa.Table:
    """One row per entry, by importer and entry number."""
    start = np.where(positions.dated, positions.start(), NO_DAY).astype(np.int32)
    bears = positions.dated & (start != NO_DAY) & (start < positions.day)
    end = np.where(bears, positions.day, NO_DAY).astype(np.int32)
    start = np.where(bears, start, NO_DAY).astype(np.int32)
    names = [word or UNKNOWN for word in positions.importer.dictionary.to_pylist()]
    importer = pa.DictionaryArray.from_arrays(
        pc.fill_null(positions.importer.indices, len(names)), pa.array([*names, UNKNOWN], pa.string())
    )
    table = pa.table(
        [
            importer,
            positions.number,
            bridge.words(positions.standing.astype(np.int32), list(b.STANDINGS)),
            positions.state,
            bridge.dates(positions.day),
            pa.array(positions.principal_cents),
            bridge.maybe_integers(positions.interest_cents, positions.known),
            bridge.dates(start),
            bridge.dates(end),
            bridge.known_only(np.where(bears, end - start, 0).astype(np.int32), bears, pa.int32()),
            _rates(positions.table, positions.kind, start, end, bears),
            positions.recipient,
            positions.payment,
        ],
        names=b.STATEMENT_ENTRIES_SCHEMA.names,
    ).cast(b.STATEMENT_ENTRIES_SCHEMA)
    # Entries stand in the order of their numbers, and the sort is stable.
    return table.take(pc.sort_indices(importer.cast(pa.string())))


def _rates(table: RateTable, kind: Int8s, start: Int32s, end: Int32s, bears: Bools) -> pa.DictionaryArray:
    """Days and rates in words, once for each kind and pair of days."""
    rows = np.flatnonzero(bears)
    span = (start[rows].astype(np.int64) << 24 | (end[rows] - start[rows])) << 1 | kind[rows]
    met, which = np.unique(span, return_inverse=True)
    words = []
    for one in met.tolist():
        first, days = one >> 25, one >> 1 & 0xFFFFFF
        words.append(rates_in_words(table, one & 1, first, first + days))
    place = np.full(len(kind), -1, np.int32)
    place[rows] = which
    return pa.DictionaryArray.from_arrays(pa.array(place, mask=place < 0), pa.array(words, pa.string()))


def rates_in_words(table: RateTable, kind: int, start: int, end: int) -> str:
    """Days and yearly rates of a period, such as "76 days at 7 %, 30 at 6 %".

    Args:
        table: the rates.
        kind: place in `refund.rates.KINDS`.
        start: deposit day, itself not counted.
        end: liquidation day, itself counted.
    """
    spans: list[tuple[int | None, int]] = []
    for segment in table.segments(kind, start, end):
        if spans and spans[-1][0] == segment.rate_e9:
            spans[-1] = (segment.rate_e9, spans[-1][1] + segment.days)
        else:
            spans.append((segment.rate_e9, segment.days))
    told = [f"{days} at {'no known rate' if rate is None else scaled_text(rate, 7) + ' %'}" for rate, days in spans]
    return ", ".join(told).replace(" at ", " days at ", 1)


def _untied(positions: Positions, refunds: pa.Table) -> list[tuple[str, int, int, int]]:
    """Refunds that their entries do not add up to, to the cent."""
    paid = np.flatnonzero(pc.is_valid(positions.payment).to_numpy(zero_copy_only=False))
    names = [*positions.recipient.dictionary.to_pylist(), UNKNOWN]
    code = bridge.filled(positions.recipient.indices, np.int32, -1)[paid]
    code = np.where(code < 0, len(names) - 1, code)
    cents = positions.principal_cents + np.where(positions.known, positions.interest_cents, 0)
    ours = _by_refund(names, code, positions.day[paid], cents[paid])
    theirs_code, words = bridge.codes(refunds, r.RECIPIENT)
    when = bridge.days(refunds, r.RESULT_LIQUIDATION_DATE)
    # A refund of unknown interest is its principal; so are its entries, whose interest is open.
    amount = bridge.integers(refunds, r.AMOUNT_CENTS, 0)
    theirs = _by_refund(words, theirs_code, when, amount)
    return [
        (*key, theirs.get(key, 0), ours.get(key, 0))
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key, 0) != theirs.get(key, 0)
    ]


def _by_refund(names: list[str], code: Int32s, day: Int32s, cents: Int64s) -> dict[tuple[str, int], int]:
    """Cents by recipient and day."""
    keys, which = np.unique(code.astype(np.int64) << 32 | day, return_inverse=True)
    sums = np.zeros(len(keys), np.int64)
    np.add.at(sums, which, cents)
    found: dict[tuple[str, int], int] = {}
    for key, total in zip(keys.tolist(), sums.tolist(), strict=True):
        name = (names[key >> 32], key & 0xFFFFFFFF)
        found[name] = found.get(name, 0) + total
    return found


def _totals(entries: pa.Table) -> pa.Table:
    """One row per importer."""
    code, words = bridge.codes(entries, b.STATEMENT_ENTRIES[0])
    standing, names = bridge.codes(entries, b.STANDING)
    dated = np.isin(standing, [place for place, name in enumerate(names) if name in b.STANDINGS[:3]])
    principal = bridge.integers(entries, r.PRINCIPAL_CENTS, 0)
    interest = bridge.integers(entries, r.INTEREST_CENTS, 0)
    sums = np.zeros((4, len(words)), np.int64)
    for row, values in enumerate((np.ones(len(code), np.int64), principal, principal * dated, interest * dated)):
        np.add.at(sums[row], code, values)
    order = np.array(sorted(np.flatnonzero(sums[0]).tolist(), key=lambda place: words[place]), np.int64)
    made = [
        pa.array([words[place] for place in order.tolist()], pa.string()).dictionary_encode(),
        *(pa.array(np.ascontiguousarray(row[order])) for row in sums),
        pa.array(sums[2, order] + sums[3, order]),
    ]
    return pa.table(made, schema=b.STATEMENT_IMPORTERS_SCHEMA)
