"""An independent computation of the whole road in DuckDB SQL, to check the engine with; it shares the rule files only.

Covered: default settings; every entry claimed; removal by class; column 1 restored (General, Special free or readable;
codes 0-7, D, E, K); moved values; principal; dated entry rules; holds, schedule, review (layout, bundled, displaced
232, bill, value); interest by deposit; recipients; consolidation. Not covered: the gap between the modes as a cause of
review, ledgers, column 2 countries.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow import csv

SQL = Path(__file__).with_name("oracle.sql")
RULE_FILES = (
    *("ieepa_numbers", "other_chapter99", "hts_base", "special_rates", "spi_codes", "eligibility_rules", "entry_types"),
    *("statutory_holidays", "federal_closures", "hold_codes", "interest_rates"),
)
BATCH = 40_000
"""Entries whose lines are worked on together; keeps the memory small and changes no answer."""

TEXT, DAY, FLAG, CENTS = "VARCHAR", "DATE", "BOOLEAN", "BIGINT"
FACTS = {
    **dict.fromkeys(("importer_number", "importer_kind", "entry_type", "summary_status", "control_status"), TEXT),
    **dict.fromkeys(("liquidation_status", "protest_status", "extension_suspension_code", "notify_party"), TEXT),
    **dict.fromkeys(("entry_date", "inbond_date", "deposit_date", "liquidation_date"), DAY),
    **dict.fromkeys(("scheduled_liquidation_date", "last_withdrawal_date"), DAY),
    **dict.fromkeys(("statement_complete", "reconciliation_flag", "reconciliation_entry_filed", "drawback_flag"), FLAG),
    **dict.fromkeys(("adcvd_pending", "notify_party_on_profile", "surety_paid"), FLAG),
    **dict.fromkeys(("prior_refund_cents", "paid_duty_cents"), CENTS),
}
LINE_FACTS = {
    **dict.fromkeys(("spi_code", "set_indicator", "ftz_status", "uom_1", "uom_2", "uom_3"), TEXT),
    "privileged_date": DAY,
}


def run_oracle(
    rows: pa.Table,
    headers: pa.Table | None,
    importers: pa.Table | None,
    as_of: dt.date,
    accepted_on: dt.date,
    deposits: pa.Table | None = None,
) -> dict[str, pa.Table]:
    """Compute every entry and refund of `rows` by SQL.

    Args:
        rows: one row per tariff number, canonical names; may carry facts of entries.
        headers: one row per entry; counts before facts on the rows.
        importers: the importers file.
        as_of: filing day.
        accepted_on: acceptance day.
        deposits: the deposits file.

    Returns:
        `entries` (entry_number, disposition, reason_codes, action, money, liquidation_date, recipient) by entry number,
        and `refunds` (columns of the engine's refunds) by recipient and day.
    """
    connection = duckdb.connect()
    try:
        sections = dict(_sections())
        for name, table in _rule_tables().items():
            connection.register(f"r_{name}", table)
        connection.execute("CREATE TABLE run AS SELECT ?::DATE AS as_of, ?::DATE AS accepted_on", [as_of, accepted_on])
        _load(connection, rows, headers, importers)
        _load_deposits(connection, deposits)
        connection.execute(sections["rules"])
        (count,) = _row(connection, "SELECT count(*) FROM facts")
        for first in range(0, count, BATCH):
            _numbers(connection, rows, first)
            connection.execute(sections["lines"])
            connection.execute(sections["trial"])
        for name in ("standing", "eligibility", "decisions", "recipients"):
            connection.execute(sections[name])
        _growth(connection)
        connection.execute(sections["results"])
        return {
            "entries": connection.sql("FROM entries").to_arrow_table(),
            "refunds": connection.sql("FROM refund_rows").to_arrow_table(),
        }
    finally:
        connection.close()


@cache
def _rule_tables() -> dict[str, pa.Table]:
    """The rule files as text, found where the engine is installed; nothing of the engine is imported."""
    spec = importlib.util.find_spec("cape_engine")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    folder = Path(spec.submodule_search_locations[0]) / "rules" / "data"
    tables = {}
    for name in RULE_FILES:
        path = folder / f"{name}.csv"
        names = path.read_text(encoding="utf-8").partition("\n")[0].split(",")
        text = csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
        )
        tables[name] = csv.read_csv(path, convert_options=text)
    return tables


def _sections() -> Iterator[tuple[str, str]]:
    """The parts of the SQL file by name."""
    for part in SQL.read_text(encoding="utf-8").split("\n-- @")[1:]:
        name, _, text = part.partition("\n")
        yield name.strip(), text


def _row(connection: Any, sql: str) -> tuple[Any, ...]:
    found: tuple[Any, ...] = connection.execute(sql).fetchone()
    return found


def _as(table: str, column: str, kind: str) -> str:
    """A column as the type wanted; yes and no are told by letter, word or digit."""
    if kind == FLAG:
        return f"(lower(CAST({table}.{column} AS VARCHAR)) IN ('y', 'yes', 'true', '1'))"
    return f"CAST({table}.{column} AS {kind})"


def _load(connection: Any, rows: pa.Table, headers: pa.Table | None, importers: pa.Table | None) -> None:
    """Facts of the entries and of the importers as tables."""
    connection.register("rows_in", rows)
    own = [name for name in FACTS if name in rows.column_names]
    known = [name for name in FACTS if headers is not None and name in headers.column_names]
    connection.execute(
        "CREATE TEMP TABLE of_rows AS SELECT entry_number, "
        + "".join(f"any_value({_as('rows_in', name, FACTS[name])}) AS {name}, " for name in own)
        + "FROM rows_in GROUP BY entry_number"
    )
    if headers is not None:
        connection.register("headers_in", headers)
    columns = []
    for name, kind in FACTS.items():
        parts = [_as("h", name, kind)] * (name in known) + [f"r.{name}"] * (name in own)
        columns.append(f"coalesce({', '.join([*parts, f'CAST(NULL AS {kind})'])}) AS {name}")
    join = "LEFT JOIN headers_in h USING (entry_number)" if headers is not None else ""
    connection.execute(
        "CREATE TABLE facts AS SELECT CAST(row_number() OVER (ORDER BY r.entry_number) - 1 AS INTEGER) AS e, "
        f"r.entry_number, {', '.join(columns)} FROM of_rows r {join}"
    )
    people = importers if importers is not None else pa.table({"importer_number": pa.array([], pa.string())})
    connection.register("people_in", people)
    facts = {
        name: f"any_value({_as('people_in', name, kind)})" if name in people.column_names else f"CAST(NULL AS {kind})"
        for name, kind in {"importer_kind": TEXT, "ach_enrolled": FLAG}.items()
    }
    connection.execute(
        "CREATE TABLE people AS SELECT upper(replace(replace(importer_number, '-', ''), ' ', '')) AS key, "
        + ", ".join(f"{text} AS {name}" for name, text in facts.items())
        + " FROM people_in GROUP BY key"
    )


def _load_deposits(connection: Any, deposits: pa.Table | None) -> None:
    """The deposits file as a table, empty when there is none."""
    names = ("entry_number", "deposit_date", "amount_cents")
    none = pa.table([pa.array([], kind) for kind in (pa.string(), pa.date32(), pa.int64())], names=list(names))
    connection.register("deposits_in", none if deposits is None else deposits)
    connection.execute(
        "CREATE TABLE deposits AS SELECT entry_number, "
        "CAST(deposit_date AS DATE) AS deposit_day, amount_cents AS amount "
        "FROM deposits_in"
    )


def _numbers(connection: Any, rows: pa.Table, first: int) -> None:
    """The tariff numbers of one batch of entries."""
    columns = [
        f"{_as('r', name, kind) if name in rows.column_names else f'CAST(NULL AS {kind})'} AS {name}"
        for name, kind in LINE_FACTS.items()
    ]
    for place in (1, 2, 3):
        quantity = f"r.quantity_{place}" if f"quantity_{place}" in rows.column_names else "NULL"
        columns.append(f"CAST(CAST({quantity} AS DECIMAL(20, 2)) * 100 AS BIGINT) AS q{place}")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE numbers AS SELECT f.e, r.line_number AS l, r.ordinal AS o, "
        "CAST(substr(CAST(r.hts_number AS VARCHAR), 1, 8) AS INTEGER) AS h, coalesce(r.value_dollars, 0) AS v, "
        f"r.duty_cents AS d, {', '.join(columns)} "
        f"FROM rows_in r JOIN facts f USING (entry_number) WHERE f.e >= {first} AND f.e < {first + BATCH}"
    )


def _growth(connection: Any) -> None:
    """Growth less 1 for each (deposit day, liquidation day, kind) in 10^-25, from exact integers.

    It is rounded up by less than 10^-25, so that an exact half cent stays a half cent; on any principal below 10^13 the
    product is then right to 10^-12 of a cent.
    """
    pairs = connection.execute(
        "SELECT DISTINCT deposit_day, day, kind FROM slices WHERE cents > 0 AND deposit_day < day"
    ).fetchall()
    quarters = connection.execute(
        "SELECT CAST(quarter_start AS DATE), CAST(quarter_end AS DATE), "
        "CAST(overpayment_corporate_rate AS DECIMAL(9, 6)), CAST(overpayment_noncorporate_rate AS DECIMAL(9, 6)) "
        "FROM r_interest_rates ORDER BY 1"
    ).fetchall()
    unit = 10**80
    grown: dict[tuple[str, dt.date], int] = {}
    for place, kind in enumerate(("corporate", "noncorporate"), 2):
        total = unit
        grown[kind, quarters[0][0] - dt.timedelta(days=1)] = total
        for quarter in quarters:
            day = quarter[0]
            while day <= quarter[1]:
                year = (dt.date(day.year + 1, 1, 1) - dt.date(day.year, 1, 1)).days
                total = total * (year * 10**6 + int(quarter[place] * 10**6)) // (year * 10**6)
                grown[kind, day] = total
                day += dt.timedelta(days=1)
    found = []
    for start, end, kind in pairs:
        if (kind, start) in grown and (kind, end) in grown:
            growth = -(-grown[kind, end] * 10**25 // grown[kind, start]) - 10**25
            found.append((start, end, kind, str(growth)))
    table = pa.table(
        [
            pa.array([row[place] for row in found], kind)
            for place, kind in enumerate((pa.date32(), pa.date32(), pa.string(), pa.string()))
        ],
        names=["start_day", "end_day", "kind", "growth"],
    )
    connection.register("growth_in", table)
    connection.execute(
        "CREATE TABLE growth AS SELECT * EXCLUDE (growth), CAST(growth AS HUGEINT) AS growth_e25 FROM growth_in"
    )
