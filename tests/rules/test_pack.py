"""What the rule files say, against the handbook and the clarifications."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest

from cape_engine.rules import default_folder, load, plain_word, specials, tables
from cape_engine.rules.rate_text import parse_rate_text, resolve
from cape_engine.schema import facts
from cape_engine.schema.column import Column

RULES = load()
IEEPA_DAY = dt.date(2025, 10, 1)


def _day(text: str) -> dt.date:
    """A day from its ISO form."""
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("number", "on", "rate_e9"),
    [
        ("99030124", "2025-11-09", 200_000_000),
        ("99030124", "2025-11-10", 100_000_000),
        ("99030269", "2025-09-01", 200_000_000),
        ("99030177", "2025-09-01", 400_000_000),
        ("99030184", "2025-09-01", 250_000_000),
        ("99030163", "2025-04-10", 1_250_000_000),
        ("99030220", "2025-09-01", 150_000_000),
    ],
)
def test_ieepa__rates_of_the_handbook(number: str, on: str, rate_e9: int) -> None:
    """Rates that public calculators get wrong (handbook 8.1, faults 4 to 6): both ends of a period are inclusive."""
    assert [row.rate_e9 for row in RULES.ieepa(number) if row.applies(_day(on))] == [rate_e9]


def test_ieepa__classes() -> None:
    """Exactly 166 numbers, and the five replacement headings with their basis."""
    assert len(RULES.ieepa_numbers) == 166
    basis = {row.hts_number: row.column1_basis for row in RULES.ieepa_rows if row.kind == "replacement"}
    assert basis == {
        "99030220": "general",
        "99030273": "general",
        "99030280": "general_or_special",
        "99030283": "general",
        "99030288": "general",
    }
    assert {row.rate_e9 for row in RULES.ieepa_rows if row.kind == "exempt"} == {0}
    assert [row.hts_number for row in RULES.ieepa_rows if row.rate_e9 is None] == ["99030163"]


@pytest.mark.parametrize(
    "number", ["99030106", "99030109", "99030117", "99030119", "99030135", "99030142", "99030292", "9903013500"]
)
def test_never_existed__gaps_of_the_blocks(number: str) -> None:
    """Numbers inside the blocks that no table knows never existed (fault 23)."""
    assert RULES.never_existed(number)


@pytest.mark.parametrize("number", ["99030101", "99030291", "99030301", "99030399", "99038803", "85171300", "99039601"])
def test_never_existed__others(number: str) -> None:
    """The 166, section 122, other chapter 99 and ordinary numbers are not called invented."""
    assert not RULES.never_existed(number)


def test_blocks__section_122_is_not_ieepa() -> None:
    """9903.03 is section 122."""
    block = RULES.block("9903030100")
    assert block is not None
    assert block.family == "section_122"
    assert RULES.ieepa("99030301") == ()


def test_borderline__inside_and_outside() -> None:
    """Two civil aircraft numbers lie inside the blocks and among the 166, two outside and among the others."""
    inside = {row.hts_number: row.inside for row in RULES.borderline}
    assert inside == {"99030276": True, "99030281": True, "99039601": False, "99039602": False}
    assert all(bool(RULES.ieepa(number)) == within for number, within in inside.items())
    assert all(bool(RULES.other(number)) != within for number, within in inside.items())


def test_lookups__ten_digits_and_unknown() -> None:
    """Statistical digits decide nothing, and an unknown number has no rows anywhere."""
    assert RULES.ieepa("9903012400") == RULES.ieepa("99030124") != ()
    assert RULES.base("0402105000") == RULES.base("04021050") != ()
    for look_up in (RULES.ieepa, RULES.other, RULES.base, RULES.special_rates):
        assert look_up("00000000") == ()


def test_base__edges_of_the_table_are_open() -> None:
    """A number holds before 2025 and after 2026 too: the edges of the table are no change of law."""
    for number in ("01012100", "04021050"):
        rows = RULES.base(number)
        assert rows[0].effective_from is None
        assert rows[-1].effective_to is None
        for day in ("2024-12-31", "2025-06-01", "2025-12-31", "2026-01-01", "2027-01-01"):
            assert sum(row.applies(_day(day)) for row in rows) == 1


def test_rate_texts__agree_with_the_parsed_rates() -> None:
    """Every printed specific or compound rate of both columns reads as the rate of the table."""
    compared = 0
    for row in RULES.table(tables.BASE.file):
        for rate in (row.general, row.column2):
            if rate.code in "123456":
                parts = parse_rate_text(rate.text)
                assert parts is not None, row.hts8
                found = resolve(parts, row.units, RULES)
                assert found is not None, row.hts8
                unit_free = (found.code, found.specific_e9, found.ad_valorem_e9, found.other_e9, found.basis)
                assert unit_free == (rate.code, rate.specific_e9, rate.ad_valorem_e9, rate.other_e9, rate.basis)
                assert (found.specific_unit, found.other_unit) == (rate.specific_unit, rate.other_unit)
                compared += 1
    assert compared == 3758


def test_special_rates__derived_from_the_special_column() -> None:
    """special_rates.csv is what the special column of hts_base.csv says, cell by cell."""
    stored = (default_folder() / "special_rates.csv").read_text(encoding="utf-8")
    assert list(csv.reader(io.StringIO(stored))) == specials.derive(RULES)


def test_specials__readable_and_not() -> None:
    """A Korean rate per kilogram is read; a pointer to another heading is kept and marked."""
    (korea, *_) = RULES.specials("04021050", "KR")
    assert (korea.readable, korea.rate.code, korea.rate.specific_e9, korea.rate.specific_unit) == (
        True,
        "1",
        57_000_000,
        "KG",
    )
    (australia, *_) = RULES.specials("04021050", "AU")
    assert (australia.readable, australia.rate.code, australia.rate.text) == (False, "X", "See 98220415")
    assert RULES.specials("04021050", "JP") == ()


def test_parts__splits_the_special_column() -> None:
    """Programmes stand in brackets; a text without them is kept with none."""
    assert specials.parts("1.7% (KR); See 98220401-98220403 (AU)") == [
        ("1.7%", ("KR",)),
        ("See 98220401-98220403", ("AU",)),
    ]
    assert specials.parts("7.3¢/kg + 0.9% (CO, PA)") == [("7.3¢/kg + 0.9%", ("CO", "PA"))]
    assert specials.parts("see note") == [("see note", ())]
    assert specials.parts("") == []


def test_free_for__stars_narrow_countries() -> None:
    """A claim of E stands for E* as well; a plus sign is a programme of its own, except for GSP and ATPA."""
    starred = next(row for row in RULES.table(tables.BASE.file) if "E*" in row.specials and "E" not in row.specials)
    assert starred.free_for("E")
    assert starred.free_for("E*")
    usmca = next(row for row in RULES.table(tables.BASE.file) if "S+" not in row.specials and "S" in row.specials)
    assert usmca.free_for("S")
    assert not usmca.free_for("S+")
    assert not usmca.free_for("")


@pytest.mark.parametrize("spi", ["A", "A*", "A+", "J", "J*", "J+", "CA", "MX"])
def test_spi__lapsed(spi: str) -> None:
    """Programmes that lapsed before 2025 are not in force in the IEEPA period."""
    row = RULES.spi(spi)
    assert row is not None
    assert not row.in_force(IEEPA_DAY)
    assert row.in_force(dt.date(2010, 1, 1))


@pytest.mark.parametrize("spi", ["D", "KR", "S", "S+", "AU"])
def test_spi__in_force(spi: str) -> None:
    """AGOA counts as in force all along (restored retroactively), trade agreements too."""
    row = RULES.spi(spi)
    assert row is not None
    assert row.in_force(IEEPA_DAY)
    assert row.in_force(dt.date(2026, 1, 15))


def test_spi__not_before_its_start() -> None:
    """USMCA starts on 2020-07-01."""
    row = RULES.spi("S")
    assert row is not None
    assert not row.in_force(dt.date(2020, 6, 30))
    assert row.in_force(dt.date(2020, 7, 1))
    assert RULES.spi("QQ") is None


def test_slots__follow_the_formulas() -> None:
    """The quantities of each code are those its formula names."""
    for code in RULES.computation_codes:
        slots = RULES.slots[code.code]
        if not code.computable:
            assert not slots.computable
            continue
        named = {int(name[1]) for name in code.inputs_used if name.startswith("Q")}
        assert {slots.p1_quantity, slots.p3_quantity, slots.factor_quantity} - {0} == named, code.code
        assert f"P1*Q{slots.p1_quantity}" in code.formula or slots.p1_quantity == 0 or code.code in "FJK"
        assert f"P3*Q{slots.p3_quantity}" in code.formula or slots.p3_quantity == 0


def test_eligibility__order_and_words() -> None:
    """The order of the file is the order of checks, every rule has words, and reason codes are its id in capitals."""
    with (default_folder() / "eligibility_rules.csv").open(encoding="utf-8", newline="") as file:
        ids = [row["rule_id"] for row in csv.DictReader(file)]
    assert [rule.rule_id for rule in RULES.eligibility] == ids
    assert all(rule.words for rule in RULES.eligibility)
    final = RULES.rule("final_liquidation")
    assert final is not None
    assert (final.reason_code, final.words) == ("FINAL_LIQUIDATION", "ENTRY SUMMARY IS IN FINAL LIQUIDATION STATUS")
    assert RULES.rule("nothing") is None


@pytest.mark.parametrize(
    ("code", "on", "status"),
    [
        ("01", "2026-04-20", "accepted"),
        ("21", "2026-07-06", "accepted_waits"),
        ("21", "2026-07-07", "refused"),
        ("03", "2026-05-01", "accepted_waits"),
        ("86", "2026-05-01", "refused"),
    ],
)
def test_entry_types__by_day(code: str, on: str, status: str) -> None:
    """Entry types are judged by the rules of the day."""
    row = RULES.entry_types(code, _day(on))
    assert row is not None
    assert row.cape_status == status


def test_entry_types__unknown() -> None:
    """A code nobody lists, or a day before CAPE, has no row."""
    assert RULES.entry_types("00", _day("2026-05-01")) is None
    assert RULES.entry_types("01", _day("2026-04-19")) is None


def test_interest__quarters() -> None:
    """Quarters follow each other without gaps; 2026-Q2 is one point below its neighbours."""
    assert RULES.interest[0].from_day <= RULES.interest[0].to_day
    rates = {
        quarter.quarter_start: (quarter.corporate_rate_e9, quarter.noncorporate_rate_e9) for quarter in RULES.interest
    }
    assert rates[_day("2026-01-01")] == (60_000_000, 70_000_000)
    assert rates[_day("2026-04-01")] == (50_000_000, 60_000_000)
    assert rates[_day("2026-07-01")] == (60_000_000, 70_000_000)


def test_policies__by_day() -> None:
    """45, 80 and 90 days, Monday to Thursday; Phase 3 only where it is switched on."""
    policy = RULES.policy(_day("2026-11-02"))
    assert policy is not None
    assert (policy.phase, policy.days_unliquidated, policy.accept_window, policy.reliq_limit) == ("2", 45, 80, 90)
    assert policy.run_days == ("MON", "TUE", "WED", "THU")
    first, third = RULES.policy(_day("2026-04-20")), RULES.policy(_day("2026-11-02"), phase_3=True)
    assert first is not None
    assert third is not None
    assert (first.phase, third.phase) == ("1", "3")
    assert RULES.policy(_day("2026-04-19")) is None


@pytest.mark.parametrize(
    ("column", "seen", "word"),
    [
        (facts.LIQUIDATION_STATUS, "  under  REVIEW ", "Under Review"),
        (facts.LIQUIDATION_STATUS, "unliq", "Unliquidated"),
        (facts.LIQUIDATION_STATUS, "3", "Reliquidated"),
        (facts.SUMMARY_STATUS, "CANCELED", "Cancelled"),
        (facts.CONTROL_STATUS, "cbp", "CBP"),
        (facts.PROTEST_STATUS, "   ", ""),
        (facts.PROTEST_STATUS, "lost", None),
    ],
)
def test_status_word__aliases(column: str, seen: str, word: str | None) -> None:
    """Case and blanks do not matter, blank stays blank, and an unknown word is nobody's word."""
    assert RULES.status_word(column, seen) == word


