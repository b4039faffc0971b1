"""Entries in pandas: the dated checks, the schedule, interest in whole numbers, and refunds by recipient and day."""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.peers import law as of

Int64s = npt.NDArray[np.int64]
LIMB = 10**9


def _number(day: dt.date) -> int:
    return (day - of.EPOCH).days


def _word(facts: pd.DataFrame, name: str) -> pd.Series:
    return facts[name].astype("string").str.lower()


def _key(words: pd.Series) -> pd.Series:
    plain = words.astype("string").str.replace("-", "", regex=False).str.replace(" ", "", regex=False)
    return plain.str.upper()


def _yes(facts: pd.DataFrame, name: str) -> pd.Series:
    return facts[name].eq(other=True).fillna(value=False)


def _failures(facts: pd.DataFrame, law: of.Law) -> dict[str, pd.Series]:
    """What each rule of the filing day refuses; a fact that nobody knows passes."""
    flagged, kind = _yes(facts, "reconciliation_flag"), facts["entry_type"].astype("string").fillna("01")
    age = _number(law.as_of) - facts["liquidated_on"]
    return {
        "summary_not_accepted": _word(facts, "summary_status") != "accepted",
        "control_status_not_cbp": _word(facts, "control_status") != "cbp",
        "statement_not_complete": facts["statement_complete"].eq(other=False),
        "recon_flagged": flagged,
        "recon_not_phase2": (flagged & ~kind.isin(["01", "02", "06"])) | _yes(facts, "reconciliation_entry_filed"),
        "on_drawback": _yes(facts, "drawback_flag"),
        "protest_open": _word(facts, "protest_status").isin(["open", "suspended"]),
        "adcvd_pending": _yes(facts, "adcvd_pending"),
        "no_liquidation_status": facts["status"] == "",
        "final_liquidation": age > of.ACCEPT_WINDOW,
        "no_ieepa_hts": ~facts["charging"],
        "section_122_only": facts["section_122"] & ~facts["charging"],
        "surety_paid": _yes(facts, "surety_paid"),
        "hts_relationship_sequence": facts["order_broken"] | facts["partner_missing"] | facts["inactive"],
        "goods_value_missing_base": facts["value_missing"],
        "goods_value_on_ieepa": facts["value_on_ieepa"],
        "invalid_hts": facts["inactive"],
        "hts_relationship": facts["partner_missing"],
        "unable_to_calculate": facts["unable"],
    }


def _rejected(facts: pd.DataFrame, law: of.Law) -> pd.Series:
    """Whether an entry fails on the filing day."""
    given = facts["liquidation_date"].astype(float)
    contradicts = given.isna() | (given > _number(law.as_of)) | (given < facts["entry_date"])
    failed = facts["entry_type"].isin(law.refused_types) | (facts["on_record"] & contradicts)
    for name, test in _failures(facts, law).items():
        if name in law.in_force:
            failed |= test.fillna(value=False).astype(bool)
    return failed


def _standing(facts: pd.DataFrame, sums: pd.DataFrame, odd: pd.DataFrame, law: of.Law) -> pd.DataFrame:
    """Money and standing in liquidation of every entry."""
    found = facts.join(sums).join(odd)
    for name in ("filed", "removed", "restored"):
        found[name] = found[name].fillna(0).astype(np.int64)
    for name in (*sums.columns, *odd.columns):
        if name not in ("filed", "removed", "restored", "first_day", "last_day"):
            found[name] = _yes(found, name)
    for name in ("inbond_date", "scheduled_liquidation_date", "liquidation_date", "year_after_withdrawal"):
        found[name] = found[name].astype(float)
    entry_first = found["entry_type"].isin(of.ENTRY_DATE_TYPES)
    rate_day = found["entry_date"].where(entry_first, found["inbond_date"].fillna(found["entry_date"]))
    outside = (rate_day < found["first_day"]) | (rate_day > found["last_day"])
    found["inactive"] = found["inactive"] | found["never_existed"] | outside
    found["status"] = _word(found, "liquidation_status")
    found["on_record"] = found["status"].isin(["liquidated", "reliquidated"])
    found["held"] = (
        found["status"].isin(["extended", "suspended", "under review"])
        | found["extension_suspension_code"].isin(law.hold_codes)
        | (~found["on_record"] & found["entry_type"].isin(of.WAITING_TYPES))
    )
    found["anniversary"] = found["year_after_withdrawal"].fillna(found["year_after_entry"])
    deemed = found["anniversary"].where(~found["held"] & (found["anniversary"] <= _number(law.accepted_on)))
    found["liquidated_on"] = found["liquidation_date"].where(found["on_record"], deemed)
    paid = found["paid_duty_cents"].astype(float).fillna(found["filed"]).astype(np.int64)  # below 2^53: exact
    prior = found["prior_refund_cents"].astype(float).fillna(0).astype(np.int64)
    found["difference"] = paid - prior - (found["filed"] - found["removed"] + found["restored"])
    return found


