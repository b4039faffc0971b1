"""The odd lines in pandas: column 1 restored, values moved, and what refuses an entry or sends it to review."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.peers import law as of

Int64s = npt.NDArray[np.int64]


def line_facts(rows: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """What each odd line adds up to, by `l`: its rate date, and where its value stands."""
    ieepa, base, is98, is99 = rows["cls"] > 0, rows["is_base"], rows["is98"], rows["is99"]
    replacement = rows["cls"] == of.REPLACEMENT
    owes = ~ieepa & (rows["d"] == 0) & ((rows["marks"] & of.CAN_OWE) > 0)
    sums = {
        "d_replacement": rows["d"].where(replacement, 0),
        "d_base": rows["d"].where(base, 0),
        "d_ieepa": rows["d"].where(ieepa, 0),
        "ieepa": ieepa,
        "replacements": replacement,
        "charging": ieepa & (rows["cls"] < of.EXEMPT),
        "n98": is98,
        "remaining99": is99 & ~ieepa,
        "n_base": base,
        "v": rows["v"],
        "v_ieepa": rows["v"].where(ieepa, 0),
        "n_v_ieepa": ieepa & (rows["v"] > 0),
        "v_base": rows["v"].where(base, 0),
        "v_98": rows["v"].where(is98, 0),
    }
    most = {
        "e": rows["e"],
        "in_set": rows["set_mark"] == "V",
        "from_border": rows["origin"].isin(["CA", "MX"]),
        "zone_day": rows["privileged_date"].where(rows["ftz_status"] == "P"),
        "last_98": rows["o"].where(is98, -1),
        "last_99": rows["o"].where(is99, -1),
        "first_day": rows["first_day"].where(~ieepa, -(2**31)),
        "may_owe": owes,
        "is_metal": (rows["marks"] & of.METAL) > 0,
    }
    least = {
        "first_99": rows["o"].where(is99, 9999),
        "first_base": rows["o"].where(base, 9999),
        "last_day": rows["last_day"].where(~ieepa, 2**31 - 1),
    }
    line = rows["l"]
    found = pd.concat(
        [
            pd.DataFrame(sums).groupby(line, sort=False).sum(),
            pd.DataFrame(most).groupby(line, sort=False).max(),
            pd.DataFrame(least).groupby(line, sort=False).min(),
        ],
        axis=1,
    )
    return _placed(found, facts)


def _placed(found: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """The same lines with their rate date, whether their order is broken, and where their value stands."""
    days = facts.loc[found["e"].to_numpy(), ["entry_type", "entry_date", "inbond_date"]].set_index(found.index)
    entry_first = days["entry_type"].isin(of.ENTRY_DATE_TYPES)
    entry_day = days["entry_date"].where(entry_first, days["inbond_date"].astype(float).fillna(days["entry_date"]))
    found["day"] = found["zone_day"].fillna(entry_day)
    found["disordered"] = (found["last_98"] > found[["first_99", "first_base"]].min(axis=1)) | (
        found["last_99"] > found["first_base"]
    )
    only_ieepa = found["v"] == found["v_ieepa"]
    found["placed"] = np.select(
        [
            (found["ieepa"] == 0) | found["in_set"],
            only_ieepa & ((found["v"] == 0) | (found["n98"] > 0)),
            (found["n_v_ieepa"] == 0) | (found["n98"] > 0),
            found["v_base"] > 0,
            (found["n_v_ieepa"] == 1) & only_ieepa & (found["n_base"] == 1),
        ],
        ["", "nowhere", "", "double", "moved"],
        "nowhere",
    )
    found["value"] = found["v"] - found["v_ieepa"].where(found["placed"] == "double", 0)
    return found


def _product(one: pd.Series, other: pd.Series) -> pd.Series:
    """A product of whole numbers at or above zero; refuses what passes 63 bits instead of wrapping around."""
    if len(one) and int(one.max()) * int(other.max()) >= 2**62:
        raise OverflowError("a rate times a quantity passes 63 bits; pandas has no wider whole numbers")
    return one * other


def _rated(need: pd.DataFrame, rates: pd.DataFrame) -> pd.DataFrame:
    """The rate claimed: that of the programme on the line, else General."""
    keys = need[["h", "day"]].assign(spi=need["spi"].astype(object).where(need["spi"].notna(), ""), l=need.index)
    general = keys.assign(spi="").merge(rates, on=["h", "spi"])
    special = keys[keys["spi"] != ""].merge(rates, on=["h", "spi"])
    both = pd.concat([special, general])
    both = both[both["day"].between(both["first_day"], both["last_day"])].drop_duplicates("l").set_index("l")
    return need.join(both[["code", "p1", "u1", "p2", "p3", "u3"]], how="inner")


def _counted(need: pd.DataFrame, rate: str, unit: str) -> pd.Series:
    """The quantity a rate asks for, -1 where none is filed in its unit; whole units if it is one dollar or less."""
    count = pd.Series(np.nan, need.index)
    for slot in (3, 2, 1):
        given = need[f"quantity_{slot}_e2"].astype(float)
        matching = need[unit].astype(object) == need[f"uom_{slot}"].astype(object)
        count = count.where(~(matching & need[unit].notna()), given)
    if unit == "u1":
        count = count.where(need["code"] != "K", need["quantity_1_e2"].astype(float))
    counts = count.fillna(-1).astype(np.int64)  # hundredths below 10^12: exact as floats
    whole = (need[rate] <= of.WHOLE_LIMIT_E9) & (need["h"] // 10**6 != of.ALCOHOL) & (need[unit] != of.PROOF_LITRE)
    return counts.where(~whole | (counts < 0), (counts + 50) // 100 * 100)


def _cents(need: pd.DataFrame) -> pd.DataFrame:
    """Column 1 in cents, `known` where quantities and a formula are there."""
    code = need["code"]
    c1, c3 = _counted(need, "p1", "u1"), _counted(need, "p3", "u3")
    asks_1, asks_3 = code.isin(["1", "2", "3", "4", "5", "D", "6", "E", "K"]), code.isin(["3", "6", "E"])
    worth = code.isin(["4", "5", "D", "6", "E", "7"])
    known = (asks_1 | worth | (code == "0")) & ~(asks_1 & (c1 < 0)) & ~(asks_3 & (c3 < 0))
    zero = pd.Series(0, need.index)
    sugar = code == "K"
    plain = asks_1 & ~sugar & known
    amount = _product(need["p1"].where(plain, 0), c1.where(plain, 0))
    amount = amount + _product(need["p3"].where(asks_3 & known, 0), c3.where(asks_3 & known, 0))
    amount = amount + _product(need["p2"].where(worth, 0), need["value"].where(worth, 0) * 100)
    cents = (amount + 500_000_000) // 10**9
    if sugar.any():
        degrees = need["quantity_2_e2"].astype(float)
        known &= ~(sugar & degrees.isna())
        sweet = sugar & known
        rate = need["p1"] * 100 - need["p2"] * (10_000 - degrees.fillna(10_000).astype(np.int64))
        dearest = rate.where(rate > need["p3"] * 100, need["p3"] * 100).where(sweet, zero)
        cents = cents.where(~sugar, (_product(dearest, c1.where(sweet, 0)) + 5 * 10**10) // 10**11)
    return pd.DataFrame({"cents": cents[known]})


def column_one(rows: pd.DataFrame, lines: pd.DataFrame, rates: pd.DataFrame) -> pd.DataFrame:
    """Column 1 where a replacement number goes, and where a value moves to the base number, by `l`."""
    wanted = ~lines["in_set"] & (lines["n98"] == 0) & ((lines["replacements"] > 0) | (lines["placed"] == "moved"))
    need = lines.loc[wanted, ["day", "n_base", "replacements", "d_base", "d_replacement", "value"]]
    slots = [f"{name}_{slot}{end}" for slot in (1, 2, 3) for name, end in (("quantity", "_e2"), ("uom", ""))]
    base = rows.loc[rows["is_base"], ["l", "h", "spi", *slots]].set_index("l")
    single = need[(need["n_base"] == 1) & (need["value"] > 0)].join(base, how="inner")
    found = need.join(_cents(_rated(single, rates)), how="left")
    unable = found["cents"].isna()
    cents = found["cents"].fillna(0).astype(np.int64)  # below 2^53: exact
    all_in, tolerance = found["value"] * of.ALL_IN_PERCENT, of.TOLERANCE_CENTS
    one = ~unable & (found["replacements"] == 1)
    return pd.DataFrame(
        {
            "added": (cents - found["d_base"]).where(~unable, 0),
            "unable": unable & (found["replacements"] > 0),
            # When both layouts fit, it is the full one (clarification 22).
            "is_full": one & (found["d_base"] <= tolerance) & ((found["d_replacement"] - all_in).abs() <= tolerance),
            "is_split": one
            & ((found["d_base"] - cents).abs() <= tolerance)
            & ((found["d_replacement"] - all_in + cents).abs() <= tolerance),
            "replaced": found["replacements"] > 0,
        }
    )


def _bundled(rows: pd.DataFrame, lines: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> Int64s:
    """Lines with more than its rate on an IEEPA number, while another duty number shows nothing."""
    suspects = lines.loc[lines["may_owe"] & ~lines["in_set"] & (lines["v"] > 0), ["day", "value"]]
    plain = rows.drop(columns=["first_day", "last_day"]).join(suspects, on="l", how="inner")
    charged = plain.loc[plain["cls"].isin([of.ADDITIONAL, of.EXEMPT]), ["l", "h", "d", "day", "value"]]
    rates = tables["ieepa_rate"]
    held = charged[["l", "h", "day"]].merge(rates, on="h")
    held = held.loc[held["day"].between(held["first_day"], held["last_day"]), ["l", "h", "rate_e9"]]
    charged = charged.merge(held, on=["l", "h"], how="left")
    highest = charged["h"].map(rates.groupby("h")["rate_e9"].max())
    rate = charged["rate_e9"].fillna(highest).fillna(0).astype(np.int64)
    above = charged["d"] > (_product(rate, charged["value"]) + 5_000_000) // 10_000_000 + of.TOLERANCE_CENTS
    silent = plain[(plain["cls"] == 0) & (plain["d"] == 0) & plain["l"].isin(charged.loc[above, "l"])]
    owing = silent.merge(tables["owing"], on="h", suffixes=("", "_owing"))
    programme = owing["spi"].notna() & (owing["spi"] != "")
    due = owing["day"].between(owing["first_day"], owing["last_day"]) & ~(owing["is_base_owing"] & programme)
    found: Int64s = owing.loc[due, "l"].unique()
    return found


def oddities(
    rows: pd.DataFrame, lines: pd.DataFrame, column1: pd.DataFrame, tables: dict[str, pd.DataFrame]
) -> pd.DataFrame:
    """What the odd lines mean for their entry, by `e`."""
    restored = column1.reindex(lines.index)
    yes = {name: restored[name].eq(other=True) for name in ("unable", "is_full", "is_split", "replaced")}
    first, last = ((day - of.EPOCH).days for day in of.DISPLACED)
    alone = (lines["n_base"] + lines["n98"] == 0) & ((lines["remaining99"] > 0) | (lines["ieepa"] > 0))
    replacing = (lines["replacements"] > 0) & (lines["n98"] == 0) & ~lines["in_set"] & (lines["n_base"] == 0)
    displaced = (
        (lines["charging"] > 0)
        & (lines["d_ieepa"] > 0)
        & (lines["remaining99"] == 0)
        & lines["is_metal"]
        & lines["from_border"]
        & lines["day"].between(first, last)
    )
    unknown = yes["replaced"] & ~yes["unable"] & ~yes["is_full"] & ~yes["is_split"]
    kept = yes["replaced"] & yes["is_split"] & ~yes["is_full"]
    found = pd.DataFrame(
        {
            "restored": restored["added"].fillna(0).astype(np.int64).where(~kept, 0),
            "order_broken": (lines["n98"] < 2) & lines["disordered"],
            "partner_missing": alone | replacing,
            "inactive": (lines["day"] < lines["first_day"]) | (lines["day"] > lines["last_day"]),
            "value_on_ieepa": lines["v_ieepa"] > 0,
            "value_missing": (lines["ieepa"] > 0) & (lines["n_base"] > 0) & (lines["v_base"] + lines["v_98"] == 0),
            "unable": yes["unable"],
            "review": unknown
            | lines.index.isin(_bundled(rows, lines, tables))
            | lines["placed"].isin(["double", "nowhere"])
            | displaced,
        }
    )
    grouped = found.groupby(lines["e"], sort=False)
    return grouped.agg({name: "sum" if name == "restored" else "max" for name in found})
