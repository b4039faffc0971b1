"""What-if: every acceptance day equals a run of its own, whoever knows the principal, and whatever the settings."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import cape_engine
from cape_engine.bridge import Partition
from cape_engine.errors import InputError, UsageError
from cape_engine.schema import outlook as s
from cape_engine.schema import results as r
from cape_engine.schema import rows
from cape_engine.schema.facts import FILER_CODE, IMPORTER_NUMBER
from cape_engine.store import StoreWriter
from outlook.conftest import World
from outlook.days_apart import by_runs, days_between, reasons_of

FIRST, LAST = dt.date(2026, 6, 22), dt.date(2026, 7, 10)
"""Over the changes of law on 06-25, 06-29 and 07-07, and the holidays of 06-19 and 07-03."""
CHANGES = [dt.date(2026, 6, 24), dt.date(2026, 6, 25), dt.date(2026, 6, 29), dt.date(2026, 7, 7)]
WIDE = dt.date(2026, 4, 20), dt.date(2026, 11, 20)

SETTINGS: list[dict[str, object]] = [
    {},
    {"schedule.unliquidated_rule": "within", "schedule.review_days": 3, "refund.interest_rounding": "per_quarter"},
    {
        "schedule.review_sample": 700,
        "refund.small_difference": "disregard_lt_20",
        "refund.consolidate_4811": "importer",
        "claim.accept_window_inclusive": False,
        "schedule.deemed_margin_days": 5,
    },
    {
        "phase.hold_policy": "reject",
        "claim.presence_rule": "amount",
        "schedule.reliq_limit": 82,
        "schedule.reliq_basis": "original",
        "schedule.review_amount_cents": 100_000,
        "schedule.review_rules": "",
    },
    {"phase.3_enabled": True, "phase.3_start": "2026-07-01", "claim.value_check_until": "2026-07-02"},
    {"calendar.overrides": "2026-07-06", "schedule.run_days": "TUE,WED", "refund.deposit_fallback": "entry_date"},
    {"refund.large_corporate_cut": True},
]


def told_on(found: cape_engine.OutlookResult, days: list[dt.date]) -> list[dict[str, Any]]:
    """The rows of some acceptance days."""
    return [row for row in found.days.to_pylist() if row[s.ACCEPTANCE_DATE] in days]


@pytest.mark.parametrize(
    ("settings", "days"),
    [(SETTINGS[0], [FIRST, *CHANGES, LAST]), *((settings, [CHANGES[0], LAST]) for settings in SETTINGS[1:])],
    ids=lambda one: next(iter(one), "default") if isinstance(one, dict) else "",
)
def test_whatif__equals_runs(settings: dict[str, object], days: list[dt.date], world: World) -> None:
    """Each day has the counts, cents, refunds and payment days of a run as of that day, under every setting."""
    found = cape_engine.whatif(world.store, accept_from=FIRST, accept_to=LAST, settings=settings, **world.beside)
    assert told_on(found, days) == by_runs(world.store, days, settings=settings, **world.beside)


@pytest.mark.heavy
@pytest.mark.parametrize("settings", SETTINGS, ids=lambda one: next(iter(one), "default"))
def test_whatif__equals_runs_of_seven_months(settings: dict[str, object], world: World) -> None:
    """From the first day of the portal to the year's end, where interest rates end, every fifth day equals its run."""
    found = cape_engine.whatif(world.store, accept_from=WIDE[0], accept_to=WIDE[1], settings=settings, **world.beside)
    days = days_between(*WIDE)[::5]
    assert told_on(found, days) == by_runs(world.store, days, settings=settings, **world.beside)
    assert settings or pc.sum(found.days.column(s.UNKNOWN_INTEREST)).as_py() > 0, "no day lies behind the last rate"


def test_whatif__days_do_not_see_each_other(world: World) -> None:
    """A day alone is the day among others: nothing depends on the days asked for."""
    whole = cape_engine.whatif(world.store, accept_from=WIDE[0], accept_to=WIDE[1], **world.beside).days
    for ahead in (0, 66, 78, 214):
        day = WIDE[0] + dt.timedelta(days=ahead)
        alone = cape_engine.whatif(world.store, accept_from=day, accept_to=day, threads=1, **world.beside)
        assert alone.days.to_pylist() == whole.slice(ahead, 1).to_pylist()
        assert alone.table("changes").num_rows == 0


