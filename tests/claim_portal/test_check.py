"""The entry checks against the slow twin, and what they refuse, ignore and keep."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine import claim_portal, liquidation, rules
from cape_engine.claim_portal.conditions import CONDITIONS
from cape_engine.claim_portal.entry_checks import HOLD_NOT_IN_PHASE, INPUT_REFUSED
from cape_engine.errors import RuleFileError, UsageError
from cape_engine.schema import facts as f
from cape_engine.schema import rows
from cape_engine.schema.codes import Trial
from cape_engine.settings import Settings
from reference import claim as twin
from reference import liquidation as standing_twin
from reference.entry_tables import entry_table

RULESET = rules.load()
OPENED = dt.date(2026, 4, 20)


def check(
    entries: list[dict[str, object]],
    trial: list[int] | None = None,
    *,
    as_of: dt.date = OPENED,
    accepted_on: dt.date | None = None,
    settings: dict[str, object] | None = None,
    claimed: list[bool] | None = None,
    ruleset: rules.Ruleset = RULESET,
) -> claim_portal.ClaimResult:
    """These entries through standing and check."""
    built = Settings.build(settings)
    table = entry_table(entries)
    accepted_on = accepted_on or as_of
    standing, _ = liquidation.standing(table, ruleset=RULESET, settings=built, as_of=as_of, accepted_on=accepted_on)
    return claim_portal.check(
        table,
        np.array(trial or [0] * len(entries), np.uint32),
        standing,
        ruleset=ruleset,
        settings=built,
        as_of=as_of,
        accepted_on=accepted_on,
        claimed=None if claimed is None else np.array(claimed, np.bool_),
    )


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A fact that is often unknown."""
    return st.one_of(st.none(), strategy)


facts = st.fixed_dictionaries(
    {
        str(f.ENTRY_TYPE): optional(st.sampled_from([*sorted(twin.KNOWN), "99"])),
        str(f.ENTRY_DATE): optional(st.dates(dt.date(2025, 2, 4), dt.date(2026, 2, 23))),
        str(f.LIQUIDATION_STATUS): optional(st.sampled_from(f.LIQUIDATION_STATUS.words)),
        str(f.LIQUIDATION_DATE): optional(st.dates(dt.date(2025, 11, 1), dt.date(2026, 12, 31))),
        str(f.SUMMARY_STATUS): optional(st.sampled_from(f.SUMMARY_STATUS.words)),
        str(f.CONTROL_STATUS): optional(st.sampled_from(f.CONTROL_STATUS.words)),
        str(f.PROTEST_STATUS): optional(st.sampled_from(f.PROTEST_STATUS.words)),
        str(f.IMPORTER_NUMBER): optional(st.sampled_from(["12-345678900", "98-7654321XY"])),
        str(f.STATEMENT_COMPLETE): optional(st.booleans()),
        str(f.RECONCILIATION_FLAG): optional(st.booleans()),
        str(f.RECONCILIATION_ENTRY_FILED): optional(st.booleans()),
        str(f.DRAWBACK_FLAG): optional(st.booleans()),
        str(f.ADCVD_PENDING): optional(st.booleans()),
        str(f.SURETY_PAID): optional(st.booleans()),
        str(f.CIT_PLAINTIFF): optional(st.booleans()),
        str(rows.INPUT_REFUSED): st.sampled_from([False, False, False, True]),
    }
)
changes = st.fixed_dictionaries(
    {
        "claim.accept_window_basis": st.sampled_from(["filing", "acceptance"]),
        "claim.accept_window_inclusive": st.booleans(),
        "claim.presence_rule": st.sampled_from(["kind_duty", "any", "amount"]),
        "claim.under_review_message": st.booleans(),
        "claim.value_check_until": st.sampled_from([dt.date(2026, 6, 24), dt.date(2026, 5, 31), dt.date(2026, 12, 31)]),
        "phase.hold_policy": st.sampled_from(["accept_and_wait", "reject"]),
        "phase.3_enabled": st.booleans(),
        "phase.3_importers": st.sampled_from([[], ["98-7654321xy"]]),
        "mass.invalid_hts_scope": st.sampled_from(["remaining", "all"]),
    }
)
filing_days = st.one_of(
    st.dates(OPENED, dt.date(2026, 12, 31)),
    st.sampled_from([dt.date(2026, 6, 24), dt.date(2026, 6, 25), dt.date(2026, 6, 28), dt.date(2026, 6, 29)]),
    st.sampled_from([dt.date(2026, 7, 6), dt.date(2026, 7, 7), dt.date(2026, 10, 5), dt.date(2026, 10, 6)]),
)


