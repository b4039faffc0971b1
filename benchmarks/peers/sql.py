"""The SQL of an opponent: its file by sections, and the constants of the law that stand in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from benchmarks.peers import law as of
from benchmarks.peers.inputs import ENTRY_TYPES, Piece, columns

ENTRY_RULES = (
    *("summary_not_accepted", "control_status_not_cbp", "statement_not_complete", "recon_flagged", "recon_not_phase2"),
    *("on_drawback", "protest_open", "adcvd_pending", "no_liquidation_status", "final_liquidation", "no_ieepa_hts"),
    *("section_122_only", "surety_paid", "hts_relationship_sequence", "goods_value_missing_base"),
    *("goods_value_on_ieepa", "invalid_hts", "hts_relationship", "unable_to_calculate"),
)


def _date(day: dt.date) -> str:
    return str((day - of.EPOCH).days)


def _list(words: Iterable[str]) -> str:
    return "(" + ", ".join(f"'{word}'" for word in (*words, "none")) + ")"


def constants(law: of.Law) -> dict[str, str]:
    """What stands in braces in the SQL files, by name."""
    return {
        "as_of": _date(law.as_of),
        "accepted_on": _date(law.accepted_on),
        "soonest": _date(law.run_day(law.accepted_on + of.DAY)),
        "target": _date(law.run_day(law.accepted_on + of.UNLIQUIDATED_DAYS * of.DAY)),
        "accept_window": str(of.ACCEPT_WINDOW),
        "reliquidation_limit": str(of.RELIQUIDATION_LIMIT),
        "displaced_from": _date(of.DISPLACED[0]),
        "displaced_to": _date(of.DISPLACED[1]),
        "can_owe": str(of.CAN_OWE),
        "metal": str(of.METAL),
        "specific": str(of.SPECIFIC),
        "alcohol": str(of.ALCOHOL),
        "whole": str(of.WHOLE_LIMIT_E9),
        "tolerance": str(of.TOLERANCE_CENTS),
        "all_in": str(of.ALL_IN_PERCENT),
        "entry_date_types": _list(of.ENTRY_DATE_TYPES),
        "waiting_types": _list(of.WAITING_TYPES),
        "refused_types": _list(law.refused_types),
        "hold_codes": _list(law.hold_codes),
        **{f"rule_{name}": str(name in law.in_force).lower() for name in ENTRY_RULES},
    }


@cache
def sections() -> dict[str, str]:
    """The parts of `job.sql` between lines of `-- @part`."""
    text = Path(__file__).with_name("job.sql").read_text(encoding="utf-8")
    found = {}
    for part in text.split("\n-- @")[1:]:
        title, _, body = part.partition("\n")
        found[title.strip()] = body
    return found


def statements(section: str, values: dict[str, str]) -> list[str]:
    """The statements of a section with every `{name}` replaced."""
    text = sections()[section]
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return [part for part in text.split(";\n") if part.strip()]


def facts(piece: Piece, source: str, key: str, day: str) -> str:
    """A query for the facts of the entries of a piece, days as numbers; columns that the file lacks are null.

    Args:
        piece: the entries.
        source: what to select from.
        key: expression of the entry's number.
        day: pattern that makes a date a day number.
    """
    had = columns(piece.entries)
    chosen = [f"{key} AS e"]
    for name, kind in ENTRY_TYPES.items():
        if name in ("entry_number", "line_count"):
            continue
        if name not in had:
            chosen.append(f"CAST(NULL AS {'INTEGER' if kind == 'DATE' else kind}) AS {name}")
        else:
            chosen.append(f"{day.format(name) if kind == 'DATE' else f'CAST({name} AS {kind})'} AS {name}")
    for name, title in (("entry_date", "year_after_entry"), ("last_withdrawal_date", "year_after_withdrawal")):
        later = day.format(f"CAST({name} + INTERVAL '1 year' AS DATE)") if name in had else "CAST(NULL AS INTEGER)"
        chosen.append(f"{later} AS {title}")
    for name, title in (("importer_number", "importer_key"), ("notify_party", "notify_key")):
        plain = f"upper(replace(replace({name}, '-', ''), ' ', ''))" if name in had else "CAST(NULL AS VARCHAR)"
        chosen.append(f"{plain} AS {title}")
    return f"SELECT {', '.join(chosen)} FROM {source}"  # noqa: S608 - names of our own


def rows(piece: Piece, source: str, day: str) -> str:
    """A query for the tariff rows of a piece under short names; quantities only where they stand beside the rows."""
    more = (
        ", row"
        if piece.lines is not None
        else "".join(f", CAST(quantity_{slot}_e2 AS BIGINT) AS q{slot}, uom_{slot}" for slot in (1, 2, 3))
    )
    return (
        "SELECT entry AS e, line AS l, ordinal AS o, on_line AS n, hts8 AS h, "  # noqa: S608 - names of our own
        "coalesce(CAST(value_dollars AS BIGINT), 0) AS v, CAST(duty_cents AS BIGINT) AS d, "
        f"country_of_origin AS origin, nullif(spi_code, '') AS spi, set_indicator AS set_mark, "
        f"ftz_status, {day.format('privileged_date')} AS privileged_date{more} FROM {source}"
    )
