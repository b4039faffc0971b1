"""The figures of a run that people look at first, computed once for every way of showing them."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cape_engine.schema import results as r

_RANK = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Week:
    """Refunds whose liquidation lies in one week; money in cents."""

    monday: dt.date
    payments: int
    principal_cents: int
    interest_cents: int
    amount_cents: int


@dataclass(frozen=True, slots=True)
class FindingKind:
    """All findings of one code, with the first of them as an example."""

    severity: str
    code: str
    count: int
    message: str
    remedy: str


def weeks(refunds: pa.Table) -> list[Week]:
    """Refunds by week of liquidation, in order.

    Args:
        refunds: `RESULT_REFUNDS`.
    """
    day, figures = r.RESULT_LIQUIDATION_DATE, (r.PARTS, r.PRINCIPAL_CENTS, r.INTEREST_CENTS, r.AMOUNT_CENTS)
    by_day = refunds.group_by(str(day)).aggregate([(str(column), "sum") for column in figures]).to_pylist()
    sums: dict[dt.date, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in by_day:
        week = sums[row[str(day)] - dt.timedelta(days=row[str(day)].weekday())]
        for place, column in enumerate(figures):
            week[place] += row[f"{column}_sum"] or 0
    return [Week(monday, *total) for monday, total in sorted(sums.items())]


def finding_kinds(findings: pa.Table) -> list[FindingKind]:
    """Findings by code, the serious and frequent ones first.

    Args:
        findings: `RESULT_FINDINGS`.
    """
    codes = findings.column(str(r.CODE)).unify_dictionaries().combine_chunks()
    if isinstance(codes, pa.ChunkedArray):
        codes = pa.concat_arrays(codes.chunks) if codes.num_chunks else pa.array([], r.CODE.type)
    words = [str(column) for column in (r.CODE, r.SEVERITY, r.MESSAGE, r.REMEDY)]
    kinds = []
    numbers = codes.indices.to_numpy()
    for code, count in enumerate(np.bincount(numbers, minlength=len(codes.dictionary)).tolist()):
        if count:
            place = int(np.argmax(numbers == code))
            name, severity, message, remedy = (findings.column(word)[place].as_py() for word in words)
            kinds.append(FindingKind(severity, name, count, message, remedy))
    return sorted(kinds, key=lambda kind: (_RANK[kind.severity], -kind.count, kind.code))
