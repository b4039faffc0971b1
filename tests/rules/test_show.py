"""Questions about the law: `show` for numbers and rules, `diff` between two days."""

from __future__ import annotations

import datetime as dt

import pytest

from cape_engine.errors import UsageError
from cape_engine.rules import load
from cape_engine.rules.show import diff, show

RULES = load()


@pytest.mark.parametrize("key", ["9903.01.24", "99030124", "9903012400", " 9903.01.24 "])
def test_show__number_by_day(key: str) -> None:
    """A number is found dotted or not, with 8 or 10 digits, and the day picks the period."""
    (rate, block) = show(RULES, key, dt.date(2025, 11, 9))
    assert (rate.file, rate.fields["rate"], rate.effective_from, rate.effective_to) == (
        "ieepa_numbers.csv",
        "0.2",
        "2025-03-04",
        "2025-11-09",
    )
    assert "CSMS 64299816" in rate.source
    assert rate.confidence == "O"
    assert block.file == "number_blocks.csv"
    assert [record.fields["rate"] for record in show(RULES, key, dt.date(2025, 11, 10))[:1]] == ["0.1"]
    assert len(show(RULES, key)) == 3


def test_show__base_number() -> None:
    """A base number comes with its rates by part and its special rates."""
    found = show(RULES, "0402.10.50", dt.date(2026, 2, 1))
    files = [record.file for record in found]
    assert files[0] == "hts_base.csv"
    assert set(files[1:]) == {"special_rates.csv"}
    assert (found[0].fields["general.code"], found[0].fields["general.specific"]) == ("1", "0.865")
    flat = found[0].as_dict()
    assert flat["source"] == "USITC HTS JSON 2026 basic to 2026 rev 10"
    assert all(isinstance(value, str) for value in flat.values())


def test_show__number_that_never_existed() -> None:
    """An invented number inside the blocks is called so."""
    (block,) = show(RULES, "9903.01.35")
    assert block.fields["never_existed"] == "Y"
    assert "never_existed" not in show(RULES, "9903.01.24")[-1].fields


@pytest.mark.parametrize(
    ("key", "file", "field", "value"),
    [
        ("final_liquidation", "eligibility_rules.csv", "message", "ENTRY SUMMARY IS IN FINAL LIQUIDATION STATUS"),
        ("value_placement", "review_rules.csv", "flags", "VALUE_NOT_PLACED;VALUE_DOUBLE"),
        ("FINAL_LIQUIDATION", "eligibility_rules.csv", "outcome", "reject_entry"),
        ("21", "entry_types.csv", "cape_status", "accepted_waits"),
        ("kr", "spi_codes.csv", "programme", "U.S.-Korea FTA (KORUS)"),
        ("mass.mode", "settings.toml", "default", "A"),
    ],
)
def test_show__words(key: str, file: str, field: str, value: str) -> None:
    """Rules by id or reason code, entry types, programmes and settings answer too."""
    record = show(RULES, key)[0]
    assert (record.file, record.fields[field]) == (file, value)


def test_show__known_but_not_that_day() -> None:
    """A known key without a row on that day gives an empty list, not an error."""
    assert show(RULES, "recon_flagged", dt.date(2026, 6, 29)) == []


def test_show__unknown() -> None:
    """An unknown key says what can be asked, and names the nearest."""
    with pytest.raises(UsageError, match=r"knows 'finl_liquidation'\. Near: final_liquidation, .* such as KR"):
        show(RULES, "finl_liquidation")
    with pytest.raises(UsageError, match="knows '00000000'"):
        show(RULES, "00000000")


def test_diff__nothing_on_the_same_day() -> None:
    """A day does not differ from itself."""
    assert diff(RULES, dt.date(2026, 5, 1), dt.date(2026, 5, 1)) == []


def test_diff__the_june_changes() -> None:
    """Between 24 and 29 June 2026 the validations split and Phase 2 opens (handbook 1.3)."""
    found = {
        (change.key, "ends" if change.after is None else "begins")
        for change in diff(RULES, dt.date(2026, 6, 24), dt.date(2026, 6, 29))
        if not change.column
    }
    assert found == {
        ("recon_flagged", "ends"),
        ("hts_relationship_sequence", "ends"),
        ("goods_value_missing_base", "ends"),
        ("goods_value_on_ieepa", "ends"),
        ("recon_not_phase2", "begins"),
        ("invalid_hts", "begins"),
        ("hts_relationship", "begins"),
        ("accept_recon_phase2", "begins"),
        ("1", "ends"),
        ("2", "begins"),
    }


def test_diff__a_rate_that_changes() -> None:
    """A changed rate is one field with both values and the later source; wording of notes is no change."""
    changes = [
        change for change in diff(RULES, dt.date(2025, 11, 9), dt.date(2025, 11, 10)) if change.key == "99030124"
    ]
    assert [(change.column, change.before, change.after) for change in changes] == [("rate", "0.2", "0.1")]
    assert "CSMS 66749380" in changes[0].source
    assert changes[0].as_dict()["file"] == "ieepa_numbers.csv"


def test_diff__interest_entry_types_and_base() -> None:
    """Interest rates, entry types and special columns are compared too."""
    quarter = {
        (change.key, change.column): (change.before, change.after)
        for change in diff(RULES, dt.date(2026, 3, 31), dt.date(2026, 4, 1))
    }
    assert quarter[("rates", "corporate_rate")] == ("0.06", "0.05")
    types = {
        (change.key, change.column, change.before, change.after)
        for change in diff(RULES, dt.date(2026, 7, 6), dt.date(2026, 7, 7))
    }
    assert ("21", "cape_status", "accepted_waits", "refused") in types
    year = [
        change for change in diff(RULES, dt.date(2025, 12, 31), dt.date(2026, 1, 1)) if change.file == "hts_base.csv"
    ]
    assert {change.column for change in year} == {"specials", "specials_not_free"}
    assert len({change.key for change in year}) == 149


def test_diff__a_quarter_without_rates() -> None:
    """Beyond the last quarter the rates end; they are not carried on."""
    ends = [
        change
        for change in diff(RULES, dt.date(2026, 12, 31), dt.date(2027, 1, 1))
        if change.file == "interest_rates.csv"
    ]
    assert [(change.column, change.after) for change in ends] == [("", None)]


def test_diff__programmes_that_lapse() -> None:
    """GSP ends with 2020."""
    ends = {
        (change.key, change.after)
        for change in diff(RULES, dt.date(2020, 12, 31), dt.date(2021, 1, 1))
        if change.column == "status"
    }
    assert ends == {("A", "not in force"), ("A*", "not in force"), ("A+", "not in force")}
