"""Small exports in every form, and one call that reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cape_engine import intake, rules
from cape_engine.findings import Findings
from cape_engine.rules import Ruleset
from cape_engine.settings import Settings
from cape_engine.store import Store

ES003 = (
    "Entry Summary Number",
    "Entry Summary Line Number",
    "Entry Type Code",
    "Importer Number",
    "Entry Date",
    "Country of Origin Code",
    "Tariff Ordinal Number",
    "HTS Number - Full",
    "Line Tariff Goods Value Amount",
    "Line Tariff Duty Amount",
)
GOOD: tuple[tuple[str, ...], ...] = (
    ("ABC12345676", "1", "01", "12-345678900", "03/01/2025", "CN", "1", "99030124", "$0.00", "$2,000.00"),
    ("ABC12345676", "1", "01", "12-345678900", "03/01/2025", "CN", "2", "3923900080", "$10,000.00", "$300.00"),
    ("XYZ00000015", "1", "01", "12-345678900", "03/02/2025", "VN", "1", "3923900080", "$500.00", "FREE"),
)


@dataclass(frozen=True)
class Read:
    """A store and what was found on the way, with short ways to look at both."""

    store: Store
    findings: Findings

    def found(self) -> list[dict[str, Any]]:
        """All findings as rows."""
        rows: list[dict[str, Any]] = self.findings.to_table().to_pylist()
        return rows

    def codes(self) -> list[str]:
        """The codes of all findings, sorted."""
        return sorted(row["code"] for row in self.found())

    def one(self, code: str) -> dict[str, Any]:
        """The only finding with a code."""
        (row,) = [row for row in self.found() if row["code"] == code]
        return row

    def table(self, name: str) -> list[dict[str, Any]]:
        """All rows of entries, lines or tariffs, facts that are not known left out."""
        rows = [row for part in self.store.partitions for row in getattr(self.store.read(part), name).to_pylist()]
        return [{key: value for key, value in row.items() if value is not None} for row in rows]

    def entry(self, number: str) -> dict[str, Any]:
        """One entry."""
        (row,) = [row for row in self.table("entries") if row["entry_number"] == number]
        return row

    def refused(self) -> list[str]:
        """The entries that were refused."""
        return [row["entry_number"] for row in self.table("entries") if row["input_refused"]]


@pytest.fixture(scope="session")
def ruleset() -> Ruleset:
    """The rules of the engine."""
    return rules.load()


@pytest.fixture
def read(tmp_path: Path, ruleset: Ruleset) -> Callable[..., Read]:
    """Build a store of some files."""
    count = iter(range(1000))

    def build(*sources: Path, changes: Mapping[str, object] | None = None, **options: Any) -> Read:
        store, findings = intake.build_store(
            sources, tmp_path / f"store-{next(count)}", ruleset=ruleset, settings=Settings.build(changes), **options
        )
        return Read(store, findings)

    return build


def csv_text(rows: Iterable[Iterable[str]], header: Iterable[str] = ES003, delimiter: str = ",") -> str:
    """Rows as quoted delimited text."""
    lines = [delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in (header, *rows)]
    return "\n".join(lines) + "\n"


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., Path]:
    """Write an ES-003 export as CSV."""

    def write(
        rows: Iterable[Iterable[str]] = GOOD,
        header: Iterable[str] = ES003,
        name: str = "export.csv",
        title: str = "",
        **options: str,
    ) -> Path:
        path = tmp_path / name
        path.write_text(title + csv_text(rows, header, **options), encoding="utf-8")
        return path

    return write


@pytest.fixture
def changed() -> Callable[..., list[tuple[str, ...]]]:
    """The good rows with some cells of one row replaced."""

    def change(row: int = 2, **cells: str) -> list[tuple[str, ...]]:
        rows = [list(line) for line in GOOD]
        for place, cell in cells.items():
            rows[row][int(place.removeprefix("c"))] = cell
        return [tuple(line) for line in rows]

    return change
