"""Generated entries, runs on them, and the invariants of handbook 5.11 as functions that list what breaks them."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import cape_engine
import cape_fixtures
from cape_engine import refund, rules
from cape_engine.rules import calendars

Row = dict[str, Any]
Key = tuple[str, int, int]
DAYS = (dt.date(2026, 5, 4), dt.date(2026, 6, 24), dt.date(2026, 6, 25), dt.date(2026, 7, 8))
"""Filing days on both sides of the changes of law."""
AMOUNTS = (
    "filed_duty_cents",
    "removed_ieepa_cents",
    "restored_column1_cents",
    "recalculated_duty_cents",
    "principal_cents",
    "bill_cents",
    "interest_cents",
)
DECISIONS = ("disposition", "reason_codes", "action", "liquidation_date", *AMOUNTS)


@cache
def law() -> rules.Ruleset:
    """The project's own rules."""
    return rules.load()


@dataclass(frozen=True)
class Inputs:
    """What goes into a run, as plain rows.

    Attributes:
        rows: one for each tariff number, canonical columns.
        headers: one for each entry.
        importers: one for each importer.
        as_of: filing and acceptance day.
        schemas: of the three tables.
    """

    rows: list[Row]
    headers: list[Row]
    importers: list[Row]
    as_of: dt.date
    schemas: Mapping[str, pa.Schema]

    def numbers(self) -> dict[Key, Row]:
        """The rows by entry, line and ordinal."""
        return {(row["entry_number"], row["line_number"], row["ordinal"]): row for row in self.rows}

    def header(self) -> dict[str, Row]:
        """The header rows by entry."""
        return {row["entry_number"]: row for row in self.headers}


@dataclass(frozen=True)
class Answer:
    """What came out of a run, as plain rows."""

    entries: dict[str, Row]
    changes: dict[Key, Row]
    refunds: list[Row]
    payments: list[Row]
    result_hash: object = field(compare=False, default=None)

    def accepted(self) -> Iterable[Row]:
        """The accepted entries."""
        return (row for row in self.entries.values() if row["disposition"] == "accepted")


def made(seed: int, mix: str = "all_rules", day: dt.date = DAYS[0], entries: int = 40) -> Inputs:
    """Generated entries."""
    lot = cape_fixtures.generate(entries, seed, as_of=day, mix=mix)
    tables = {"rows": lot.rows, "headers": lot.headers, "importers": lot.importers}
    plain = {name: table.to_pylist() for name, table in tables.items()}
    return Inputs(**plain, as_of=day, schemas={name: table.schema for name, table in tables.items()})


