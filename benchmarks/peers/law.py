"""The rule files as small tables that every opponent joins with; read from the files themselves, by nobody's loader."""

from __future__ import annotations

import csv
import datetime as dt
import importlib.util
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path

import pyarrow as pa

FIRST, LAST = dt.date(1900, 1, 1), dt.date(9999, 12, 31)
EPOCH = dt.date(1970, 1, 1)
DAY = dt.timedelta(days=1)
E9 = 1_000_000_000
WHOLE_LIMIT_E9, ALCOHOL, PROOF_LITRE = E9, 22, "PFL"  # rules/data/whole_units.csv, 19 CFR 159.3(b)
METALS = (72, 73, 76)  # rules/data/displaced_232.csv
DISPLACED = (dt.date(2025, 3, 4), dt.date(2025, 6, 3))
TOLERANCE_CENTS = 299  # ED 624: ACE accepts 2.99
ALL_IN_PERCENT = 15  # CSMS 66319804
ACCEPT_WINDOW, RELIQUIDATION_LIMIT, UNLIQUIDATED_DAYS = 80, 90, 45  # rules/data/schedule_policies.csv
GROWTH_SCALE = 10**25
WAITING_TYPES = ("03", "07", "21", "22", "31", "32", "34", "38")  # handbook 6.3, clarification 32
ENTRY_DATE_TYPES = ("02", "07", "12", "32", "38")  # rules/data/rate_date_rules.csv

ADDITIONAL, REPLACEMENT, EXEMPT = 1, 2, 3
CLASSES = {"additional": ADDITIONAL, "replacement": REPLACEMENT, "exempt": EXEMPT}
CAN_OWE, METAL, SPECIFIC = 1, 2, 4
"""Marks of a number: bears duty of its own; base number of a metal; some rate of it asks for a quantity."""


@dataclass(frozen=True)
class Law:
    """What a run needs to know beside the entries.

    Attributes:
        as_of: filing day.
        accepted_on: acceptance day.
        in_force: `rule_id` of the entry rules in force on the filing day.
        refused_types: entry types refused on that day by a rule in force.
        hold_codes: extension and suspension codes.
        numbers: hts8, cls (0: not IEEPA), marks, first_day and last_day on which a number that stays is active.
        rates: what a base number costs: hts8, spi ('' is General), first_day, last_day, code, p1, u1, p2, p3, u3.
        ieepa_rates: hts8, rate_e9, first_day, last_day.
        owing: numbers that bear duty of their own on a day: hts8, first_day, last_day, is_base.
        calendar: day, following (run day on or after), preceding (run day on or before).
    """

    as_of: dt.date
    accepted_on: dt.date
    in_force: frozenset[str]
    refused_types: tuple[str, ...]
    hold_codes: tuple[str, ...]
    numbers: pa.Table
    rates: pa.Table
    ieepa_rates: pa.Table
    owing: pa.Table
    calendar: pa.Table

    def run_day(self, day: dt.date) -> dt.date:
        """The first run day on or after `day`."""
        found: dt.date = self.calendar["following"][(day - self.calendar["day"][0].as_py()).days].as_py()
        return found


def plain_tables(law: Law) -> dict[str, pa.Table]:
    """The law for SQL: tables by name, the tariff number as `h`, days as numbers."""
    found = {"number": law.numbers, "rate": law.rates, "ieepa_rate": law.ieepa_rates, "owing": law.owing}
    return {name: _with_day_numbers(table) for name, table in (*found.items(), ("calendar", law.calendar))}


def _with_day_numbers(table: pa.Table) -> pa.Table:
    columns = [
        table[field.name].cast(pa.int32()) if pa.types.is_date(field.type) else table[field.name]
        for field in table.schema
    ]
    return pa.table(columns, names=["h" if name == "hts8" else name for name in table.column_names])


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """A rule file as rows of text, found where the engine is installed; nothing of the engine is imported."""
    spec = importlib.util.find_spec("cape_engine")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    path = Path(spec.submodule_search_locations[0]) / "rules" / "data" / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def _day(text: str, missing: dt.date) -> dt.date:
    return dt.date.fromisoformat(text) if text else missing


def _e9(text: str) -> int:
    return int(Decimal(text or "0") * E9)


def _holds(row: dict[str, str], day: dt.date) -> bool:
    return _day(row["effective_from"], FIRST) <= day <= _day(row["effective_to"], LAST)