@pytest.mark.parametrize(
    "column", [facts.LIQUIDATION_STATUS, facts.PROTEST_STATUS, facts.SUMMARY_STATUS, facts.CONTROL_STATUS]
)
def test_status_words__reach_every_accepted_word(column: Column) -> None:
    """Every accepted word of the schema is its own alias, and no alias leads elsewhere."""
    known = RULES.status_words(column)
    accepted = set(filter(None, column.words))
    assert set(known.values()) == accepted
    assert all(known[plain_word(word)] == word for word in accepted)


def test_facts__small_tables() -> None:
    """Hold codes, column 2 countries, whole units, displaced 232 and collection periods are those of the handbook."""
    assert RULES.hold_codes == {"43", "44", "45", "46", "49", "50", "51", "65", "66"}
    assert {row.country for row in RULES.column2_countries} == {"BY", "CU", "KP", "RU"}
    assert RULES.column2("RU", IEEPA_DAY)
    assert not RULES.column2("RU", _day("2022-04-08"))
    assert not RULES.column2("CN", IEEPA_DAY)
    assert RULES.whole_unit_limit_e9 == 1_000_000_000
    assert RULES.whole_unit_exempt_chapters == {"22"}
    assert RULES.whole_unit_exempt_units == {"PFL"}
    assert {row.program: row.chapters for row in RULES.displaced_232} == dict.fromkeys(
        ("fentanyl_canada", "fentanyl_mexico"), ("72", "73", "76")
    )
    ends = {row.program: str(row.last_day) for row in RULES.collection_periods}
    assert ends.pop("india_russia_oil") == "2026-02-06"
    assert set(ends.values()) == {"2026-02-23"}
    assert str(min(row.first_day for row in RULES.collection_periods)) == "2025-02-04"


def test_rate_date_rules__order() -> None:
    """Privileged goods first, then the types judged on the entry date, then the in-bond date (CATAIR AE (j))."""
    assert [(row.ftz_status, row.entry_types, row.dates[0]) for row in RULES.rate_date_rules] == [
        ("P", (), "privileged_date"),
        ("", ("02", "07", "12", "32", "38"), "entry_date"),
        ("", (), "inbond_date"),
    ]


def test_tables__every_row_has_a_source() -> None:
    """Each value says where it comes from and how sure that is."""
    for table in tables.ALL:
        for row in RULES.table(table.file):
            assert row.source.strip(), table.file
            assert table.file == tables.BASE.file or row.confidence.strip(), table.file


def test_properties__give_the_tables() -> None:
    """Every table has a reader, and none is empty."""
    counts = [
        len(found)
        for found in (
            RULES.units,
            RULES.fee_limits,
            RULES.fee_classes,
            RULES.es003_columns,
            RULES.report_columns,
            RULES.hold_code_rows,
        )
    ]
    assert counts == [64, 3, 33, 42, 21, 9]
    assert RULES.fee_limits[-1].mpf_maximum_cents == 65_150
    assert len(RULES.base_numbers) == 11_414