@given(
    entries=st.lists(st.tuples(facts, st.integers(0, 2**11 - 1)), min_size=1, max_size=10),
    changed=changes,
    as_of=filing_days,
    wait=st.integers(0, 30),
)
def test_check__equals_the_twin(
    entries: list[tuple[dict[str, object], int]], changed: dict[str, Any], as_of: dt.date, wait: int
) -> None:
    """Every reason of every entry equals the twin's, for whatever facts, trial findings, days and settings."""
    accepted_on = as_of + dt.timedelta(days=wait)
    plain = [entry for entry, _ in entries]
    result = check(plain, [bits for _, bits in entries], as_of=as_of, accepted_on=accepted_on, settings=changed)
    twins = {name: tuple(value) if isinstance(value, list) else value for name, value in changed.items()}
    expected = [
        twin.failed(
            entry,
            [bit.name or "" for bit in Trial if bits & bit],
            standing_twin.standing(entry, as_of, accepted_on),
            as_of,
            accepted_on,
            twins,
        )
        for entry, bits in entries
    ]
    assert result.reasons.to_pylist() == expected
    assert result.accepted.tolist() == [not one for one in expected]
    assert [len(one) for one in result.messages.to_pylist()] == [len(one) for one in expected]


def test_check__only_claimed_entries() -> None:
    """An entry that nobody declared is neither accepted nor failed, and nothing is said about it."""
    bad: dict[str, object] = {"entry_type": "99", "protest_status": "Open"}
    result = check([bad, bad, {}], claimed=[False, True, False])
    assert result.claimed.tolist() == [False, True, False]
    assert result.accepted.tolist() == [False, False, False]
    assert result.reasons.to_pylist() == [[], ["ENTRY_TYPE_NOT_ALLOWED", "PROTEST_OPEN"], []]
    assert result.findings.to_table().num_rows == 1


def test_check__both_kinds_are_kept() -> None:
    """Unliquidated and liquidated entries are both accepted (8.1, fault 10)."""
    result = check(
        [
            {"liquidation_status": "Unliquidated"},
            {"liquidation_status": "Liquidated", "liquidation_date": dt.date(2026, 4, 1)},
        ]
    )
    assert result.accepted.tolist() == [True, True]


def test_check__no_entries() -> None:
    """An empty partition gives empty lists."""
    result = check([])
    assert result.reasons.to_pylist() == result.messages.to_pylist() == []


def test_check__bits_are_the_rules_of_the_file() -> None:
    """Bit i of `failed` is rule i of the eligibility table; the two highest are ours."""
    result = check(
        [{"surety_paid": True}, {"input_refused": True}, {"liquidation_status": "Extended"}],
        settings={"phase.hold_policy": "reject"},
    )
    place = [rule.rule_id for rule in RULESET.eligibility].index("surety_paid")
    assert result.failed.tolist() == [1 << place, 1 << INPUT_REFUSED, 1 << HOLD_NOT_IN_PHASE]


def test_check__final_liquidation_prints_the_protest_deadline() -> None:
    """The filer reads liquidation + 180 days, not a count from the summary date (6.6; 8.1, fault 16)."""
    entry: dict[str, object] = {
        "liquidation_status": "Liquidated",
        "liquidation_date": dt.date(2026, 1, 29),
        "summary_date": dt.date(2025, 3, 1),
    }
    row = check([entry]).findings.to_table().to_pylist()[0]
    assert (row["code"], row["value"]) == ("FINAL_LIQUIDATION", "2026-01-29")
    assert "2026-07-28" in row["remedy"]
    assert dt.date(2026, 1, 29) + dt.timedelta(days=180) == dt.date(2026, 7, 28)


def test_check__before_the_portal() -> None:
    """A filing day before 2026-04-20 is refused with one clear sentence."""
    with pytest.raises(UsageError, match="the portal opened on 2026-04-20; --as-of must be that day or later"):
        check([{}], as_of=dt.date(2026, 4, 19))


def test_check__accepted_before_filing() -> None:
    """An acceptance before the filing is refused."""
    with pytest.raises(UsageError, match="2026-04-21"):
        check([{}], as_of=dt.date(2026, 4, 22), accepted_on=dt.date(2026, 4, 21))


def test_check__a_rule_without_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule in force that the engine cannot test is an error of the rule files, never silently passed."""
    monkeypatch.delitem(CONDITIONS, "surety_paid")
    with pytest.raises(RuleFileError, match="surety_paid"):
        check([{}])


def test_conditions__belong_to_rules() -> None:
    """Every condition belongs to a rule of the table."""
    assert set(CONDITIONS) <= {rule.rule_id for rule in RULESET.eligibility}


def test_check__words_without_case_and_spaces() -> None:
    """Case and spaces of status words do not matter (clarification 6)."""
    result = check([{"protest_status": " open "}, {"summary_status": "ACCEPTED"}, {"control_status": "cbp"}])
    assert result.reasons.to_pylist() == [["PROTEST_OPEN"], [], []]


def test_check__does_not_touch_its_inputs() -> None:
    """Standing and trial stay as they were, so that stages may share them."""
    built = Settings.build()
    table = entry_table([{"liquidation_status": "Extended"}])
    standing, _ = liquidation.standing(table, ruleset=RULESET, settings=built, as_of=OPENED, accepted_on=OPENED)
    before = {field.name: getattr(standing, field.name).copy() for field in dataclasses.fields(standing)}
    trial = np.array([Trial.UNABLE], np.uint32)
    claim_portal.check(
        table, trial, standing, ruleset=RULESET, settings=built, as_of=OPENED, accepted_on=OPENED, claimed=None
    )
    assert trial.tolist() == [Trial.UNABLE]
    for name, values in before.items():
        assert (getattr(standing, name) == values).all()
