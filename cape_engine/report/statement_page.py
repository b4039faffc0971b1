"""The statement of one importer as a page that any browser shows and prints."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache
from typing import Any

import jinja2
import pyarrow as pa

from cape_engine.money import cents_text

MOST_ENTRIES = 5_000
"""Entries that a page lists; all of them stand in the tables beside it."""


def statement_page(importer: Mapping[str, Any], entries: pa.Table, as_of: dt.date, source: str) -> str:
    """The page of one importer.

    Args:
        importer: its row of `schema.books.STATEMENT_IMPORTERS`.
        entries: its rows of `STATEMENT_ENTRIES`.
        as_of: day of the statement.
        source: what it was made from.
    """
    return _template().render(
        importer=importer,
        entries=entries.slice(0, MOST_ENTRIES).to_pylist(),
        more=max(entries.num_rows - MOST_ENTRIES, 0),
        as_of=as_of,
        source=source,
    )


@cache
def _template() -> jinja2.Template:
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("cape_engine.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    templates.filters["dollars"] = cents_text
    return templates.get_template("statement.html")
