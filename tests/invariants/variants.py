"""The same entries filed in another way: other layouts, fees, orders, exempt numbers, sizes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from invariants.house import Inputs, Row, is_ieepa


def with_layouts(inputs: Inputs) -> tuple[Inputs, Inputs]:
    """The same goods under an all-in number: all duty on the chapter 99 number, and the split way."""
    full: list[Row] = []
    split: list[Row] = []
    for header in inputs.headers:
        common = dict.fromkeys(inputs.schemas["rows"].names) | {"entry_number": header["entry_number"]}
        for line, (number, percent) in enumerate((("9403200050", 0), ("3923900080", 3), ("8708998180", 2.5)), start=1):
            value = 1_000 * line
            column1 = round(value * percent)
            for rows, base in ((full, 0), (split, column1)):
                place = {**common, "line_number": line, "country_of_origin": "DE"}
                amounts = {"value_dollars": 0, "duty_cents": value * 15 - base}
                rows.append({**place, "ordinal": 1, "hts_number": "99030220", **amounts})
                amounts = {"value_dollars": value, "duty_cents": base}
                rows.append({**place, "ordinal": 2, "hts_number": number, **amounts})
    return replace(inputs, rows=full), replace(inputs, rows=split)


def other_fees(inputs: Inputs) -> Inputs:
    """The same entries with other fees, AD/CVD and taxes."""
    names = [name for name in ("fee_499_cents", "fee_501_cents", "ad_cents", "cvd_cents") if name in inputs.headers[0]]
    headers = [{**row, **{name: (row[name] or 0) + 100_000 for name in names}} for row in inputs.headers]
    return replace(inputs, headers=headers)


def shuffled(inputs: Inputs, seed: int) -> Inputs:
    """The same rows in another order."""
    order = np.random.default_rng(seed).permutation(len(inputs.rows))
    return replace(inputs, rows=[inputs.rows[place] for place in order])


def part_of(inputs: Inputs, numbers: set[str]) -> Inputs:
    """Some of the entries."""
    return replace(
        inputs,
        rows=[row for row in inputs.rows if row["entry_number"] in numbers],
        headers=[row for row in inputs.headers if row["entry_number"] in numbers],
    )


def with_exempt(inputs: Inputs) -> Inputs:
    """An exempt number without duty behind the last chapter 99 number of each line that has an IEEPA number."""
    lines: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in inputs.rows:
        lines.setdefault((row["entry_number"], row["line_number"]), []).append(row)
    rows: list[dict[str, Any]] = []
    for numbers in lines.values():
        places = [place for place, row in enumerate(numbers) if is_ieepa(row["hts_number"])]
        listed = list(numbers)
        if places:
            more = {**numbers[places[-1]], "hts_number": "99030130", "value_dollars": 0, "duty_cents": 0}
            listed.insert(places[-1] + 1, more)
        rows.extend({**row, "ordinal": place} for place, row in enumerate(listed, start=1))
    return replace(inputs, rows=rows)


def scaled(inputs: Inputs, factor: int) -> Inputs:
    """Values, duties, quantities and earlier refunds as many times as large."""
    rows = []
    for row in inputs.rows:
        more = {name: row[name] * factor for name in ("value_dollars", "duty_cents")}
        more |= {
            name: str(factor * int(row[name])) for name in ("quantity_1", "quantity_2") if (row[name] or ".").isdigit()
        }
        rows.append({**row, **more})
    money = ("prior_refund_cents", "paid_duty_cents")
    headers = [
        {**row, **{name: row[name] * factor for name in money if row.get(name) is not None}} for row in inputs.headers
    ]
    return replace(inputs, rows=rows, headers=headers)
