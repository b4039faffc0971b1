"""Intake: what users have (exports, header, importers and deposits files) to the store, strictly and with findings."""

from __future__ import annotations

from cape_engine.intake.accounts import read_account_rows
from cape_engine.intake.adding import add_to_store
from cape_engine.intake.build import build_store
from cape_engine.intake.export import export_store
from cape_engine.intake.headers import headers_without_rows, overlay_headers, read_headers
from cape_engine.intake.headings import ColumnMapping, read_mapping
from cape_engine.intake.parties import read_deposits, read_importers
from cape_engine.intake.select import select_entry

__all__ = [
    "ColumnMapping",
    "add_to_store",
    "build_store",
    "export_store",
    "headers_without_rows",
    "overlay_headers",
    "read_account_rows",
    "read_deposits",
    "read_headers",
    "read_importers",
    "read_mapping",
    "select_entry",
]
