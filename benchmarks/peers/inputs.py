"""What the opponents read: the files of a store as they are, or the layout they would choose themselves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

ROW_TYPES = {
    "ordinal": "SMALLINT",
    "hts_number": "VARCHAR",
    "value_dollars": "BIGINT",
    "duty_cents": "BIGINT",
    **{f"quantity_{slot}_e2": "BIGINT" for slot in (1, 2, 3)},
    **{f"uom_{slot}": "VARCHAR" for slot in (1, 2, 3)},
}
LINE_TYPES = {
    "line_number": "INTEGER",
    "country_of_origin": "VARCHAR",
    "spi_code": "VARCHAR",
    "set_indicator": "VARCHAR",
    "ftz_status": "VARCHAR",
    "privileged_date": "DATE",
    "tariff_count": "SMALLINT",
}
ENTRY_TYPES = {
    "entry_number": "VARCHAR",
    **dict.fromkeys(("importer_number", "importer_kind", "entry_type", "summary_status", "control_status"), "VARCHAR"),
    **dict.fromkeys(("liquidation_status", "protest_status", "extension_suspension_code", "notify_party"), "VARCHAR"),
    **dict.fromkeys(("entry_date", "inbond_date", "deposit_date", "liquidation_date"), "DATE"),
    **dict.fromkeys(("scheduled_liquidation_date", "last_withdrawal_date"), "DATE"),
    **dict.fromkeys(("statement_complete", "reconciliation_flag", "reconciliation_entry_filed"), "BOOLEAN"),
    **dict.fromkeys(("drawback_flag", "adcvd_pending", "notify_party_on_profile", "surety_paid"), "BOOLEAN"),
    **dict.fromkeys(("prior_refund_cents", "paid_duty_cents"), "BIGINT"),
    "line_count": "INTEGER",
}
"""Columns the job needs, by table of the store, with their SQL types."""


@dataclass(frozen=True)
class Piece:
    """Some entries whole: one partition of a store, or one pair of files of the best layout.

    Attributes:
        first: number of its first entry, counted over the whole input.
        entries, rows: files; `rows` are the tariff rows.
        lines: file of the lines, in a store.
        quantities: file of the quantities, where a store keeps them apart.
    """

    first: int
    entries: Path
    rows: Path
    lines: Path | None = None
    quantities: Path | None = None


@dataclass(frozen=True)
class Input:
    """An input of the opponents.

    Attributes:
        layout: `store` or `best`.
        pieces: its parts, in order.
        rows: tariff rows.
        importers: the importers file, if any.
    """

    layout: str
    pieces: tuple[Piece, ...]
    rows: int
    importers: Path | None


def columns(path: Path) -> frozenset[str]:
    """Names of the columns that a file has; a store leaves columns without values out."""
    return frozenset(pq.read_schema(path).names)


def open_store(folder: Path, importers: Path | None) -> Input:
    """The files of a store, as they are."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    pieces, first = [], 0
    for part in manifest["partitions"]:
        place = folder / part["name"]
        quantities = place / "quantities.parquet"
        pieces.append(
            Piece(
                first,
                place / "entries.parquet",
                place / "tariffs.parquet",
                place / "lines.parquet",
                quantities if quantities.is_file() else None,
            )
        )
        first += part["entries"]
    return Input("store", tuple(pieces), manifest["totals"]["tariffs"], importers)


def open_best(folder: Path, importers: Path | None) -> Input:
    """The layout that `layout.py` wrote."""
    manifest = json.loads((folder / "layout.json").read_text(encoding="utf-8"))
    pieces = tuple(Piece(part["first"], folder / part["entries"], folder / part["rows"]) for part in manifest["pieces"])
    return Input("best", pieces, manifest["rows"], importers)


def importers_table(path: Path | None) -> pa.Table:
    """The importers file: number as compared, spelling, kind, enrolment of each importer once."""
    if path is None:
        return pa.table({name: pa.array([], pa.string()) for name in ("person", "spelling", "paid_as")})
    names = ["importer_number", "importer_kind"]
    if path.suffix == ".csv":
        text = csv.ConvertOptions(include_columns=names, column_types=dict.fromkeys(names, pa.string()))
        found = csv.read_csv(path, convert_options=text).to_pylist()
    else:
        found = pq.read_table(path, columns=names).to_pylist()
    people: dict[str, tuple[str, str | None]] = {}
    for row in sorted(found, key=lambda row: row["importer_number"]):
        key = row["importer_number"].replace("-", "").replace(" ", "").upper()
        people.setdefault(key, (row["importer_number"], row["importer_kind"] or None))
    return pa.table(
        {
            "person": pa.array(list(people), pa.string()),
            "spelling": pa.array([spelling for spelling, _ in people.values()], pa.string()),
            "paid_as": pa.array([kind for _, kind in people.values()], pa.string()),
        }
    )
