"""Risk report: last days of every window against plain dates, one entry at a time, and against what a what-if says."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cape_engine
from cape_engine import mass_processing, rules
from cape_engine.errors import LedgerError, UsageError
from cape_engine.ledger import Ledger
from cape_engine.schema import outlook as s
from cape_engine.schema import results as r
from cape_engine.schema.claims import COURT_UNTIL, PROTEST_UNTIL, WINDOW_UNTIL
from cape_engine.schema.facts import ENTRY_NUMBER, FILER_CODE, IMPORTER_NUMBER
from cape_engine.settings import Settings
from cape_engine.store import Store
from outlook.conftest import World
from reference import liquidation as twin

DAY = dt.timedelta(days=1)
AS_OF = dt.date(2026, 6, 22)
AHEAD = 400
NOTHING_OWED = {"INPUT_REFUSED", "NO_IEEPA_HTS", "SECTION_122_ONLY", "UNABLE_TO_CALCULATE"}


def entries_of(world: World, as_of: dt.date) -> list[dict[str, Any]]:
    """Facts, principal and reasons of every entry."""
    store, settings, ruleset = Store.open(world.store), Settings.build(), rules.load()
    run = cape_engine.run(world.store, as_of=as_of, detail="none", **world.beside).entries
    reasons = dict(zip(*(run.column(name).to_pylist() for name in (ENTRY_NUMBER, r.REASON_CODES)), strict=True))
    found = []
    for name in store.partitions:
        partition = store.read(name)
        mass = mass_processing.process(partition, ruleset=ruleset, settings=settings, as_of=as_of)
        for row, cents in zip(partition.entries.to_pylist(), mass.principal_cents.tolist(), strict=True):
            found.append({**row, "cents": cents, "reasons": set(reasons[row[ENTRY_NUMBER]])})
    return found


def two_years_later(day: dt.date) -> dt.date:
    """The same day; of 29 February it is 28 February."""
    try:
        return day.replace(year=day.year + 2)
    except ValueError:
        return dt.date(day.year + 2, 2, 28)


def windows(entry: dict[str, Any], as_of: dt.date) -> dict[str, dt.date]:
    """Last days of the windows an entry has, from its facts (handbook 4.4, 6.1, 6.6)."""
    stands = twin.standing({key: value for key, value in entry.items() if value is not None}, as_of, as_of)
    found: dict[str, dt.date] = {}
    if entry["deposit_date"] is not None:
        found["court"] = two_years_later(entry["deposit_date"])
    start = entry["last_withdrawal_date"] or entry["entry_date"]
    if stands.liquidated is None:
        if not (stands.held or stands.no_status) and start is not None:
            found["claim"] = twin.one_year_later(start) + 80 * DAY
        return found
    found["claim"] = stands.liquidated + 80 * DAY
    found["reliquidation"] = twin.run_day_to(stands.liquidated + 90 * DAY)
    if "PROTEST_OPEN" not in entry["reasons"]:
        found["protest"] = stands.liquidated + 180 * DAY
    return found


@pytest.mark.parametrize("as_of", [AS_OF, dt.date(2026, 11, 5)], ids=str)
def test_risk__equals_plain_dates(as_of: dt.date, world: World) -> None:
    """Every day, importer and filer has the entries and cents that plain dates give, and the order is as promised."""
    found = cape_engine.risk(world.store, as_of=as_of, days=AHEAD, by=["filer", "importer"], **world.beside)
    by_day: defaultdict[tuple[str, dt.date], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    groups: dict[str, defaultdict[tuple[str, str], list[int]]] = {
        name: defaultdict(lambda: [0, 0, 0, 0]) for name in (IMPORTER_NUMBER, FILER_CODE)
    }
    first: list[tuple[dt.date, int, str]] = []
    for entry in entries_of(world, as_of):
        if entry["cents"] <= 0 or entry["reasons"] & NOTHING_OWED:
            continue
        fileable = int(not entry["reasons"])
        for window, day in windows(entry, as_of).items():
            if not as_of <= day <= as_of + AHEAD * DAY:
                continue
            if window == "claim" and fileable:
                first.append((day, -entry["cents"], entry[ENTRY_NUMBER]))
            for sums in (by_day[window, day], *(groups[c][window, entry[c] or "UNKNOWN"] for c in groups)):
                for place, more in enumerate((1, entry["cents"], fileable, fileable * entry["cents"])):
                    sums[place] += more
    assert {(row[s.WINDOW], row[s.LAST_DATE]): sums_of(row) for row in found.days.to_pylist()} == dict(by_day)
    for name, column in (("importers", IMPORTER_NUMBER), ("filers", FILER_CODE)):
        told = {(row[s.WINDOW], row[column]): sums_of(row) for row in found.table(name).to_pylist()}
        assert told == dict(groups[column])
    listed = [
        (row[WINDOW_UNTIL], -row[r.PRINCIPAL_CENTS], row[ENTRY_NUMBER]) for row in found.table("entries").to_pylist()
    ]
    assert listed == sorted(first)
    assert {row[s.WINDOW] for row in found.days.to_pylist()} >= {"claim", "protest", "court"}


def sums_of(row: dict[str, Any]) -> list[int]:
    """The sums of a row."""
    return [
        row[s.LEAVING_ENTRIES],
        row[r.PRINCIPAL_CENTS],
        row[s.FILEABLE_ENTRIES],
        row[s.FILEABLE_PRINCIPAL_CENTS],
    ]


def test_risk__agrees_with_whatif(world: World) -> None:
    """Who leaves the claim window behind a day is who a what-if shows leaving on the next one for that reason."""
    first, last = dt.date(2026, 7, 8), dt.date(2026, 9, 30)  # no rule changes in between
    told = cape_engine.risk(world.store, as_of=first, days=(last - first).days - 1, **world.beside).days.to_pylist()
    leaving = {
        row[s.LAST_DATE] + DAY: (row[s.FILEABLE_ENTRIES], row[s.FILEABLE_PRINCIPAL_CENTS])
        for row in told
        if row[s.WINDOW] == "claim" and row[s.FILEABLE_ENTRIES]
    }
    changes = cape_engine.whatif(world.store, accept_from=first, accept_to=last, **world.beside).table("changes")
    seen: defaultdict[dt.date, Counter[str]] = defaultdict(Counter)
    for row in changes.to_pylist():
        if row[s.CHANGE_KIND] == "leaves":
            assert row[s.CHANGE_REASON] == "FINAL_LIQUIDATION"
            seen[row[s.ACCEPTANCE_DATE]] += Counter(entries=row[s.CHANGED_ENTRIES], cents=row[r.PRINCIPAL_CENTS])
    with_money = {day: (row["entries"], row["cents"]) for day, row in seen.items() if row["cents"]}
    assert {day: cents for day, (_, cents) in with_money.items()} == {day: cents for day, (_, cents) in leaving.items()}
    assert all(with_money[day][0] >= entries for day, (entries, _) in leaving.items())  # some without money leave too


def test_risk__dates_of_an_entry(world: World) -> None:
    """The list carries days left and the later dates of each entry."""
    facts = {entry[ENTRY_NUMBER]: entry for entry in entries_of(world, AS_OF)}
    rows = cape_engine.risk(world.store, as_of=AS_OF, days=AHEAD, **world.beside).table("entries").to_pylist()
    assert {row[s.WINDOW_BASIS] for row in rows} == {"liquidation", "anniversary"}
    for row in rows:
        days = windows(facts[row[ENTRY_NUMBER]], AS_OF)
        assert row[s.DAYS_LEFT] == (days["claim"] - AS_OF).days
        assert row[s.RELIQUIDATION_UNTIL] == days.get("reliquidation")
        assert row[PROTEST_UNTIL] == days.get("protest")
        assert row[COURT_UNTIL] == days.get("court")
        assert row[s.WINDOW_BASIS] == ("liquidation" if "reliquidation" in days else "anniversary")


@pytest.mark.parametrize("day", ["2026-06-22", "2026-07-20"])
def test_risk__from_results_and_facts(day: str, world: World, tmp_path: Path) -> None:
    """A finished run and a facts file give the same report, entries that the run rejected included."""
    cape_engine.run(world.store, as_of="2026-06-22", detail="none", out=tmp_path / "run", **world.beside)
    asked: dict[str, Any] = {"as_of": day, "days": AHEAD, "by": "importer", **world.beside}
    computed = cape_engine.risk(world.store, facts=tmp_path / "facts", **asked)
    kept = cape_engine.risk(world.store, facts=tmp_path / "facts", out=tmp_path / "out", **asked)
    taken = cape_engine.risk(world.store, results=tmp_path / "run", **asked)
    hashes = {one.manifest["result_hash"] for one in (computed, kept, taken)}
    assert len(hashes) == 1
    assert taken.manifest["counts"]["windows"] == computed.manifest["counts"]["windows"]
    assert pq.read_table(tmp_path / "out" / "entries.parquet").equals(computed.table("entries"))


def test_risk__live_claims_are_not_filed_again(world: World, tmp_path: Path) -> None:
    """What the ledger shows on a live claim leaves the list of entries to file, and is counted."""
    asked: dict[str, Any] = {"as_of": AS_OF, "days": AHEAD, **world.beside}
    url = str(tmp_path / "claims.db")
    with pytest.raises(LedgerError):
        cape_engine.risk(world.store, ledger=url, **asked)
    packed = cape_engine.pack(
        world.store, as_of=AS_OF, ledger=url, out=tmp_path / "packed", settings={"claim.unknown_facts": "pass"}
    )
    numbers = set(packed.packed_entries.column(ENTRY_NUMBER).to_pylist())
    before = cape_engine.risk(world.store, **asked)
    after = cape_engine.risk(world.store, ledger=url, **asked)
    with Ledger.open(url, create=False) as ledger:
        assert after.manifest["counts"]["on_live_claims"] == ledger.live().num_rows == len(numbers) > 0
    left = [row for row in before.table("entries").to_pylist() if row[ENTRY_NUMBER] not in numbers]
    assert after.table("entries").to_pylist() == left
    assert before.table("entries").num_rows > len(left)


def test_risk__nothing_to_look_at(world: World, tmp_path: Path) -> None:
    """Looking back is refused, a report of one day is one day, and windows that lie elsewhere give empty tables."""
    with pytest.raises(UsageError, match="looks ahead"):
        cape_engine.risk(world.store, as_of=AS_OF, days=-1)
    today = cape_engine.risk(world.store, as_of=AS_OF, days=0, **world.beside).days
    assert set(today.column(s.LAST_DATE).to_pylist()) <= {AS_OF}
    late = cape_engine.risk(world.store, as_of="2030-01-02", days=1, by="filer", out=tmp_path, **world.beside)
    assert (late.days.num_rows, late.table("entries").num_rows, late.table("filers").num_rows) == (0, 0, 0)
    assert pa.table(late.days).schema == s.RISK_DAYS_SCHEMA
    assert (tmp_path / "chart.svg").read_text(encoding="utf-8").endswith("</svg>\n")
