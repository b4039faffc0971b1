"""What stands beside the entries: the status of a declaration, and folders of results that count."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence

from cape_engine.errors import UsageError
from cape_engine.ledger.chain import Row
from cape_engine.ledger.recording import present_statuses, refuse_taken
from cape_engine.ledger.records import Status
from cape_engine.ledger.writing import Writer, plain


def set_statuses(writer: Writer, statuses: Sequence[Status], on_day: dt.date, who: str) -> list[bool]:
    """New statuses of declarations inside the open transaction; whether each changed anything.

    Raises:
        UsageError: a declaration stands twice or is unknown, or a claim number is another one's.
    """
    wanted = [one.declaration for one in statuses]
    if len(set(wanted)) < len(wanted):
        raise UsageError("a declaration stands twice; give each one status")
    before = present_statuses(writer, wanted)
    taken: set[str] = set()
    rows: list[Row] = []
    changed = []
    for one in statuses:
        number, status, claim = before[one.declaration]
        named = claim if one.claim_number is None else one.claim_number
        changed.append((status, claim) != (one.status, named))
        if changed[-1]:
            if named is not None and named != claim:
                refuse_taken(writer, named, taken)
                taken.add(named)
            about = (plain(one.status), named, on_day.isoformat(), plain(who), plain(one.reason))
            rows.append((one.declaration, number + 1, writer.link, *about))
    if rows:
        writer.note_time(on_day)
    writer.add("statuses", rows)
    return changed


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