@cache
def law(as_of: dt.date, accepted_on: dt.date) -> Law:
    """The law of one filing and acceptance day (handbook chapters 4 to 7, default settings)."""
    rules = frozenset(
        row["rule_id"]
        for row in rows("eligibility_rules")
        if row["level"] == "entry" and row["outcome"] == "reject_entry" and _holds(row, as_of)
    ) - {"final_liquidation_phase3"}
    refused = sorted(
        row["code"]
        for row in rows("entry_types")
        if row["cape_status"] == "refused" and _holds(row, as_of) and row["rule_id"] in rules
    )
    return Law(
        as_of=as_of,
        accepted_on=accepted_on,
        in_force=rules,
        refused_types=tuple(refused),
        hold_codes=tuple(row["code"] for row in rows("hold_codes")),
        numbers=_numbers(),
        rates=_rates(),
        ieepa_rates=_ieepa_rates(),
        owing=_owing(),
        calendar=_calendar(),
    )


def _table(found: Iterable[tuple[object, ...]], **columns: pa.DataType) -> pa.Table:
    """Rows as a table."""
    lists = list(zip(*found, strict=True)) or [()] * len(columns)
    return pa.table({name: pa.array(values, kind) for (name, kind), values in zip(columns.items(), lists, strict=True)})


_NO_QUANTITY = ("0", "7", "X")
_SPAN = {"first_day": pa.date32(), "last_day": pa.date32()}


def _numbers() -> pa.Table:
    """Every number of our tables once; the rows of a number follow each other without a gap."""
    classes = {int(row["hts_number"]): row for row in rows("ieepa_numbers")}
    days: dict[int, list[tuple[dt.date, dt.date]]] = defaultdict(list)
    marks: dict[int, int] = defaultdict(int)
    for row in rows("hts_base"):
        number = int(row["hts8"])
        days[number].append((_day(row["valid_from"], FIRST), _day(row["valid_to"], LAST)))
        marks[number] |= (CAN_OWE if row["computation_code"] != "0" else 0) | (
            METAL if number // 10**6 in METALS else 0
        )
        marks[number] |= SPECIFIC if row["computation_code"] not in _NO_QUANTITY else 0
    for row in rows("special_rates"):
        marks[int(row["hts8"])] |= SPECIFIC if row["computation_code"] not in _NO_QUANTITY else 0
    for row in rows("other_chapter99"):
        number = int(row["hts_number"])
        days[number].append((_day(row["effective_from"], FIRST), _day(row["effective_to"], LAST)))
        marks[number] |= CAN_OWE if _e9(row["rate"]) > 0 else 0
    found: list[tuple[object, ...]] = []
    for number, row in classes.items():
        found.append((number, CLASSES[row["kind"]], 0, FIRST, LAST))
    for number, spans in days.items():
        spans.sort()
        assert all(after[0] <= before[1] + DAY for before, after in pairwise(spans))
        if number not in classes:
            found.append((number, 0, marks[number], spans[0][0], max(last for _, last in spans)))
    return _table(found, hts8=pa.int32(), cls=pa.int8(), marks=pa.int8(), **_SPAN)


def _spi_days() -> dict[str, list[tuple[dt.date, dt.date]]]:
    """Days on which a programme may be claimed."""
    found: dict[str, list[tuple[dt.date, dt.date]]] = defaultdict(list)
    for row in rows("spi_codes"):
        starts = _day(row["starts"], FIRST)
        if row["lapsed_from"]:
            found[row["spi"]].append((starts, _day(row["lapsed_from"], LAST) - DAY))
            if row["lapsed_to"]:
                found[row["spi"]].append((max(starts, _day(row["lapsed_to"], LAST) + DAY), LAST))
        else:
            found[row["spi"]].append((starts, LAST))
    return found


def _formula(row: dict[str, str]) -> tuple[object, ...]:
    """Code, p1, u1, p2, p3, u3 of a rate."""
    rates = (_e9(row["specific_rate"]), row["specific_unit"] or None, _e9(row["ad_valorem_rate"]))
    return row["computation_code"], *rates, _e9(row["other_rate"]), row["other_unit"] or None


def _common(row: dict[str, str], programme: list[tuple[dt.date, dt.date]]) -> Iterator[tuple[dt.date, dt.date]]:
    """Days on which both a rate is valid and its programme in force."""
    first, last = _day(row["valid_from"], FIRST), _day(row["valid_to"], LAST)
    for start, end in programme:
        if max(first, start) <= min(last, end):
            yield max(first, start), min(last, end)


