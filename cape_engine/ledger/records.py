"""What goes into the ledger and what comes back: plain records, entries as Arrow tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Submission:
    """One declaration with what became of its entries, to be recorded in one transaction.

    Attributes:
        file_name: name of the file, without its folder.
        file_sha256: hash of the file's bytes, 64 hexadecimal digits.
        account: kind of account: `importer`, `filer` or `broker` (handbook 4.1).
        submitter: filer code or importer number it was filed as.
        filed_on: filing day.
        received_at: when it arrived, with its time zone; the ledger has no clock of its own.
        status: word of the portal, handbook 4.5: `not started`, `Failed initial validation`, `Rejected by batch
            validation`, `Accepted`, `Accepted with Error(s)`, `Rejected`.
        entries: columns `schema.ledger.SUBMITTED`: `entry_number` (each once) and `state`, the state in which the
            entry stands afterwards (`DECLARED`, `FILE_REJECTED`, `CLAIMED`, `ENTRY_FAILED`, `ACCEPTED` or further);
            optional `reason` (null or blank for none), `importer_number`, `principal_cents`. The ledger writes every
            step of the road from `FILED` to that state. A refused file may come without entries.
        claim_number: 12 digits; None: the ledger gives the next one if an entry stands on a claim.
        who: who moved the entries.
    """

    file_name: str
    file_sha256: str
    account: str
    submitter: str
    filed_on: dt.date
    received_at: dt.datetime
    status: str
    entries: pa.Table
    claim_number: str | None = None
    who: str = "portal"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What recording a submission did.

    Attributes:
        declaration: number of the declaration in the ledger.
        new: False when the same file of the same submitter and account stood there already, and nothing changed.
        status: status of the declaration as it stands in the ledger.
        claim_number: its claim number, None for a refused file.
        entries: entries of the declaration in the ledger.
        duplicates: columns `schema.ledger.LIVE`: the claims that already held entries of this submission; those
            entries were recorded as `ENTRY_FAILED` with the reason `DUPLICATE_CLAIM`.
        message: one sentence for people.
    """

    declaration: int
    new: bool
    status: str
    claim_number: str | None
    entries: int
    duplicates: pa.Table
    message: str


@dataclass(frozen=True, slots=True)
class Moved:
    """What moving entries did.

    Attributes:
        moved: entries that took the step.
        unchanged: entries that stood in that state already (a repeated command).
        refused: columns `schema.ledger.REFUSED`: entries that may not take the step, each with the reason.
    """

    moved: int
    unchanged: int
    refused: pa.Table


@dataclass(frozen=True, slots=True)
class Status:
    """What a declaration is now.

    Attributes:
        declaration: its number in the ledger.
        status: word of the portal, handbook 4.5.
        claim_number: 12 digits; None leaves it as it is.
        reason: why.
    """

    declaration: int
    status: str
    claim_number: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """What stands in a ledger.

    Attributes:
        url: the ledger.
        kind: `SQLite` or `PostgreSQL`.
        schema_version: version of its tables.
        links: transactions in the chain.
        head: hash of the last one, 64 hexadecimal digits; blank for an empty ledger.
        declarations: declarations.
        claims: rows of entries on claims.
        live: entries held by a claim.
        events: steps of entries.
        states: entries on claims by state, in the order of the road.
        statuses: declarations by status.
        runs: registered results.
        principal_cents: what the live claims ask back, as far as it is known.
    """

    url: str
    kind: str
    schema_version: int
    links: int
    head: str
    declarations: int
    claims: int
    live: int
    events: int
    states: Mapping[str, int]
    statuses: Mapping[str, int]
    runs: int
    principal_cents: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification found.

    Attributes:
        links: links recomputed.
        events: events recomputed.
        claims: claims recomputed.
        head: hash of the last link; write it down elsewhere to prove later that nothing was cut off the end.
        problems: sentences, each with its place; empty when everything agrees.
    """

    links: int
    events: int
    claims: int
    head: str
    problems: tuple[str, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether everything agrees."""
        return not self.problems
