"""What the rule files about tariff numbers and duty rates must look like."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Any

from cape_engine.rules import read as p
from cape_engine.rules import rows as r
from cape_engine.rules.read import BadValueError, Table
from cape_engine.rules.shared_columns import DATED, DATED_FROM, PERIOD, SOURCE

CODES = ("0", "1", "2", "3", "4", "5", "6", "7", "9", "A", "B", "C", "D", "E", "F", "J", "K", "X")
PROGRAMS = ("fentanyl_mexico", "fentanyl_canada", "fentanyl_china", "reciprocal", "brazil", "india_russia_oil")


def _ieepa(*cells: Any) -> r.IeepaRow:
    """An IEEPA row; kind, rule and rate must fit together."""
    row = r.IeepaRow(*cells)
    if row.kind == "exempt":
        if row.rate_e9 is not None or row.rate_rule not in {"exempt", "exempt_col1_ge_15"}:
            raise BadValueError("an exempt number has no rate, and the rule exempt or exempt_col1_ge_15")
        return r.IeepaRow(*(*cells[:3], 0, *cells[4:]))
    if (row.rate_e9 is None) != (row.rate_rule == "suspended"):
        raise BadValueError("a rate is missing, or given although suspended")
    if (row.kind == "replacement") != (row.rate_rule == "topup_15"):
        raise BadValueError("a replacement number has the rule topup_15, and only such a number")
    if row.kind == "replacement" and not row.column1_basis:
        raise BadValueError("a replacement number needs its column1_basis")
    return row


def _other(*cells: Any) -> r.OtherRow:
    """Another chapter 98 or 99 row; exempt numbers take the rate 0."""
    row = r.OtherRow(*cells)
    if row.kind == "exempt" and row.rate_e9 is None:
        return r.OtherRow(*(*cells[:3], 0, *cells[4:]))
    return row


RATE_PARTS = ("specific_rate", "ad_valorem_rate", "other_rate")
USES = {code: ("P1" in used, "P2" in used, "P3" in used) for code, used in (
    ("0", ""), ("1", "P1"), ("2", "P1"), ("3", "P1 P3"), ("4", "P1 P2"), ("5", "P1 P2"), ("6", "P1 P2 P3"), ("7", "P2"),
    ("9", "P2"), ("A", "P2 P3"), ("B", "P1 P2 P3"), ("C", "P1 P2"), ("D", "P1 P2"), ("E", "P1 P2 P3"), ("F", "P1 P3"),
    ("J", "P1 P2 P3"), ("K", "P1 P2 P3"), ("X", ""),
)}  # fmt: skip


@lru_cache(maxsize=1 << 12)
def make_rate(cells: Any, what: str) -> r.Rate:
    """A rate whose parts are exactly those its computation code uses."""
    code, specific, specific_unit, ad_valorem, other, other_unit, basis, printed, reason = cells
    for name, value, used in zip(RATE_PARTS, (specific, ad_valorem, other), USES[code], strict=True):
        if (value is not None) != used:
            raise BadValueError(f"{what}: computation code {code} {'needs' if used else 'has no'} {name}")
    if bool(specific_unit) != USES[code][0] or (other_unit and not USES[code][2]):
        raise BadValueError(f"{what}: the units do not fit computation code {code}")
    return r.Rate(code, specific or 0, specific_unit, ad_valorem or 0, other or 0, other_unit, basis, printed, reason)


PACK_FIRST_DAY = dt.date(2025, 1, 1)
PACK_LAST_DAY = dt.date(2026, 12, 31)
"""Edges of hts_base.csv. A period that begins or ends on them is open there: the edge is where the table was cut, not a
change of law (after 2026 rev 10 the last text is carried on; handbook 5.5: base rates count as constant)."""


def _base(*cells: Any) -> r.BaseRow:
    """A base number: column 1 General in cells 3-11, column 2 in cells 19-27."""
    number = cells[0]
    start = None if cells[1] == PACK_FIRST_DAY else cells[1]
    end = None if cells[2] == PACK_LAST_DAY else cells[2]
    unit_1, unit_2, unit_3, units_hts, units_note, specials, not_free = cells[12:19]
    general = make_rate(cells[3:12], "column 1")
    column2 = make_rate((*cells[19:28],), "column 2")
    period_basis, edition = cells[28:]
    return r.BaseRow(
        number,
        start,
        end,
        general,
        column2,
        (unit_1, unit_2, unit_3),
        units_hts,
        units_note,
        specials,
        not_free,
        period_basis,
        edition,
    )


def _special(*cells: Any) -> r.SpecialRow:
    """A special rate; one that cannot be read has code X."""
    number, start, end, spi, *rate_cells, readable, source, confidence = cells
    if (rate_cells[0] == "X") == readable:
        raise BadValueError("readable is N exactly for computation code X")
    rate = make_rate((*rate_cells, ""), "special rate")
    return r.SpecialRow(number, start, end, spi, rate, readable, source, confidence)


_PARTS: tuple[tuple[str, p.Parser], ...] = (
    ("computation_code", p.one_of(*CODES)),
    ("specific_rate", p.maybe_rate),
    ("specific_unit", p.text),
    ("ad_valorem_rate", p.maybe_rate),
    ("other_rate", p.maybe_rate),
    ("other_unit", p.text),
    ("rate_basis", p.text),
    ("rate_text", p.text),
)

IEEPA = Table(
    "ieepa_numbers.csv",
    (
        ("hts_number", p.hts8),
        ("program", p.one_of(*PROGRAMS)),
        ("kind", p.one_of("additional", "replacement", "exempt")),
        ("rate", p.maybe_rate),
        ("rate_rule", p.one_of("fixed", "topup_15", "exempt", "exempt_col1_ge_15", "suspended")),
        ("column1_basis", p.one_of("", "general", "general_or_special")),
        ("countries", p.words),
        ("countries_excluded", p.words),
        *DATED_FROM,
        ("authority", p.needed),
        *SOURCE,
        ("note", p.text),
    ),
    _ieepa,
    ("hts_number",),
    PERIOD,
)
OTHER = Table(
    "other_chapter99.csv",
    (
        ("hts_number", p.hts8),
        ("family", p.needed),
        ("kind", p.one_of("additional", "replacement", "exempt", "partial_value", "column2_replacement", "other")),
        ("rate", p.maybe_rate),
        (
            "rate_rule",
            p.one_of(
                "fixed", "exempt", "topup_15", "topup_10", "exempt_col1_ge_15", "on_content", "base_on_part", "expired",
                "note_rate", "col2_replace", "bond", "suspended",
            ),
        ),
        ("value_basis", p.needed),
        ("column1_basis", p.one_of("", "general", "general_or_special")),
        ("countries", p.words),
        ("countries_excluded", p.words),
        *DATED,
        ("ieepa_reciprocal", p.text),
        ("ieepa_fentanyl", p.text),
        *SOURCE,
        ("note", p.text),
    ),
    _other,
    ("hts_number",),
    PERIOD,
)  # fmt: skip
BASE = Table(
    "hts_base.csv",
    (
        ("hts8", p.hts8),
        ("valid_from", p.maybe_day),
        ("valid_to", p.maybe_day),
        *_PARTS,
        ("x_reason", p.text),
        ("unit_1", p.text),
        ("unit_2", p.text),
        ("unit_3", p.text),
        ("units_hts", p.text),
        ("units_note", p.text),
        ("specials", p.words),
        ("specials_not_free", p.text),
        *((f"column2_{name}", parser) for name, parser in _PARTS),
        ("column2_x_reason", p.text),
        ("period_basis", p.text),
        ("source_edition", p.needed),
    ),
    _base,
    ("hts8",),
    ("valid_from", "valid_to"),
)
SPECIAL = Table(
    "special_rates.csv",
    (
        ("hts8", p.hts8),
        ("valid_from", p.maybe_day),
        ("valid_to", p.maybe_day),
        ("spi", p.needed),
        *_PARTS,
        ("readable", p.yes),
        *SOURCE,
    ),
    _special,
    ("hts8", "spi"),
    ("valid_from", "valid_to"),
)
SPI = Table(
    "spi_codes.csv",
    (
        ("spi", p.needed),
        ("programme", p.needed),
        ("status_note", p.text),
        ("status_confidence", p.text),
        ("starts", p.maybe_day),
        ("lapsed_from", p.maybe_day),
        ("lapsed_to", p.maybe_day),
        ("rows_free", p.whole),
        ("rows_not_free", p.whole),
        *SOURCE,
    ),
    r.SpiRow,
    ("spi",),
)
COMPUTATION = Table(
    "duty_computation_codes.csv",
    (
        ("code", p.one_of(*CODES)),
        ("name", p.needed),
        ("formula", p.text),
        ("rates_used", p.words),
        ("inputs_used", p.words),
        ("computable", p.yes),
        ("rows_in_hts_base_column1", p.whole),
        ("rows_in_hts_base_column2", p.whole),
        ("note", p.text),
        *SOURCE,
    ),
    r.CodeRow,
    ("code",),
)
SLOTS = Table(
    "computation_slots.csv",
    (
        ("code", p.one_of(*CODES)),
        ("p1_quantity", p.whole),
        ("p3_quantity", p.whole),
        ("factor_quantity", p.whole),
        ("value", p.yes),
        ("computable", p.yes),
        *SOURCE,
    ),
    r.SlotsRow,
    ("code",),
)
UNITS = Table(
    "units_of_measure.csv",
    (
        ("hts_abbreviation", p.needed),
        ("ace_code", p.text),
        ("component", p.text),
        ("rows_in_hts_base", p.maybe_whole),
        *SOURCE,
        ("note", p.text),
    ),
    r.UnitRow,
    ("hts_abbreviation",),
)
RATE_UNITS = Table(
    "rate_units.csv",
    (("printed", p.needed), ("ace_code", p.needed), ("divisor", p.whole), ("basis", p.text), *SOURCE),
    r.RateUnit,
    ("printed", "ace_code"),
)
DISPLACED = Table(
    "displaced_232.csv",
    (("program", p.one_of(*PROGRAMS)), *DATED_FROM, ("chapters", p.words), *SOURCE),
    r.DisplacedRow,
    ("program",),
    PERIOD,
)
COLUMN2 = Table(
    "column2_countries.csv",
    (("country", p.needed), ("name", p.needed), *DATED, *SOURCE),
    r.Column2Country,
    ("country",),
    PERIOD,
)
BLOCKS = Table(
    "number_blocks.csv",
    (("prefix", p.needed), ("family", p.needed), ("closed", p.yes), *SOURCE),
    r.NumberBlock,
    ("prefix",),
)
BORDERLINE = Table(
    "borderline_numbers.csv", (("hts_number", p.hts8), ("inside", p.yes), *SOURCE), r.BorderlineNumber, ("hts_number",)
)
COLLECTION = Table(
    "collection_period.csv",
    (("program", p.one_of(*PROGRAMS)), ("first_day", p.day), ("last_day", p.day), *SOURCE),
    r.CollectionPeriod,
    ("program",),
)
RATE_DATES = Table(
    "rate_date_rules.csv",
    (("rule", p.needed), ("entry_types", p.words), ("ftz_status", p.text), ("dates", p.words), *SOURCE),
    r.RateDateRule,
    ("rule",),
)
WHOLE_UNITS = Table(
    "whole_units.csv",
    (("kind", p.one_of("limit_e9", "exempt_chapter", "exempt_unit")), ("value", p.needed), *SOURCE),
    r.WholeUnitFact,
    ("kind", "value"),
)