def _rates() -> pa.Table:
    """General rates, and Special ones on the days of their programme where they are free or readable."""
    programmes = _spi_days()
    special: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for row in rows("special_rates"):
        if row["readable"] == "Y":
            special[row["hts8"], row["spi"]].append(row)

    found: list[tuple[object, ...]] = []
    for row in rows("hts_base"):
        number = int(row["hts8"])
        found.append((number, "", _day(row["valid_from"], FIRST), _day(row["valid_to"], LAST), *_formula(row)))
        free = {word.rstrip("*+") for word in row["specials"].split(";") if word}
        for spi in sorted(free):
            found += [(number, spi, *span, "0", 0, None, 0, 0, None) for span in _common(row, programmes.get(spi, []))]
    for (text, spi), group in special.items():
        for row in group:
            found += [(int(text), spi, *span, *_formula(row)) for span in _common(row, programmes.get(spi, []))]
    return _table(
        found,
        hts8=pa.int32(),
        spi=pa.string(),
        **_SPAN,
        code=pa.string(),
        p1=pa.int64(),
        u1=pa.string(),
        p2=pa.int64(),
        p3=pa.int64(),
        u3=pa.string(),
    )


def _ieepa_rates() -> pa.Table:
    found = (
        (int(row["hts_number"]), _e9(row["rate"]), _day(row["effective_from"], FIRST), _day(row["effective_to"], LAST))
        for row in rows("ieepa_numbers")
        if row["rate"]
    )
    return _table(found, hts8=pa.int32(), rate_e9=pa.int64(), **_SPAN)


def _owing() -> pa.Table:
    found: list[tuple[object, ...]] = [
        (int(row["hts8"]), _day(row["valid_from"], FIRST), _day(row["valid_to"], LAST), True)
        for row in rows("hts_base")
        if row["computation_code"] != "0"
    ]
    found += [
        (int(row["hts_number"]), _day(row["effective_from"], FIRST), _day(row["effective_to"], LAST), False)
        for row in rows("other_chapter99")
        if _e9(row["rate"]) > 0
    ]
    return _table(found, hts8=pa.int32(), **_SPAN, is_base=pa.bool_())


def _calendar() -> pa.Table:
    """Run days: Monday to Thursday, less federal holidays and one-off closures (handbook 6.2, 6.5)."""
    closed = {dt.date.fromisoformat(row["date"]) for row in rows("statutory_holidays") if row["cbp_closed"] == "Y"}
    closed |= {dt.date.fromisoformat(row["date"]) for row in rows("federal_closures")}
    first, last = dt.date(2024, 1, 1), dt.date(2028, 12, 31)
    days = [first + place * DAY for place in range((last - first).days + 1)]
    runs = [day.isoweekday() <= 4 and day not in closed for day in days]
    following, preceding = [None] * len(days), [None] * len(days)  # type: list[dt.date | None], list[dt.date | None]
    near: dt.date | None = None
    for place in reversed(range(len(days))):
        near = days[place] if runs[place] else near
        following[place] = near
    near = None
    for place, day in enumerate(days):
        near = day if runs[place] else near
        preceding[place] = near
    return pa.table({"day": days, "following": following, "preceding": preceding})


@cache
def _grown() -> dict[tuple[str, int], int]:
    """What 1 becomes until the end of each day, by kind of importer, in 10^-80 (handbook 7.1)."""
    unit = 10**80
    grown: dict[tuple[str, int], int] = {}
    quarters = sorted(rows("interest_rates"), key=lambda row: row["quarter_start"])
    for kind in ("corporate", "noncorporate"):
        total = unit
        grown[kind, (dt.date.fromisoformat(quarters[0]["quarter_start"]) - EPOCH).days - 1] = total
        for quarter in quarters:
            rate_e6 = int(Decimal(quarter[f"overpayment_{kind}_rate"]) * 10**6)
            day, last = (dt.date.fromisoformat(quarter[f"quarter_{end}"]) for end in ("start", "end"))
            while day <= last:
                year = (dt.date(day.year + 1, 1, 1) - dt.date(day.year, 1, 1)).days
                total = total * (year * 10**6 + rate_e6) // (year * 10**6)
                grown[kind, (day - EPOCH).days] = total
                day += DAY
    return grown


def growth(pairs: Iterable[tuple[int, int, str]]) -> pa.Table:
    """Interest on 1 by (deposit day, liquidation day, kind): start_day, end_day, paid_as, growth in 10^-25 as text.

    Days count from 1970-01-01. Rounded up by less than 10^-25, so that an exact half cent stays one; below 10^13 cents
    the product is right to 10^-12 of a cent.

    Raises:
        KeyError: a day of a quarter whose rate is not published.
    """
    grown = _grown()
    found = (
        (start, end, kind, str(-(-grown[kind, end] * GROWTH_SCALE // grown[kind, start]) - GROWTH_SCALE))
        for start, end, kind in pairs
    )
    return _table(found, start_day=pa.int32(), end_day=pa.int32(), paid_as=pa.string(), growth=pa.string())
