"""The SQL of an opponent: its file by sections, and the constants of the law that stand in it."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path

from benchmarks.peers import law as of

ENTRY_RULES = (
    *("summary_not_accepted", "control_status_not_cbp", "statement_not_complete", "recon_flagged", "recon_not_phase2"),
    *("on_drawback", "protest_open", "adcvd_pending", "no_liquidation_status", "final_liquidation", "no_ieepa_hts"),
    *("section_122_only", "surety_paid", "hts_relationship_sequence", "goods_value_missing_base"),
    *("goods_value_on_ieepa", "invalid_hts", "hts_relationship", "unable_to_calculate"),
)


def _date(day: dt.date) -> str:
    return f"DATE '{day.isoformat()}'"


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
        "entry_date_types": str(of.ENTRY_DATE_TYPES),
        "waiting_types": str(of.WAITING_TYPES),
        **{f"rule_{name}": str(name in law.in_force).lower() for name in ENTRY_RULES},
    }


@cache
def sections(name: str) -> dict[str, str]:
    """The parts of `<name>.sql` between lines of `-- @part`."""
    text = Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")
    found = {}
    for part in text.split("\n-- @")[1:]:
        title, _, body = part.partition("\n")
        found[title.strip()] = body
    return found


def filled(text: str, values: dict[str, str]) -> str:
    """`text` with every `{name}` replaced."""
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text
