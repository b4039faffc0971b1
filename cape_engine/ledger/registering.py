"""What stands beside the entries: the status of a declaration, and folders of results that count."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import NamedTuple

from cape_engine.errors import UsageError
from cape_engine.ledger.recording import present_status, refuse_taken
from cape_engine.ledger.writing import Writer, plain


class About(NamedTuple):
    """When something happened, by whom, and why."""

    on_day: dt.date
    who: str
    reason: str


def set_status(writer: Writer, declaration: int, status: str, claim_number: str | None, about: About) -> bool:
    """A new status of a declaration inside the open transaction; whether anything changed.

    Raises:
        UsageError: there is no such declaration, or the claim number is another one's.
    """
    before, number = present_status(writer, declaration)
    wanted = number if claim_number is None else claim_number
    if (before, number) == (status, wanted):
        return False
    if wanted is not None and wanted != number:
        refuse_taken(writer, wanted)
    sql = "SELECT max(number) FROM statuses WHERE declaration = ?"
    count = int(writer.database.rows(sql, (declaration,))[0][0])
    writer.note_time(about.on_day)
    day = about.on_day.isoformat()
    writer.add(
        "statuses",
        [(declaration, count + 1, writer.link, plain(status), wanted, day, plain(about.who), plain(about.reason))],
    )
    return True


def register_run(
    writer: Writer, made: tuple[str, str, str, str, str], totals: Mapping[str, object], files: Mapping[str, str]
) -> bool:
    """Register a folder of results inside the open transaction; whether it was new.

    Args:
        writer: the open transaction.
        made: kind, folder, result hash, hash of the manifest, day.
        totals: whole numbers by name.
        files: sha256 by file name.
    """
    kind, _, result_hash, manifest_sha256, day = made
    odd = [name for name, value in totals.items() if isinstance(value, bool) or not isinstance(value, int)]
    if odd:
        raise UsageError(f"total {odd[0]} is not a whole number; money is cents")
    sql = "SELECT 1 FROM runs WHERE kind = ? AND result_hash = ? AND manifest_sha256 = ?"
    if writer.database.rows(sql, (kind, result_hash, manifest_sha256)):
        return False
    writer.note_time(dt.date.fromisoformat(day))
    texts = [json.dumps(dict(sorted(values.items())), separators=(",", ":")) for values in (totals, files)]
    writer.add("runs", [(writer.next("runs", "run"), writer.link, *made, *texts)])
    return True
