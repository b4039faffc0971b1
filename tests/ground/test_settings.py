"""Settings: defaults, files and options, the later winning; what is not allowed is refused with the way out."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from cape_engine import settings
from cape_engine.errors import SettingError
from cape_engine.settings import Settings, catalogue

# Chapter 9 of the handbook, name by name; `reports.columns.*` stands for one setting per report.
CHAPTER_9 = """
claim.check_digit claim.max_entries claim.max_bytes claim.letter_case claim.blank_rows claim.bom claim.quotes
claim.encoding claim.newline claim.allow_mixed_importers claim.account_mismatch_level claim.number_assigned_at
claim.all_failed_status claim.report_errors claim.accept_window_basis claim.accept_window_inclusive
claim.presence_rule claim.under_review_message claim.value_check_until claim.urgent_days phase.hold_policy
phase.3_enabled phase.3_start phase.3_importers mass.mode mass.tolerance_cents mass.tolerance_summary_inclusive
mass.replacement_base mass.remove_exempt mass.borderline_numbers mass.value_on_ieepa mass.invalid_hts_scope
mass.max_tariffs_per_line mass.bundled_duty mass.displaced_232 mass.fee_edge schedule.run_days
schedule.days_unliquidated schedule.unliquidated_rule schedule.accept_window schedule.reliq_limit
schedule.reliq_limit_inclusive schedule.reliq_basis schedule.review_days schedule.deemed_margin_days
schedule.order schedule.daily_capacity schedule.review_rules schedule.review_amount_cents schedule.review_sample
schedule.event_policy calendar.overrides calendar.cbp calendar.fed refund.default_importer_kind
refund.large_corporate_cut refund.interest_rounding refund.late_interest refund.deposit_fallback
refund.deposit_allocation refund.small_difference refund.netting refund.consolidate_4811 refund.payment_cap_cents
refund.daily_limit_cents refund.offsets reports.rounding_tolerance_cents
reports.columns.es022 reports.columns.rev603 reports.columns.rev613 reports.columns.rev615 reports.columns.es701
reports.columns.validation_result
""".split()


@pytest.mark.parametrize("name", CHAPTER_9)
def test_catalogue__every_open_question(name: str) -> None:
    """Every open question of the subject is a setting with a meaning and a source, and appears in the manifest."""
    setting = catalogue()[name]
    assert setting.meaning
    assert setting.source
    assert name in Settings.build().in_force()


def test_build__later_wins(tmp_path: Path) -> None:
    """A file beats the default, and an option beats the file; text is parsed into the setting's type."""
    file = tmp_path / "settings.toml"
    file.write_text('[mass]\ntolerance_cents = 100\nmode = "B"\n[phase]\n3_start = 2026-11-01\n', encoding="utf-8")
    settings = Settings.build({"mass.tolerance_cents": "50", "calendar.overrides": "2026-12-24, 2026-12-26"}, file)
    assert settings.number("mass.tolerance_cents") == 50
    assert settings.text("mass.mode") == "B"
    assert settings.day("phase.3_start") == dt.date(2026, 11, 1)
    assert settings.words("calendar.overrides") == ("2026-12-24", "2026-12-26")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mass.mood": "A"}, "there is no setting 'mass.mood'; known here: mass.mode"),
        ({"mass.mode": "C"}, "mass.mode takes A | B, not 'C'"),
        ({"mass.tolerance_cents": "2.99"}, "takes a value of type int"),
        ({"mass.tolerance_cents": -1}, "must be at least 0"),
        ({"mass.whole_units": "yes"}, "takes a value of type bool"),
        ({"phase.3_start": "October"}, "takes a value of type date"),
    ],
)
def test_build__refusals(change: dict[str, object], said: str) -> None:
    """An unknown name, a value of another type or an unknown word is refused."""
    with pytest.raises(SettingError) as caught:
        Settings.build(change)
    assert said in str(caught.value)


def test_build__question_not_acted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that nothing acts on yet stays at its default, and says why."""
    fixed = {**catalogue(), "mass.mode": replace(catalogue()["mass.mode"], only_default="nothing does it")}
    monkeypatch.setattr(settings, "catalogue", lambda: fixed)
    assert Settings.build({"mass.mode": "A"}).text("mass.mode") == "A"
    with pytest.raises(SettingError, match=r"mass\.mode stays 'A' here: nothing does it"):
        Settings.build({"mass.mode": "B"})


def test_build__broken_file(tmp_path: Path) -> None:
    """A file that is not TOML is named."""
    file = tmp_path / "settings.toml"
    file.write_text("mass = [", encoding="utf-8")
    with pytest.raises(SettingError, match=r"settings\.toml: not a readable TOML file"):
        Settings.build(None, file)
