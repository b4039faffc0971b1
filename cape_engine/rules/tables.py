"""Which rule files exist, and what each of them must look like."""

from __future__ import annotations

import datetime as dt
from typing import Any

from cape_engine.money import MoneyFault, parse_cents
from cape_engine.rules import read as p
from cape_engine.rules import rows as r
from cape_engine.rules.read import BadValueError, Table

PERIOD = ("effective_from", "effective_to")
CODES = ("0", "1", "2", "3", "4", "5", "6", "7", "9", "A", "B", "C", "D", "E", "F", "J", "K", "X")
PROGRAMS = ("fentanyl_mexico", "fentanyl_canada", "fentanyl_china", "reciprocal", "brazil", "india_russia_oil")
_SOURCE: tuple[tuple[str, p.Parser], ...] = (("source", p.needed), ("confidence", p.needed))
_DATED: tuple[tuple[str, p.Parser], ...] = (("effective_from", p.maybe_day), ("effective_to", p.maybe_day))
_DATED_FROM: tuple[tuple[str, p.Parser], ...] = (("effective_from", p.day), ("effective_to", p.maybe_day))


def _cents(cell: str) -> int:
    """Dollars as text, as cents."""
    value = parse_cents(cell)
    if isinstance(value, MoneyFault):
        raise BadValueError(f"{cell!r} is not an amount like 31.67 ({value.value})")
    return value


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


def make_rate(cells: Any, what: str) -> r.Rate:
    """A rate whose parts are exactly those its computation code uses."""
    code, specific, specific_unit, ad_valorem, other, other_unit, basis, printed, reason = cells
    for name, value, used in zip(RATE_PARTS, (specific, ad_valorem, other), USES[code], strict=True):
        if (value is not None) != used:
            raise BadValueError(f"{what}: computation code {code} {'needs' if used else 'has no'} {name}")
    if bool(specific_unit) != USES[code][0] or (other_unit and not USES[code][2]):
        raise BadValueError(f"{what}: the units do not fit computation code {code}")
    return r.Rate(code, specific or 0, specific_unit, ad_valorem or 0, other or 0, other_unit, basis, printed, reason)


