"""Made-up entries of every kind, once for all tests of what-if and risk."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import cape_fixtures
from cape_engine import intake, rules
from cape_engine.settings import Settings

AS_OF = dt.date(2026, 6, 22)


@dataclass(frozen=True, slots=True)
class World:
    """A store of entries with every reason to be refused, and the files beside it.

    Attributes:
        store: the entries, in several partitions.
        beside: options `importers` and `deposits`.
    """

    store: Path
    beside: dict[str, Any]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Entries filed around the changes of law in June and July 2026."""
    folder = tmp_path_factory.mktemp("outlook")
    made = cape_fixtures.generate(400, 33, as_of=AS_OF, mix="all_rules")
    files = cape_fixtures.write(made, folder / "files", format="parquet", layout="canonical")
    store = folder / "store"
    intake.build_store(
        files.rows,
        store,
        headers=[files.headers],
        mapping=None,
        ruleset=rules.load(),
        settings=Settings.build(),
        partition_lines=1200,
    )
    return World(store, {"importers": files.importers, "deposits": files.deposits})