def _at(calendar: pd.DataFrame, column: str, day: pd.Series) -> pd.Series:
    """The run day on or after (`following`), or on or before (`preceding`), a day: a look-up by place."""
    known = day.notna()
    places = (day.fillna(calendar["day"].iloc[0]) - calendar["day"].iloc[0]).astype(np.int64)
    return pd.Series(calendar[column].to_numpy(float)[places], day.index).where(known)


def decide(
    facts: pd.DataFrame,
    sums: pd.DataFrame,
    odd: pd.DataFrame,
    people: pd.DataFrame,
    law: of.Law,
    calendar: pd.DataFrame,
) -> pd.DataFrame:
    """Acceptance, principal, planned day, recipient and kind of every entry, in order."""
    found = _standing(facts, sums, odd, law)
    accepted = ~_rejected(found, law)
    accepted_on = _number(law.accepted_on)
    soonest, target = (_number(law.run_day(law.accepted_on + days * of.DAY)) for days in (1, of.UNLIQUIDATED_DAYS))
    ends = found[["anniversary", "scheduled_liquidation_date"]]
    limit = ends.apply(lambda days: _at(calendar, "preceding", days - 1)).min(axis=1)
    basis = found["liquidated_on"].fillna(ends.min(axis=1).where(limit < soonest))
    latest = _at(calendar, "preceding", basis + of.RELIQUIDATION_LIMIT)
    soon = _at(calendar, "following", basis.clip(accepted_on) + 1)
    wanted = limit.fillna(target).clip(upper=target).where(basis.isna(), soon.where(latest >= soon))
    goes = accepted & ~found["held"] & ~found["review"] & (found["difference"] >= 0)
    party = _key(found["notify_party"])
    to_party = _yes(found, "notify_party_on_profile") & (party.fillna("") != "")
    importer = _key(found["importer_number"])
    kind = importer.map(people.set_index("person")["paid_as"]).fillna("corporate")
    return pd.DataFrame(
        {
            "accepted": accepted,
            "principal": found["difference"].clip(0).where(accepted, 0),
            "deposit_date": found["deposit_date"].astype(float),
            "day": wanted.where(goes),
            "kind": found["importer_kind"].astype(object).where(found["importer_kind"].notna(), kind),
            "recipient": party.where(to_party, importer),
            "shown": found["notify_party"].astype("string").where(to_party, found["importer_number"].astype("string")),
        }
    )


def _times(principal: Int64s, limb: Int64s, carry: Int64s) -> tuple[Int64s, Int64s]:
    """Quotient and remainder of (principal x limb + carry) by 10^9; principal below 10^13, limb and carry below."""
    high, low = principal // 10**5, principal % 10**5
    product = high * limb
    rest = product % LIMB * 10**5 + low * limb + carry
    return product // LIMB * 10**5 + rest // LIMB, rest % LIMB


def grown_cents(principal: Int64s, limbs: list[Int64s]) -> Int64s:
    """Principal x growth, half up, in 64 bits; growth in 10^-27, as limbs of nine digits, the lowest first."""
    carry, last = np.zeros(len(principal), np.int64), np.zeros(len(principal), np.int64)
    for limb in limbs:
        carry, last = _times(principal, limb, carry)
    return carry + (last >= LIMB // 2)


def refunds(decided: pd.DataFrame, people: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Interest of every entry, and refunds by recipient and day."""
    earns = (decided["principal"] > 0) & (decided["deposit_date"] < decided["day"])
    keys = ["deposit_date", "day", "kind"]
    earning = decided.loc[earns, keys]
    group = earning.groupby(keys, sort=False).ngroup().to_numpy()
    pairs = earning.drop_duplicates(keys)
    known = of.growth(
        zip(pairs["deposit_date"].astype(int).tolist(), pairs["day"].astype(int).tolist(), pairs["kind"], strict=True)
    )
    interest = np.zeros(len(decided), np.int64)
    growth = np.array([int(text) for text in known["growth"].to_pylist()], object)
    if len(growth):
        limbs = [np.array([each * 100 // LIMB**place % LIMB for each in growth], np.int64)[group] for place in range(3)]
        interest[earns.to_numpy()] = grown_cents(decided.loc[earns, "principal"].to_numpy(), limbs)
    entries = decided.assign(interest=interest)
    paid = entries[entries["day"].notna() & (entries["principal"] > 0)]
    sums = paid.groupby(["recipient", "day"], sort=False, as_index=False).agg(
        shown=("shown", "min"),
        entries=("principal", "size"),
        principal_cents=("principal", "sum"),
        interest_cents=("interest", "sum"),
    )
    spelling = sums["recipient"].map(people.set_index("person")["spelling"])
    sums["liquidation_date"] = sums.pop("day").astype(np.int32)
    sums["recipient"] = spelling.astype("string").fillna(sums.pop("shown"))
    sums["amount_cents"] = sums["principal_cents"] + sums["interest_cents"]
    plain = entries[["accepted", "principal", "interest"]].rename(
        columns={"principal": "principal_cents", "interest": "interest_cents"}
    )
    return plain.assign(liquidation_date=entries["day"].astype("Int32")), sums