def _base(*cells: Any) -> r.BaseRow:
    """A base number: column 1 General in cells 3-11, column 2 in cells 19-27."""
    number, start, end = cells[:3]
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
        *_DATED_FROM,
        ("authority", p.needed),
        *_SOURCE,
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
        *_DATED,
        ("ieepa_reciprocal", p.text),
        ("ieepa_fentanyl", p.text),
        *_SOURCE,
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
        *_SOURCE,
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
        *_SOURCE,
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
        *_SOURCE,
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
        *_SOURCE,
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
        *_SOURCE,
        ("note", p.text),
    ),
    r.UnitRow,
    ("hts_abbreviation",),
)
RATE_UNITS = Table(
    "rate_units.csv",
    (("printed", p.needed), ("ace_code", p.needed), ("divisor", p.whole), ("basis", p.text), *_SOURCE),
    r.RateUnit,
    ("printed", "ace_code"),
)
INTEREST = Table(
    "interest_rates.csv",
    (
        ("quarter_start", p.day),
        ("quarter_end", p.day),
        ("underpayment_rate", p.rate),
        ("overpayment_corporate_rate", p.rate),
        ("overpayment_noncorporate_rate", p.rate),
        *_SOURCE,
    ),
    r.InterestQuarter,
    (),
    ("quarter_start", "quarter_end"),
    gapless=True,
)
FEE_LIMITS = Table(
    "mpf_limits.csv",
    (
        ("fiscal_year", p.needed),
        *_DATED_FROM,
        ("mpf_rate", p.rate),
        ("mpf_minimum", _cents),
        ("mpf_maximum", _cents),
        ("informal_fee_311", _cents),
        ("mail_fee_496", _cents),
        ("manual_surcharge_500", _cents),
        *_SOURCE,
        ("note", p.text),
    ),
    r.FeeLimits,
    (),
    PERIOD,
    gapless=True,
)
FEE_CLASSES = Table(
    "fee_classes.csv",
    (
        ("class_code", p.needed),
        ("name", p.needed),
        ("kind", p.needed),
        ("level", p.needed),
        ("basis", p.text),
        ("effect_of_ieepa_removal", p.text),
        *_SOURCE,
    ),
    r.FeeClass,
    ("class_code",),
)
ENTRY_TYPES = Table(
    "entry_types.csv",
    (
        ("code", p.needed),
        ("meaning", p.needed),
        ("formality", p.one_of("formal", "informal", "other")),
        ("filed_in_ace_ae", p.yes),
        ("cape_status", p.one_of("accepted", "accepted_waits", "refused", "unknown")),
        *_DATED,
        ("condition", p.text),
        ("rule_id", p.text),
        *_SOURCE,
    ),
    r.EntryTypeRow,
    ("code",),
    PERIOD,
)
ELIGIBILITY = Table(
    "eligibility_rules.csv",
    (
        ("rule_id", p.needed),
        ("level", p.one_of("file", "entry")),
        ("stage", p.one_of("initial", "batch", "access", "claim", "mass", "after_acceptance", "execution")),
        (
            "outcome",
            p.one_of(
                "reject_file", "reject_entry", "warn", "accept", "accept_wait", "lock", "leave_automatic_path", "off"
            ),
        ),
        ("condition", p.needed),
        ("fields", p.words),
        *_DATED_FROM,
        ("phase", p.words),
        ("message", p.text),
        ("message_ours", p.text),
        ("official_message_known", p.yes),
        *_SOURCE,
        ("open_question", p.text),
    ),
    r.EligibilityRule,
    ("rule_id",),
    PERIOD,
)
HOLIDAYS = Table(
    "statutory_holidays.csv",
    (("date", p.day), ("name", p.needed), ("cbp_closed", p.yes), ("fed_closed", p.yes), *_SOURCE),
    r.Holiday,
    ("date",),
)
CLOSURES = Table(
    "federal_closures.csv",
    (
        ("date", p.day),
        ("authority", p.needed),
        ("reason", p.needed),
        ("applies_to", p.needed),
        *_SOURCE,
        ("note", p.text),
    ),
    r.Closure,
    ("date",),
)
POLICIES = Table(
    "schedule_policies.csv",
    (
        ("phase", p.needed),
        *_DATED_FROM,
        ("days_unliquidated", p.whole),
        ("accept_window", p.whole),
        ("reliq_limit", p.whole),
        ("run_days", p.words),
        ("calendar", p.one_of("cbp")),
        *_SOURCE,
    ),
    r.Policy,
    ("phase",),
    PERIOD,
)
STATUS_WORDS = Table(
    "status_words.csv",
    (
        ("column", p.one_of("liquidation_status", "protest_status", "summary_status", "control_status")),
        ("seen", p.needed),
        ("word", p.needed),
        *_SOURCE,
    ),
    r.StatusWord,
    ("column", "seen"),
)
DISPLACED = Table(
    "displaced_232.csv",
    (("program", p.one_of(*PROGRAMS)), *_DATED_FROM, ("chapters", p.words), *_SOURCE),
    r.DisplacedRow,
    ("program",),
    PERIOD,
)
COLUMN2 = Table(
    "column2_countries.csv",
    (("country", p.needed), ("name", p.needed), *_DATED, *_SOURCE),
    r.Column2Country,
    ("country",),
    PERIOD,
)
HOLD_CODES = Table(
    "hold_codes.csv",
    (("code", p.needed), ("kind", p.one_of("suspension", "extension")), ("meaning", p.needed), *_SOURCE),
    r.HoldCode,
    ("code",),
)
BLOCKS = Table(
    "number_blocks.csv",
    (("prefix", p.needed), ("family", p.needed), ("closed", p.yes), *_SOURCE),
    r.NumberBlock,
    ("prefix",),
)
BORDERLINE = Table(
    "borderline_numbers.csv", (("hts_number", p.hts8), ("inside", p.yes), *_SOURCE), r.BorderlineNumber, ("hts_number",)
)
COLLECTION = Table(
    "collection_period.csv",
    (("program", p.one_of(*PROGRAMS)), ("first_day", p.day), ("last_day", p.day), *_SOURCE),
    r.CollectionPeriod,
    ("program",),
)
RATE_DATES = Table(
    "rate_date_rules.csv",
    (("rule", p.needed), ("entry_types", p.words), ("ftz_status", p.text), ("dates", p.words), *_SOURCE),
    r.RateDateRule,
    ("rule",),
)
WHOLE_UNITS = Table(
    "whole_units.csv",
    (("kind", p.one_of("limit_e9", "exempt_chapter", "exempt_unit")), ("value", p.needed), *_SOURCE),
    r.WholeUnitFact,
    ("kind", "value"),
)
ES003 = Table(
    "es003_columns.csv",
    (
        ("source_column", p.needed),
        ("canonical", p.text),
        ("type", p.needed),
        ("format_quirks", p.text),
        ("aliases", p.words),
        ("layout", p.needed),
        ("in_default_es003", p.maybe_yes),
        ("need", p.one_of("required", "wanted", "optional", "alias", "ignore")),
        *_SOURCE,
    ),
    r.ReportColumn,
    ("source_column",),
)
CLAIM_DETAILS = Table(
    "claim_details_columns.csv",
    (
        ("report", p.needed),
        ("source_column", p.text),
        ("canonical", p.text),
        ("type", p.text),
        ("format_quirks", p.text),
        ("confirmed", p.text),
        *_SOURCE,
    ),
    r.OtherReportColumn,
    ("report", "source_column", "canonical"),
)

EAGER: tuple[Table, ...] = (
    IEEPA, OTHER, SPI, COMPUTATION, SLOTS, UNITS, INTEREST, FEE_LIMITS, FEE_CLASSES, ENTRY_TYPES, ELIGIBILITY, HOLIDAYS,
    CLOSURES, POLICIES, STATUS_WORDS, DISPLACED, COLUMN2, HOLD_CODES, BLOCKS, BORDERLINE, COLLECTION, RATE_DATES,
    WHOLE_UNITS, RATE_UNITS, ES003, CLAIM_DETAILS,
)  # fmt: skip
"""Small tables, parsed whole when the ruleset is loaded."""
LAZY: tuple[Table, ...] = (BASE, SPECIAL)
"""Large tables: shape and keys are tested at loading, the values of a number when it is first asked for."""
ALL: tuple[Table, ...] = (*EAGER, *LAZY)

PACK_LAST_DAY = dt.date(2026, 12, 31)
"""Last day for which the pack gives base rates; after 2026 rev 10 the last text is carried on (period_basis)."""
