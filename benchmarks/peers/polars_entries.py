"""Entries in Polars: the dated checks, the schedule, interest, and refunds by recipient and day."""

from __future__ import annotations

import datetime as dt

import polars as pl

from benchmarks.peers import law as of

ODDITIES = (
    *("order_broken", "partner_missing", "inactive", "value_on_ieepa", "value_missing", "unable", "review"),
    *("charging", "section_122", "never_existed"),
)


def _number(day: dt.date) -> int:
    return (day - of.EPOCH).days


def _yes(expression: pl.Expr) -> pl.Expr:
    return expression.fill_null(value=False)


def _word(name: str) -> pl.Expr:
    return pl.col(name).str.to_lowercase()


def _key(name: str) -> pl.Expr:
    return pl.col(name).str.replace_all("-", "", literal=True).str.replace_all(" ", "", literal=True).str.to_uppercase()


def _failures(law: of.Law) -> dict[str, pl.Expr]:
    """What each rule of the filing day refuses; a fact that nobody knows passes."""
    flagged, kind = pl.col("reconciliation_flag"), pl.col("entry_type").fill_null("01")
    return {
        "summary_not_accepted": _word("summary_status") != "accepted",
        "control_status_not_cbp": _word("control_status") != "cbp",
        "statement_not_complete": ~pl.col("statement_complete"),
        "recon_flagged": flagged,
        "recon_not_phase2": (flagged & ~kind.is_in(["01", "02", "06"])) | _yes(pl.col("reconciliation_entry_filed")),
        "on_drawback": pl.col("drawback_flag"),
        "protest_open": _word("protest_status").is_in(["open", "suspended"]),
        "adcvd_pending": pl.col("adcvd_pending"),
        "no_liquidation_status": pl.col("status") == "",
        "final_liquidation": _number(law.as_of) - pl.col("liquidated_on") > of.ACCEPT_WINDOW,
        "no_ieepa_hts": ~pl.col("charging"),
        "section_122_only": pl.col("section_122") & ~pl.col("charging"),
        "surety_paid": pl.col("surety_paid"),
        "hts_relationship_sequence": pl.col("order_broken") | pl.col("partner_missing") | pl.col("inactive"),
        "goods_value_missing_base": pl.col("value_missing"),
        "goods_value_on_ieepa": pl.col("value_on_ieepa"),
        "invalid_hts": pl.col("inactive"),
        "hts_relationship": pl.col("partner_missing"),
        "unable_to_calculate": pl.col("unable"),
    }


def _rejected(law: of.Law) -> pl.Expr:
    """Whether an entry fails on the filing day."""
    failed = [_yes(test) for name, test in _failures(law).items() if name in law.in_force]
    given = pl.col("liquidation_date")
    contradicts = given.is_null() | (given > _number(law.as_of)) | _yes(given < pl.col("entry_date"))
    return pl.any_horizontal(
        *failed, _yes(pl.col("entry_type").is_in(law.refused_types)), pl.col("on_record") & contradicts
    )


def _standing(facts: pl.DataFrame, sums: pl.DataFrame, odd: pl.DataFrame, law: of.Law) -> pl.LazyFrame:
    """Money and standing in liquidation of every entry."""
    rate_day = (
        pl.when(pl.col("entry_type").is_in(of.ENTRY_DATE_TYPES))
        .then("entry_date")
        .otherwise(pl.coalesce("inbond_date", "entry_date"))
    )
    joined = facts.lazy().join(sums.lazy(), on="e", how="left").join(odd.lazy(), on="e", how="left")
    known = joined.with_columns(
        pl.col("filed", "removed", "restored").fill_null(0),
        pl.col(ODDITIES).fill_null(value=False),
        status=_word("liquidation_status"),
        anniversary=pl.coalesce("year_after_withdrawal", "year_after_entry"),
        outside=_yes(~rate_day.is_between("first_day", "last_day")),
    )
    on_record = _yes(pl.col("status").is_in(["liquidated", "reliquidated"]))
    new = pl.col("filed") - pl.col("removed") + pl.col("restored")
    held = (
        _yes(pl.col("status").is_in(["extended", "suspended", "under review"]))
        | _yes(pl.col("extension_suspension_code").is_in(law.hold_codes))
        | (~pl.col("on_record") & _yes(pl.col("entry_type").is_in(of.WAITING_TYPES)))
    )
    ended = pl.when(~pl.col("held") & (pl.col("anniversary") <= _number(law.accepted_on))).then("anniversary")
    return (
        known.with_columns(
            on_record=on_record,
            inactive=pl.col("inactive") | pl.col("never_existed") | pl.col("outside"),
            difference=pl.coalesce("paid_duty_cents", "filed") - pl.col("prior_refund_cents").fill_null(0) - new,
        )
        .with_columns(held=held)
        .with_columns(liquidated_on=pl.when("on_record").then("liquidation_date").otherwise(ended))
    )