def test_whatif__changes_by_reason(world: World) -> None:
    """Who enters or leaves from one day to the next, why, and with how much, is what two runs differ in."""
    found = cape_engine.whatif(world.store, accept_from=FIRST, accept_to=LAST, **world.beside).table("changes")
    told = {
        (row[s.ACCEPTANCE_DATE], row[s.CHANGE_KIND], row[s.CHANGE_REASON]): (
            row[s.CHANGED_ENTRIES],
            row[r.PRINCIPAL_CENTS],
        )
        for row in found.to_pylist()
        if row[s.CHANGE_KIND] in {"enters", "leaves"}
    }
    expected: dict[tuple[dt.date, str, str], tuple[int, int]] = {}
    for day in CHANGES[1:]:
        before = reasons_of(world.store, day - dt.timedelta(days=1), **world.beside)
        for number, (reasons, cents) in reasons_of(world.store, day, **world.beside).items():
            old, old_cents = before[number]
            if bool(old) != bool(reasons):
                key = (day, "leaves" if reasons else "enters", (reasons or old)[0])
                count, sum_cents = expected.get(key, (0, 0))
                expected[key] = count + 1, sum_cents + (old_cents if reasons else cents)
    told = {key: value for key, value in told.items() if key[0] in CHANGES[1:]}
    assert told == expected
    assert {kind for _, kind, _ in told} == {"enters", "leaves"}
    assert {"FINAL_LIQUIDATION", "RECON_FLAGGED", "WAREHOUSE_TYPES_REFUSED"} <= {reason for _, _, reason in told}


def test_whatif__by_importer_and_filer(world: World) -> None:
    """Groups add up to the days, and an importer's row is that of a run."""
    found = cape_engine.whatif(
        world.store, accept_from=FIRST, accept_to=FIRST, by=["importer", "filer"], **world.beside
    )
    [day] = found.days.to_pylist()
    for name in ("importers", "filers"):
        table = found.table(name)
        for column in (s.ELIGIBLE, r.PRINCIPAL_CENTS, s.REFUND_ENTRIES, s.REFUND_PRINCIPAL_CENTS, r.INTEREST_CENTS):
            assert pc.sum(table.column(column)).as_py() == day[column]
    entries = cape_engine.run(world.store, as_of=FIRST, detail="none", **world.beside).entries.to_pylist()
    for name, column in (("importers", IMPORTER_NUMBER), ("filers", FILER_CODE)):
        interest: Counter[str] = Counter()
        for row in entries:
            if row[r.DISPOSITION] == "accepted":
                interest[row[column] or "UNKNOWN"] += row[r.INTEREST_CENTS] or 0
        told = {row[column]: row[r.INTEREST_CENTS] for row in found.table(name).to_pylist()}
        assert told == dict(interest)


@pytest.mark.parametrize(
    ("run_on", "first", "last"),
    [("2026-06-22", FIRST, LAST), ("2026-07-08", dt.date(2026, 6, 25), LAST), ("2026-05-04", WIDE[0], WIDE[1])],
)
def test_whatif__from_results(run_on: str, first: dt.date, last: dt.date, world: World, tmp_path: Path) -> None:
    """Principal and faults taken from a run give the same tables, also for days before and after it."""
    cape_engine.run(world.store, as_of=run_on, detail="none", out=tmp_path / "run", **world.beside)
    computed = cape_engine.whatif(world.store, accept_from=first, accept_to=last, **world.beside)
    taken = cape_engine.whatif(world.store, accept_from=first, accept_to=last, results=tmp_path / "run", **world.beside)
    assert taken.manifest["principal_from"] == "results of a run"
    assert taken.manifest["result_hash"] == computed.manifest["result_hash"]
    assert taken.days.equals(computed.days)
    assert taken.table("changes").equals(computed.table("changes"))


def test_whatif__results_that_do_not_fit(world: World, tmp_path: Path) -> None:
    """Results with other settings, of other entries, of a day that tested other rules, or of nothing, are refused."""
    asked: dict[str, Any] = {"accept_from": FIRST, "accept_to": FIRST, "results": tmp_path}
    with pytest.raises(InputError, match="no results of a run"):
        cape_engine.whatif(world.store, **asked)
    cape_engine.run(world.store, as_of="2026-07-08", detail="none", out=tmp_path)
    with pytest.raises(UsageError, match="did not test HTS_RELATIONSHIP_SEQUENCE"):
        cape_engine.whatif(world.store, **asked)
    with pytest.raises(UsageError, match=r"another mass\.mode"):
        cape_engine.whatif(world.store, **asked, settings={"mass.mode": "B"})
    with pytest.raises(UsageError, match="either --results or --facts"):
        cape_engine.whatif(world.store, **asked, facts=tmp_path / "facts")
    (tmp_path / "entries.parquet").write_bytes(b"nothing")
    with pytest.raises(InputError, match="run it again"):
        cape_engine.whatif(world.store, **{**asked, "accept_from": LAST, "accept_to": LAST})


def test_whatif__facts_are_kept(world: World, tmp_path: Path) -> None:
    """The first question writes the file, the next one takes it, also for other days; other law makes it useless."""
    facts = tmp_path / "store.facts"
    asked: dict[str, Any] = {"accept_from": FIRST, "accept_to": LAST, "facts": facts, **world.beside}
    first = cape_engine.whatif(world.store, **asked)
    second = cape_engine.whatif(world.store, **asked)
    assert (first.manifest["principal_from"], second.manifest["principal_from"]) == ("computed", "facts file")
    assert first.days.equals(second.days)
    assert pq.ParquetFile(facts).num_row_groups > 1
    early = cape_engine.whatif(world.store, **{**asked, "accept_from": WIDE[0], "accept_to": WIDE[0]})
    assert early.days.to_pylist() == by_runs(world.store, [WIDE[0]], **world.beside)
    with pytest.raises(UsageError, match="made from other settings"):
        cape_engine.whatif(world.store, **asked, settings={"mass.replacement_base": "none"})
    pq.write_table(pa.table({"a": [1]}), facts)
    with pytest.raises(InputError, match="not a file of facts"):
        cape_engine.whatif(world.store, **asked)