def written(inputs: Inputs, folder: Path) -> dict[str, Path]:
    """The three files of a run."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / f"{name}.parquet" for name in inputs.schemas}
    for name, path in paths.items():
        pq.write_table(pa.Table.from_pylist(getattr(inputs, name), inputs.schemas[name]), path)
    return paths


def answer(inputs: Inputs, folder: Path, **options: Any) -> Answer:
    """The whole road on those inputs, with every number in the changes table."""
    paths = written(inputs, folder)
    options = {"threads": 1, **options}
    return told(
        cape_engine.run(
            paths["rows"],
            headers=paths["headers"],
            importers=paths["importers"],
            as_of=inputs.as_of,
            detail="full",
            **options,
        )
    )


def told(result: cape_engine.RunResult) -> Answer:
    """The tables of a run as plain rows by their keys."""
    return Answer(
        {row["entry_number"]: row for row in result.entries.to_pylist()},
        {(row["entry_number"], row["line_number"], row["ordinal"]): row for row in result.changes.to_pylist()},
        result.refunds.to_pylist(),
        result.payments.to_pylist(),
        result.manifest["result_hash"],
    )


@cache
def is_ieepa(number: str) -> bool:
    """Whether the number is one of the 166."""
    return bool(law().ieepa(number))


@cache
def is_replacement(number: str) -> bool:
    """Whether the number stands instead of column 1."""
    return any(row.kind == "replacement" for row in law().ieepa(number))


def lines_of(answer: Answer) -> dict[tuple[str, int], list[Row]]:
    """The numbers of the accepted entries, line by line, in order."""
    lines: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for key in sorted(answer.changes):
        if answer.entries[key[0]]["disposition"] == "accepted":
            lines[key[:2]].append(answer.changes[key])
    return lines


def violations_of_1(inputs: Inputs, answer: Answer) -> list[str]:
    """Paid = new duty + principal - bill, to the cent; at most one of principal and bill is above zero."""
    found = []
    header = inputs.header()
    for row in answer.accepted():
        known = header[row["entry_number"]]
        paid = known.get("paid_duty_cents")
        paid = (row["filed_duty_cents"] if paid is None else paid) - (known.get("prior_refund_cents") or 0)
        if paid != row["recalculated_duty_cents"] + row["principal_cents"] - row["bill_cents"]:
            found.append(f"{row['entry_number']}: {paid} paid is not new duty + principal - bill")
        if min(row["principal_cents"], row["bill_cents"]) != 0:
            found.append(f"{row['entry_number']}: principal and bill")
    return found


def violations_of_2(inputs: Inputs, answer: Answer) -> list[str]:
    """The entry is the sum of its numbers, before and after; differences are signed and clipped once, at the entry."""
    found = []
    filed: dict[str, int] = defaultdict(int)
    new: dict[str, int] = defaultdict(int)
    for key, row in answer.changes.items():
        filed[key[0]] += row["filed_duty_cents"]
        new[key[0]] += row["recalculated_duty_cents"]
    header = inputs.header()
    for row in answer.accepted():
        number = row["entry_number"]
        if (filed[number], new[number]) != (row["filed_duty_cents"], row["recalculated_duty_cents"]):
            found.append(f"{number}: the numbers sum to {filed[number]} and {new[number]}")
        moved = row["filed_duty_cents"] - row["removed_ieepa_cents"] + row["restored_column1_cents"]
        if moved != row["recalculated_duty_cents"]:
            found.append(f"{number}: filed - removed + restored is {moved}")
        difference = filed[number] - new[number] - (header[number].get("prior_refund_cents") or 0)
        if (max(difference, 0), max(-difference, 0)) != (row["principal_cents"], row["bill_cents"]):
            found.append(f"{number}: the signed differences sum to {difference}")
    return found


def violations_of_3(inputs: Inputs, answer: Answer) -> list[str]:
    """Outside the 166 the duty stays, except on the base number of a replacement line and where a value moved."""
    found = []
    given = inputs.numbers()
    for key, row in answer.changes.items():
        if is_ieepa(row["hts_number"]) and answer.entries[key[0]]["disposition"] == "accepted":
            continue
        same = row["filed_duty_cents"] == row["recalculated_duty_cents"]
        if row["change"] == "kept" and not same:
            found.append(
                f"{key}: a kept number went from {row['filed_duty_cents']} to {row['recalculated_duty_cents']}"
            )
        if row["filed_duty_cents"] != given[key]["duty_cents"]:
            found.append(f"{key}: another duty than the one filed")
    for (entry, line), rows in lines_of(answer).items():
        numbers = [row["hts_number"] for row in rows]
        if any(row["change"] == "restored" for row in rows) and not any(map(is_replacement, numbers)):
            found.append(f"{entry} line {line}: restored without a replacement number")
        if sum(row["change"] in {"restored", "moved_value"} for row in rows) > 1:
            found.append(f"{entry} line {line}: more than one number changed")
    return found


def violations_of_4(inputs: Inputs, answer: Answer) -> list[str]:
    """Lines with additional numbers only lose exactly their IEEPA duty; no line loses more than IEEPA and base duty."""
    del inputs
    found = []
    for (entry, line), rows in lines_of(answer).items():
        lost = sum(row["filed_duty_cents"] - row["recalculated_duty_cents"] for row in rows)
        charged = sum(row["filed_duty_cents"] for row in rows if is_ieepa(row["hts_number"]))
        base = sum(row["filed_duty_cents"] for row in rows if not row["hts_number"].startswith(("98", "99")))
        plain = not any(is_replacement(row["hts_number"]) or row["change"] == "moved_value" for row in rows)
        if plain and lost != charged:
            found.append(f"{entry} line {line}: lost {lost}, IEEPA duty was {charged}")
        if lost > charged + base:
            found.append(f"{entry} line {line}: lost {lost}, more than {charged + base}")
    return found


def violations_of_6(inputs: Inputs, answer: Answer) -> list[str]:
    """The new version has no IEEPA number; all others are there, in their order, and the version rises by one."""
    found = []
    filed = inputs.numbers()
    if set(answer.changes) != set(filed):
        found.append("numbers were lost or invented")
    for key in set(answer.changes) & set(filed):
        row = answer.changes[key]
        if row["hts_number"] != filed[key]["hts_number"]:
            found.append(f"{key}: another number")
        accepted = answer.entries[key[0]]["disposition"] == "accepted"
        if (row["change"] == "removed") != (accepted and is_ieepa(row["hts_number"])):
            found.append(f"{key}: {row['hts_number']} is {row['change']}")
    header = inputs.header()
    for row in answer.accepted():
        before = header[row["entry_number"]]["version"] or "00100"
        if row["new_version"] is None or int(row["new_version"]) != int(before) + 1:
            found.append(f"{row['entry_number']}: version {before} became {row['new_version']}")
    return found


def violations_of_12(inputs: Inputs, answer: Answer) -> list[str]:
    """Interest is never negative, 0 for nothing or no days, and the exact amount for the days and the importer kind."""
    found = []
    headers = inputs.header()
    importers = {row["importer_number"]: row for row in inputs.importers}
    for row in answer.accepted():
        number, interest, principal = row["entry_number"], row["interest_cents"], row["principal_cents"]
        start, end = row["interest_from"], row["interest_to"]
        header = headers[number]
        if interest < 0 or (interest and (not principal or start is None or start >= end)):
            found.append(f"{number}: interest of {interest} on {principal}")
        elif start is not None and end is not None and start < end and principal:
            kind = header["importer_kind"] or importers[header["importer_number"]]["importer_kind"] or "corporate"
            exact = refund.interest(principal, start, end, kind, ruleset=law())
            middle = start + (end - start) / 2
            first = refund.interest(principal, start, middle, kind, ruleset=law())
            chained = first + refund.interest(principal + first, middle, end, kind, ruleset=law())
            if interest != exact or abs(chained - exact) > 1 or header["deposit_date"] != start:
                found.append(f"{number}: interest of {interest}, exactly {exact}, chained {chained}")
    return found


def violations_of_13(inputs: Inputs, answer: Answer) -> list[str]:
    """Decisions lie on run days after acceptance and within the limits of the law; only decided entries are paid."""
    found = []
    calendar = calendars.cbp(law())
    header = inputs.header()
    paid: dict[tuple[str, dt.date], int] = defaultdict(int)
    for row in answer.entries.values():
        number, day, action = row["entry_number"], row["liquidation_date"], row["action"]
        if (day is not None) != (action in {"liquidate", "reliquidate"}):
            found.append(f"{number}: {action} on {day}")
        if day is None:
            if row["interest_cents"] or row["payment_id"] is not None:
                found.append(f"{number}: {action}, and paid")
            continue
        paid[row["recipient"], day] += row["principal_cents"] + row["interest_cents"]
        if day.weekday() > 3 or not calendar.is_open((day - dt.date(1970, 1, 1)).days) or day <= inputs.as_of:
            found.append(f"{number}: {day} is no run day after {inputs.as_of}")
        entered = header[number]["entry_date"]
        year = entered.replace(year=entered.year + 1)
        starts = header[number]["liquidation_date"] or year
        if action == "reliquidate" and not starts <= day <= starts + dt.timedelta(days=90):
            found.append(f"{number}: reliquidated on {day}, liquidated on {starts}")
        if action == "liquidate" and day >= year:
            found.append(f"{number}: liquidated on {day}, deemed on {year}")
    refunds = {(row["recipient"], row["liquidation_date"]): row["amount_cents"] for row in answer.refunds}
    if refunds != {key: cents for key, cents in paid.items() if cents}:
        found.append("the refunds are not the sums of the decided entries")
    if sum(row["amount_cents"] for row in answer.payments) != sum(refunds.values()):
        found.append("the payments are not the refunds")
    return found


VIOLATIONS = {
    "1": violations_of_1,
    "2": violations_of_2,
    "3": violations_of_3,
    "4": violations_of_4,
    "6": violations_of_6,
    "12": violations_of_12,
    "13": violations_of_13,
}
"""The invariants that one run shows; the others compare two runs."""


def differences(one: Answer, other: Answer, names: Sequence[str] = DECISIONS, scale: int = 1) -> list[str]:
    """What two runs decided differently about the same entries; amounts of the other run are `scale` times as large."""
    found = [] if one.entries.keys() == other.entries.keys() else ["other entries"]
    for number in one.entries.keys() & other.entries.keys():
        for name in names:
            expected, value = one.entries[number][name], other.entries[number][name]
            if name in AMOUNTS and expected is not None:
                expected *= scale
            if value != expected:
                found.append(f"{number}: {name} {expected} and {value}")
    return found


def violations_of_7(without: Answer, with_more: Answer) -> list[str]:
    """Fees, AD/CVD and taxes are no part of any amount: other fees give the same amounts."""
    return differences(without, with_more)


def violations_of_9(one: Answer, other: Answer) -> list[str]:
    """The same entries give the same answer, whole and in every column, and the same hash."""
    found = differences(one, other, list(next(iter(one.entries.values()))))
    if (one.refunds, one.payments) != (other.refunds, other.payments):
        found.append("other refunds or payments")
    if None not in {one.result_hash, other.result_hash} and one.result_hash != other.result_hash:
        found.append("another result hash")
    return found


def new_version(inputs: Inputs, answer: Answer) -> Inputs:
    """The accepted entries as they stand after removal, to be filed again; a moved value stands on its new number."""
    rows = []
    for (_entry, _line), numbers in itertools.groupby(sorted(inputs.numbers().items()), key=lambda item: item[0][:2]):
        listed = [(answer.changes[key], row) for key, row in numbers]
        if answer.entries[_entry]["disposition"] != "accepted":
            continue
        gone = sum(row["value_dollars"] for change, row in listed if change["change"] == "removed")
        for change, row in listed:
            if change["change"] != "removed":
                moved = gone if change["change"] == "moved_value" else 0
                duty = change["recalculated_duty_cents"]
                rows.append({**row, "duty_cents": duty, "value_dollars": row["value_dollars"] + moved})
    there = {row["entry_number"] for row in rows}
    versions = {number: row["new_version"] for number, row in answer.entries.items()}
    headers = [
        {**row, "version": versions[row["entry_number"]], "prior_refund_cents": None}
        for row in inputs.headers
        if row["entry_number"] in there
    ]
    return replace(inputs, rows=rows, headers=headers)