def _at(calendar: pl.DataFrame, column: str, day: pl.Expr) -> pl.Expr:
    """The run day on or after (`following`), or on or before (`preceding`), a day: a look-up by place."""
    days = calendar[column]
    return pl.lit(days).gather((day - calendar["day"][0]).cast(pl.UInt32))


def decide(
    facts: pl.DataFrame,
    sums: pl.DataFrame,
    odd: pl.DataFrame,
    people: pl.DataFrame,
    law: of.Law,
    calendar: pl.DataFrame,
) -> pl.DataFrame:
    """Acceptance, principal, planned day, recipient and kind of every entry, in order."""
    accepted_on = _number(law.accepted_on)
    soonest, target = (_number(law.run_day(law.accepted_on + days * of.DAY)) for days in (1, of.UNLIQUIDATED_DAYS))
    limit = pl.min_horizontal(
        _at(calendar, "preceding", pl.col("anniversary") - 1),
        _at(calendar, "preceding", pl.col("scheduled_liquidation_date") - 1),
    )
    basis = pl.coalesce(
        "liquidated_on",
        pl.when(pl.col("day_limit") < soonest).then(pl.min_horizontal("anniversary", "scheduled_liquidation_date")),
    )
    latest = _at(calendar, "preceding", pl.col("basis") + of.RELIQUIDATION_LIMIT)
    soon = _at(calendar, "following", pl.max_horizontal(pl.col("basis"), pl.lit(accepted_on, pl.Int32)) + 1)
    wanted = (
        pl.when(pl.col("basis").is_null())
        .then(pl.min_horizontal(pl.col("day_limit"), pl.lit(target, pl.Int32)))
        .otherwise(pl.when(latest >= soon).then(soon))
    )
    goes = pl.col("accepted") & ~pl.col("held") & ~pl.col("review") & (pl.col("difference") >= 0)
    to_party = _yes(pl.col("notify_party_on_profile") & (_key("notify_party") != ""))
    kinds = people.lazy().select("person", "paid_as")
    return (
        _standing(facts, sums, odd, law)
        .with_columns(accepted=~_rejected(law), day_limit=limit)
        .with_columns(basis=basis)
        .with_columns(wanted=wanted, to_party=to_party, importer=_key("importer_number"))
        .join(kinds, left_on="importer", right_on="person", how="left", maintain_order="left")
        .select(
            "e",
            "accepted",
            "deposit_date",
            principal=pl.when("accepted").then(pl.col("difference").clip(0)).otherwise(0),
            day=pl.when(goes).then("wanted"),
            kind=pl.coalesce("importer_kind", "paid_as", pl.lit("corporate")),
            recipient=pl.when("to_party").then(_key("notify_party")).otherwise("importer"),
            shown=pl.when("to_party").then("notify_party").otherwise("importer_number"),
        )
        .sort("e")
        .collect()
    )


def refunds(decided: pl.DataFrame, people: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Interest of every entry, and refunds by recipient and day."""
    earns = _yes((pl.col("principal") > 0) & (pl.col("deposit_date") < pl.col("day")))
    pairs = decided.filter(earns).select("deposit_date", "day", "kind").unique()
    factors = pl.from_arrow(of.growth(pairs.iter_rows()))
    assert isinstance(factors, pl.DataFrame)
    unit = pl.lit(of.GROWTH_SCALE, pl.Int128)
    interest = (pl.col("principal").cast(pl.Int128) * pl.col("growth").cast(pl.Int128) + unit // 2) // unit
    entries = decided.join(
        factors,
        left_on=["deposit_date", "day", "kind"],
        right_on=["start_day", "end_day", "paid_as"],
        how="left",
        maintain_order="left",
    ).with_columns(interest=pl.when(earns).then(interest.cast(pl.Int64)).otherwise(0))
    paid = (
        entries.lazy()
        .filter(pl.col("day").is_not_null() & (pl.col("principal") > 0))
        .group_by("recipient", "day")
        .agg(
            shown=pl.col("shown").min(),
            entries=pl.len().cast(pl.Int64),
            principal_cents=pl.col("principal").sum(),
            interest_cents=pl.col("interest").sum(),
        )
        .join(people.lazy().select("person", "spelling"), left_on="recipient", right_on="person", how="left")
        .select(
            "entries",
            "principal_cents",
            "interest_cents",
            recipient=pl.coalesce("spelling", "shown"),
            liquidation_date="day",
            amount_cents=pl.col("principal_cents") + pl.col("interest_cents"),
        )
        .collect()
    )
    return entries.select(
        "accepted", principal_cents="principal", interest_cents="interest", liquidation_date="day"
    ), paid