@pytest.mark.parametrize("threads", [1, 3])
def test_whatif__threads_and_files(threads: int, world: World, tmp_path: Path) -> None:
    """The answer does not depend on threads; the folder holds it whole, as Parquet, as CSV and as a picture."""
    found = cape_engine.whatif(
        world.store, accept_from=FIRST, accept_to=LAST, threads=threads, out=tmp_path, by="filer", **world.beside
    )
    assert told_on(found, [LAST]) == by_runs(world.store, [LAST], **world.beside)
    for name, table in found.tables.items():
        assert pq.read_table(tmp_path / f"{name}.parquet").equals(table)
    assert len((tmp_path / "days.csv").read_text(encoding="utf-8").splitlines()) == 1 + found.days.num_rows
    assert (tmp_path / "chart.svg").read_text(encoding="utf-8").count("<title>") == 2 * found.days.num_rows
    assert set(found.manifest["files"]) == {path.name for path in tmp_path.iterdir()} - {"manifest.json"}


def test_whatif__no_entries_at_all(tmp_path: Path) -> None:
    """A store without entries, or with a partition without entries, comes to nothing on every day."""
    schemas = (rows.STORE_ENTRIES_SCHEMA, rows.STORE_LINES_SCHEMA, rows.STORE_TARIFFS_SCHEMA)
    entries, lines, tariffs = (schema.empty_table() for schema in schemas)
    for parts in (0, 1):
        writer = StoreWriter(tmp_path / f"store-{parts}")
        for _ in range(parts):
            writer.write(Partition("part-00000", entries, lines, tariffs, ()))
        writer.finish([], [])
        asked: dict[str, Any] = {"by": ["importer", "filer"], "facts": tmp_path / f"facts-{parts}"}
        for _ in range(2):
            found = cape_engine.whatif(writer.folder, accept_from=FIRST, accept_to=LAST, **asked)
            assert [row[s.ELIGIBLE] for row in found.days.to_pylist()] == [0] * 19
            assert {row[s.FIRST_PAYMENT] for row in found.days.to_pylist()} == {None}
            assert found.table("importers").num_rows == found.table("changes").num_rows == 0
            assert cape_engine.risk(writer.folder, as_of=FIRST, **asked).days.num_rows == 0


def test_whatif__entries_without_any_date(tmp_path: Path) -> None:
    """Entries whose column 1 rates would be those of the filing day are counted by a finding, if days differ."""
    export = tmp_path / "rows.csv"
    export.write_text(
        "entry_number,line_number,ordinal,hts_number,value_dollars,duty_cents,entry_type,liquidation_status\n"
        "ABC12345676,1,1,99030125,0,10000,01,Unliquidated\nABC12345676,1,2,8517130000,1000,0,01,Unliquidated\n",
        encoding="utf-8",
    )
    found = cape_engine.whatif(export, accept_from=FIRST, accept_to=LAST)
    assert [row[r.VALUE] for row in found.table("findings").to_pylist() if row[r.CODE] == "RATE_DATE_UNKNOWN"] == ["1"]
    assert found.days.to_pylist()[0][r.PRINCIPAL_CENTS] == 10_000
    alone = cape_engine.whatif(export, accept_from=FIRST, accept_to=FIRST)
    assert "RATE_DATE_UNKNOWN" not in alone.manifest["counts"]["findings_by_code"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"accept_from": "2026-04-19", "accept_to": "2026-05-01"}, "the portal opened on 2026-04-20"),
        ({"accept_from": "2026-05-02", "accept_to": "2026-05-01"}, "lies before the first one"),
        ({"accept_from": "2026-05-32", "accept_to": "2026-05-01"}, "is not a day"),
        ({"accept_from": "2026-05-01", "accept_to": "2076-05-01"}, "too far apart"),
        ({"accept_from": "2026-05-01", "accept_to": "2026-05-01", "by": "port"}, "nothing to group by"),
        ({"accept_from": "2026-05-01", "accept_to": "2026-05-01", "ledger": "x.db"}, "leave the ledger away"),
        ({"accept_from": "2026-05-01", "accept_to": "2026-05-01", "asof": "2026-05-01"}, "no option 'asof'"),
    ],
)
def test_whatif__bad_questions(asked: dict[str, Any], words: str, world: World) -> None:
    """What cannot be answered is refused with the reason."""
    with pytest.raises(UsageError, match=words):
        cape_engine.whatif(world.store, **asked)
