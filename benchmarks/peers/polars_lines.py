"""The odd lines in Polars: column 1 restored, values moved, and what refuses an entry or sends it to review."""

from __future__ import annotations

import polars as pl

from benchmarks.peers import law as of

WIDE = pl.Int128
"""Products of rates in billionths and quantities in hundredths pass 64 bits."""


def _when(condition: pl.Expr, name: str) -> pl.Expr:
    return pl.when(condition).then(pl.col(name))


def line_facts(rows: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """What each odd line adds up to, its rate date, and where its value stands."""
    ieepa, base, is98, is99 = pl.col("cls") > 0, pl.col("is_base"), pl.col("is98"), pl.col("is99")
    replacement = pl.col("cls") == of.REPLACEMENT
    sums = rows.group_by("l").agg(
        e=pl.col("e").first(),
        in_set=(pl.col("set_mark") == "V").any(),
        from_border=pl.col("origin").is_in(["CA", "MX"]).any(),
        zone_day=_when(pl.col("ftz_status") == "P", "privileged_date").max(),
        d_replacement=_when(replacement, "d").sum(),
        d_base=_when(base, "d").sum(),
        d_ieepa=_when(ieepa, "d").sum(),
        ieepa=ieepa.sum(),
        replacements=replacement.sum(),
        charging=pl.col("cls").is_in([of.ADDITIONAL, of.REPLACEMENT]).sum(),
        n98=is98.sum(),
        remaining99=(is99 & ~ieepa).sum(),
        n_base=base.sum(),
        v=pl.col("v").sum(),
        v_ieepa=_when(ieepa, "v").sum(),
        n_v_ieepa=(ieepa & (pl.col("v") > 0)).sum(),
        v_base=_when(base, "v").sum(),
        v_98=_when(is98, "v").sum(),
        last_98=_when(is98, "o").max(),
        first_99=_when(is99, "o").min(),
        last_99=_when(is99, "o").max(),
        first_base=_when(base, "o").min(),
        first_day=_when(~ieepa, "first_day").max(),
        last_day=_when(~ieepa, "last_day").min(),
        may_owe=(~ieepa & (pl.col("d") == 0) & ((pl.col("marks") & of.CAN_OWE) > 0)).any(),
        is_metal=((pl.col("marks") & of.METAL) > 0).any(),
    )
    days = facts.select("e", "entry_type", "entry_date", "inbond_date")
    entry_day = (
        pl.when(pl.col("entry_type").is_in(of.ENTRY_DATE_TYPES))
        .then("entry_date")
        .otherwise(pl.coalesce("inbond_date", "entry_date"))
    )
    only_ieepa = pl.col("v") == pl.col("v_ieepa")
    placed = (
        pl.when((pl.col("ieepa") == 0) | pl.col("in_set"))
        .then(pl.lit(""))
        .when(only_ieepa & ((pl.col("v") == 0) | (pl.col("n98") > 0)))
        .then(pl.lit("nowhere"))
        .when((pl.col("n_v_ieepa") == 0) | (pl.col("n98") > 0))
        .then(pl.lit(""))
        .when(pl.col("v_base") > 0)
        .then(pl.lit("double"))
        .when((pl.col("n_v_ieepa") == 1) & only_ieepa & (pl.col("n_base") == 1))
        .then(pl.lit("moved"))
        .otherwise(pl.lit("nowhere"))
    )
    return sums.join(days, on="e", how="left").with_columns(
        disordered=(
            (pl.col("last_98") > pl.col("first_99")).fill_null(value=False)
            | (pl.col("last_98") > pl.col("first_base")).fill_null(value=False)
            | (pl.col("last_99") > pl.col("first_base")).fill_null(value=False)
        ),
        day=pl.coalesce("zone_day", entry_day),
        placed=placed,
    )


def _rated(need: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """The rate claimed: that of the programme on the line, else General."""
    found = need
    for name, wanted in (("special", pl.col("spi")), ("general", pl.lit(""))):
        held = (
            need.select("l", "h", "day", spi=wanted)
            .join(rates, on=["h", "spi"])
            .filter(pl.col("day").is_between("first_day", "last_day"))
            .select("l", pl.struct("code", "p1", "u1", "p2", "p3", "u3").alias(name))
        )
        found = found.join(held, on="l", how="left")
    return found.with_columns(pl.coalesce("special", "general").alias("rate")).unnest("rate")


def _whole(rate: str, unit: str, count: pl.Expr) -> pl.Expr:
    """Whole units where the rate is one dollar or less, but for alcohol (19 CFR 159.3(b))."""
    whole = (
        (pl.col(rate) <= of.WHOLE_LIMIT_E9)
        & (pl.col("h") // 10**6 != of.ALCOHOL)
        & (pl.col(unit).fill_null("") != of.PROOF_LITRE)
    )
    return pl.when(whole).then((count + 50) // 100 * 100).otherwise(count).cast(WIDE)


def _matching(unit: str) -> pl.Expr:
    """The quantity whose unit is that of the rate."""
    first, second, third = (pl.col(unit) == pl.col(f"uom_{slot}") for slot in (1, 2, 3))
    found = pl.when(first).then("quantity_1_e2").when(second).then("quantity_2_e2").when(third).then("quantity_3_e2")
    return found.cast(pl.Int64)


def _amount() -> pl.Expr:
    """Dollars in 10^-11 (code K: in 10^-13); null when a quantity is missing or the code has no formula."""
    code, p1, p2, p3 = (
        pl.col(name) if name == "code" else pl.col(name).cast(WIDE) for name in ("code", "p1", "p2", "p3")
    )
    first = pl.when(code == "K").then(pl.col("quantity_1_e2").cast(pl.Int64)).otherwise(_matching("u1"))
    c1, c3 = _whole("p1", "u1", first), _whole("p3", "u3", _matching("u3"))
    q2, worth = pl.col("quantity_2_e2").cast(WIDE), p2 * pl.col("v").cast(WIDE) * 100
    sugar = pl.max_horizontal(c1 * (p1 * 100 - p2 * (pl.lit(10_000, WIDE) - q2)), c1 * p3 * 100)
    return (
        pl.when(code == "0")
        .then(pl.lit(0, WIDE))
        .when(code.is_in(["1", "2"]))
        .then(p1 * c1)
        .when(code == "3")
        .then(p1 * c1 + p3 * c3)
        .when(code.is_in(["4", "5", "D"]))
        .then(p1 * c1 + worth)
        .when(code.is_in(["6", "E"]))
        .then(p1 * c1 + p3 * c3 + worth)
        .when(code == "7")
        .then(worth)
        .when((code == "K") & q2.is_not_null())
        .then(sugar)
    )


def column_one(rows: pl.DataFrame, lines: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """Column 1 where a replacement number goes, and where a value moves to the base number; both layouts told apart."""
    wanted = ~pl.col("in_set") & (pl.col("n98") == 0) & ((pl.col("replacements") > 0) | (pl.col("placed") == "moved"))
    slots = [f"{name}_{slot}{end}" for slot in (1, 2, 3) for name, end in (("quantity", "_e2"), ("uom", ""))]
    need = lines.filter(wanted).select(
        *("l", "day", "n_base", "replacements", "d_base", "d_replacement"),
        v=pl.col("v") - pl.when(pl.col("placed") == "double").then("v_ieepa").otherwise(0),
    )
    base = rows.filter("is_base").select("l", "h", "spi", *slots)
    single = need.filter(pl.col("n_base") == 1).join(base, on="l")
    scale = pl.when(pl.col("code") == "K").then(pl.lit(10**11, WIDE)).otherwise(pl.lit(10**9, WIDE))
    known = (
        _rated(single, rates)
        .filter(pl.col("v") > 0)
        .select("l", cents=((_amount() + scale // 2) // scale).cast(pl.Int64))
    )
    all_in, tolerance = pl.col("v") * of.ALL_IN_PERCENT, of.TOLERANCE_CENTS
    one = pl.col("replacements") == 1
    return need.join(known, on="l", how="left").select(
        "l",
        added=pl.col("cents") - pl.col("d_base"),
        unable=(pl.col("replacements") > 0) & pl.col("cents").is_null(),
        # When both layouts fit, it is the full one (clarification 22).
        is_full=one & (pl.col("d_base") <= tolerance) & ((pl.col("d_replacement") - all_in).abs() <= tolerance),
        is_split=one
        & ((pl.col("d_base") - pl.col("cents")).abs() <= tolerance)
        & ((pl.col("d_replacement") - all_in + pl.col("cents")).abs() <= tolerance),
        replaced=pl.col("replacements") > 0,
    )


def _bundled(rows: pl.DataFrame, lines: pl.DataFrame, tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Lines with more than its rate on an IEEPA number, while another duty number shows nothing."""
    suspects = lines.filter(pl.col("may_owe") & ~pl.col("in_set") & (pl.col("v") > 0)).select(
        "l", "day", value=pl.col("v") - pl.when(pl.col("placed") == "double").then("v_ieepa").otherwise(0)
    )
    plain = rows.drop("v", "first_day", "last_day").join(suspects, on="l")
    charged = plain.filter(pl.col("cls").is_in([of.ADDITIONAL, of.EXEMPT]))
    rates = tables["ieepa_rate"]
    held = (
        charged.join(rates, on="h")
        .filter(pl.col("day").is_between("first_day", "last_day"))
        .select("l", "h", "rate_e9")
    )
    highest = rates.group_by("h").agg(highest=pl.col("rate_e9").max())
    rate = pl.coalesce("rate_e9", "highest", pl.lit(0))
    above = (
        charged.join(held, on=["l", "h"], how="left")
        .join(highest, on="h", how="left")
        .filter(pl.col("d") > (rate * pl.col("value") + 5_000_000) // 10_000_000 + of.TOLERANCE_CENTS)
        .select("l")
        .unique()
    )
    programme = pl.col("spi").fill_null("") != ""
    return (
        plain.filter((pl.col("cls") == 0) & (pl.col("d") == 0))
        .join(above, on="l", how="semi")
        .join(tables["owing"], on="h", suffix="_owing")
        .filter(pl.col("day").is_between("first_day", "last_day") & ~(pl.col("is_base_owing") & programme))
        .select("l")
        .unique()
    )


def oddities(
    rows: pl.DataFrame, lines: pl.DataFrame, column1: pl.DataFrame, tables: dict[str, pl.DataFrame]
) -> pl.DataFrame:
    """What the odd lines mean for their entry."""
    bundled = _bundled(rows, lines, tables).with_columns(bundled=pl.lit(value=True))
    found = lines.join(column1, on="l", how="left").join(bundled, on="l", how="left")
    found = found.with_columns(
        pl.col("unable", "replaced", "is_full", "is_split", "bundled").fill_null(value=False),
        pl.col("added").fill_null(0),
    )
    first, last = ((day - of.EPOCH).days for day in of.DISPLACED)
    alone = (pl.col("n_base") + pl.col("n98") == 0) & ((pl.col("remaining99") > 0) | (pl.col("ieepa") > 0))
    replacing = (pl.col("replacements") > 0) & (pl.col("n98") == 0) & ~pl.col("in_set")
    unknown = pl.col("replaced") & ~pl.col("unable") & ~pl.col("is_full") & ~pl.col("is_split")
    displaced = (
        (pl.col("charging") > 0)
        & (pl.col("d_ieepa") > 0)
        & (pl.col("remaining99") == 0)
        & pl.col("is_metal")
        & pl.col("from_border")
        & pl.col("day").is_between(first, last)
    )
    kept = pl.col("replaced") & pl.col("is_split") & ~pl.col("is_full")
    valueless = pl.col("v_base") + pl.col("v_98") == 0
    return found.group_by("e").agg(
        restored=pl.when(kept).then(0).otherwise("added").sum(),
        order_broken=((pl.col("n98") < 2) & pl.col("disordered")).any(),
        partner_missing=(alone | (replacing & (pl.col("n_base") == 0))).any(),
        inactive=~pl.col("day").is_between("first_day", "last_day").fill_null(value=True).all(),
        value_on_ieepa=(pl.col("v_ieepa") > 0).any(),
        value_missing=((pl.col("ieepa") > 0) & (pl.col("n_base") > 0) & valueless).any(),
        unable=pl.col("unable").any(),
        review=(unknown | pl.col("bundled") | pl.col("placed").is_in(["double", "nowhere"]) | displaced).any(),
    )
