"""`cape refund compare-interest`: interest by every named convention, so that CBP's figure can be recognised."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cape_engine.cli import common

if TYPE_CHECKING:
    from cape_engine.rules import Ruleset
    from cape_engine.settings import Settings

EXAMPLE = """Examples:

\b
  cape refund compare-interest --entry 100000.00 2025-03-14 2026-05-08 --kind corporate --cbp 703595
  cape refund compare-interest ABC12345676 --results results --cbp 703595 --paid 2026-05-12
  cape refund compare-interest --results results --deposits deposits.csv --out compared

AMOUNT is dollars; FROM is the day of the deposit, TO that of the (re)liquidation. --cbp takes cents (703595), or
dollars with a point (7035.95), and marks the conventions that give this figure: equal ones, and those within
reports.rounding_tolerance_cents. --out writes interest (each entry by each convention) and conventions (their sums) as
Parquet, and manifest.json. With refund.late_interest = true and --paid, interest for late payment is shown too.
Exit codes: 0 done; 1 done, with findings; 2 cannot run; 3 stopped, nothing written."""


class Cents(click.ParamType[int]):
    """Whole cents, or dollars with a point."""

    name = "cents"

    def __init__(self, *, dollars: bool = False) -> None:
        self._dollars = dollars

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse, or fail with the way to write it."""
        from cape_engine.money import MoneyFault, parse_cents

        if isinstance(value, int):
            return value
        if not self._dollars and value.isascii() and value.isdigit():
            return int(value)
        found = parse_cents(value)
        if isinstance(found, MoneyFault) or found < 0:
            how = "dollars like 1234.50" if self._dollars else "cents like 123450, or dollars like 1234.50"
            self.fail(f"{value!r} is not an amount; write {how}", param, ctx)
        return found


@click.command("compare-interest", epilog=EXAMPLE, short_help="Interest by every known convention, side by side.")
@click.argument("number", required=False, metavar="[ENTRY]")
@click.option(
    "--entry",
    "amount",
    type=(Cents(dollars=True), common.Day(), common.Day()),
    metavar="AMOUNT FROM TO",
    help="One amount and its days, instead of a run.",
)
@click.option("--kind", type=click.Choice(["corporate", "noncorporate"]), help="Importer kind of that amount.")
@click.option("--entered", type=common.Day(), help="Entry date of that amount.")
@click.option("--results", type=common.FILE, help="Folder of a finished run.")
@click.option("--store", type=common.FILE, help="Its store, where entries had prior refunds.")
@click.option("--deposits", multiple=True, type=common.FILE, help="Its deposits files; may be repeated.")
@click.option("--paid", type=common.Day(), help="Day CBP paid.")
@click.option("--cbp", type=Cents(), metavar="CENTS", help="CBP's interest, to be recognised.")
@click.option("--convention", "names", multiple=True, metavar="NAME", help="Only these conventions; may be repeated.")
@click.option("--out", type=common.FILE, help="Folder for the tables of a run.")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change one setting; may be repeated.")
@click.option("--rules", "rules_folder", type=common.FILE, help="Folder of rule files instead of the built-in ones.")
@common.output_options
def command(
    *,
    number: str | None,
    amount: tuple[int, dt.date, dt.date] | None,
    results: Path | None,
    cbp: int | None,
    out: Path | None,
    changes: tuple[str, ...],
    rules_folder: Path | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Interest of one amount, of ENTRY of a run, or of a whole run, by every known convention beside the engine's."""
    from cape_engine import rules
    from cape_engine.settings import Settings

    if (amount is None) == (results is None):
        raise click.UsageError("name either --entry AMOUNT FROM TO or --results; see the examples of --help")
    if amount is not None and (number or out or options["store"] or options["deposits"]):
        raise click.UsageError("ENTRY, --store, --deposits and --out belong to --results, not to --entry")
    if results is not None and (options["kind"] or options["entered"]):
        raise click.UsageError("--kind and --entered belong to --entry; a run knows its own")
    if cbp is not None and results is not None and not number:
        raise click.UsageError("--cbp is the figure of one entry: name ENTRY, or leave it away")
    ruleset, settings = rules.load(rules_folder), Settings.build(common.parsed_settings(changes))
    told = _Told(settings, cbp, as_json=as_json, quiet=quiet)
    if amount is not None:
        return _one_amount(amount, options, ruleset, told)
    return _of_run(results or Path(), number, out, options, ruleset, told)


def _one_amount(amount: tuple[int, dt.date, dt.date], options: Mapping[str, Any], ruleset: Ruleset, told: _Told) -> int:
    """Compare one amount."""
    import numpy as np

    from cape_engine import refund
    from cape_engine.bridge import Int32s
    from cape_engine.dates import day_number
    from cape_engine.refund import conventions
    from cape_engine.refund.rates import KINDS
    from cape_engine.schema import facts as f
    from cape_engine.schema import results as r

    def day(of: dt.date | None) -> Int32s | None:
        return None if of is None else np.array([day_number(of)], np.int32)

    principal, start, end = amount
    if end < start:
        raise click.UsageError(f"{end} (TO) lies before {start} (FROM): give --entry the earlier day first")
    kind = options["kind"] or told.settings.text("refund.default_importer_kind")
    found = conventions.interest(
        np.array([principal]),
        np.array([day_number(start)], np.int32),
        np.array([day_number(end)], np.int32),
        np.array([KINDS.index(kind)], np.int8),
        ruleset=ruleset,
        names=options["names"] or None,
        entry_day=day(options["entered"]),
        payment_day=day(options["paid"]),
    )
    ours = refund.interest(principal, start, end, kind, ruleset=ruleset)
    about: dict[str, Any] = {
        r.PRINCIPAL_CENTS: principal,
        r.INTEREST_FROM: start,
        r.INTEREST_TO: end,
        f.IMPORTER_KIND: kind,
    }
    told.one({name: int(cents[0]) for name, cents in found.items()}, about, ours)
    told.late(principal + ours, end, options["paid"], kind, ruleset)
    return 0


def _of_run(
    results: Path, entry: str | None, out: Path | None, options: Mapping[str, Any], ruleset: Ruleset, told: _Told
) -> int:
    """Compare the entries of a run, or one of them."""
    from cape_kernels import ahead

    ahead.compile_all()
    from cape_engine.bridge import NO_NUMBER
    from cape_engine.pipeline.comparing import CompareRequest, compare_run
    from cape_engine.pipeline.explain import plain_number
    from cape_engine.schema import conventions as s
    from cape_engine.schema import facts as f
    from cape_engine.schema import results as r

    request = CompareRequest(
        results,
        ruleset,
        entry=None if entry is None else plain_number(entry),
        store=options["store"],
        deposits=options["deposits"],
        paid=options["paid"],
        out=out,
        names=options["names"] or None,
    )
    with common.watching(as_json=told.as_json, quiet=told.quiet) as progress, common.stop_on_signal() as stop:
        compared = compare_run(request, progress=progress, stop=stop)
    told.findings(compared.findings.to_pylist())
    if entry is None or compared.entries is None:
        told.run(compared.conventions.to_pylist(), compared.exit_code, out)
        return compared.exit_code
    row = compared.entries.to_pylist()[0]
    names = compared.conventions.column(str(s.CONVENTION)).to_pylist()
    by = dict(zip(names, list(row.values())[len(s.COMPARED_ENTRIES) :], strict=True))
    about: dict[str, Any] = {column: row[column] for column in s.COMPARED_ENTRIES if column != r.INTEREST_CENTS}
    ours = row[r.INTEREST_CENTS]
    told.one({name: NO_NUMBER if cents is None else cents for name, cents in by.items()}, about, ours)
    told.late(row[r.PRINCIPAL_CENTS] + ours, row[r.INTEREST_TO], options["paid"], row[f.IMPORTER_KIND], ruleset)
    return compared.exit_code


@dataclass(frozen=True)
class Line:
    """One convention for one amount; `cbp_match` is equal, near or empty."""

    convention: str
    interest_cents: int | None
    beside_ours_cents: int | None
    cbp_match: str
    cbp_less_this_cents: int | None
    would_be_cause: str
    words: str
    source: str
    confidence: str


def _plain(value: object) -> object:
    """A day as text, anything else as it is."""
    return str(value) if isinstance(value, dt.date) else value


class _Told:
    """Says the answer: JSON lines for machines, tables for people."""

    def __init__(self, settings: Settings, cbp: int | None, *, as_json: bool, quiet: bool) -> None:
        self.settings, self.cbp, self.as_json, self.quiet = settings, cbp, as_json, quiet
        self._lines = as_json or not common.is_terminal()

    def one(self, found: Mapping[str, int], about: Mapping[str, Any], ours: int) -> None:
        """Each convention for one amount beside the engine's own, those marked that give CBP's figure."""
        from cape_engine.refund.conventions import catalogue

        if self.quiet:
            return
        tolerance = self.settings.number("reports.rounding_tolerance_cents")
        known = catalogue()
        rows = []
        for name, cents in found.items():
            away = None if self.cbp is None or cents < 0 else self.cbp - cents
            match = "" if away is None else "equal" if not away else "near" if abs(away) <= tolerance else ""
            value, beside = (None, None) if cents < 0 else (cents, cents - ours)
            how = known[name]
            rows.append(Line(name, value, beside, match, away, how.cause, how.words, how.source, how.confidence))
        if self._lines:
            known_facts = {str(name): _plain(value) for name, value in about.items()}
            for row in rows:
                common.emit("convention", **known_facts, ours_cents=ours, **asdict(row))
            recognised = [row.convention for word in ("equal", "near") for row in rows if row.cbp_match == word]
            common.emit("compared", cbp_cents=self.cbp, recognised=recognised, tolerance_cents=tolerance, exit_code=0)
        else:
            self._table(rows)

    def _table(self, rows: list[Line]) -> None:
        """One amount as a table: those that give CBP's figure first, equal before near."""
        from rich.console import Console
        from rich.table import Table

        from cape_engine.money import cents_text

        rank = {"equal": 0, "near": 1, "": 2}
        table = Table(title="Interest by convention", title_justify="left")
        for name in ("convention", "interest", "beside ours", *(() if self.cbp is None else ("CBP",)), "what it does"):
            table.add_column(name, justify="right" if name in {"interest", "beside ours"} else "left")
        for row in sorted(rows, key=lambda row: rank[row.cbp_match]):
            mark = {"equal": "equal", "near": f"{row.cbp_less_this_cents or 0:+} cents"}.get(row.cbp_match, "")
            table.add_row(
                row.convention,
                "-" if row.interest_cents is None else cents_text(row.interest_cents),
                "" if not row.beside_ours_cents else cents_text(row.beside_ours_cents),
                *(() if self.cbp is None else (mark,)),
                row.words,
            )
        Console().print(table)

    def late(self, owed: int, liquidated: dt.date, paid: dt.date | None, kind: str, ruleset: Ruleset) -> None:
        """Interest for late payment, where the setting is on and the day of payment is known."""
        if self.quiet or paid is None or not self.settings.switch("refund.late_interest"):
            return
        from cape_engine import refund
        from cape_engine.money import cents_text

        cents = refund.late_interest(owed, liquidated, paid, kind, ruleset=ruleset)
        if self._lines:
            common.emit("late", owed_cents=owed, liquidated=str(liquidated), paid=str(paid), late_interest_cents=cents)
        else:
            click.echo(f"Interest for late payment (19 USC 1505(d)): {cents_text(cents)} on {cents_text(owed)}")

    def run(self, rows: list[dict[str, Any]], exit_code: int, out: Path | None) -> None:
        """The sums of a run."""
        if self.quiet:
            return
        if self._lines:
            for row in rows:
                common.emit("convention", **row)
            common.emit("compared", exit_code=exit_code, out=None if out is None else str(out))
            return
        from rich.console import Console
        from rich.table import Table

        from cape_engine.money import cents_text
        from cape_engine.schema import conventions as s
        from cape_engine.schema import results as r

        table = Table(title="Interest by convention", title_justify="left")
        for name in ("convention", "entries", "other than the run", "interest", "beside the run", "what it does"):
            table.add_column(name, justify="left" if name in {"convention", "what it does"} else "right")
        for row in rows:
            table.add_row(
                row[s.CONVENTION],
                f"{row[s.COMPUTED]:,}",
                f"{row[s.UNEQUAL]:,}",
                cents_text(row[r.INTEREST_CENTS]),
                cents_text(row[s.BESIDE_RUN_CENTS]),
                row[s.CONVENTION_WORDS],
            )
        Console().print(table)
        if out is not None:
            click.echo(f"Tables in {out}")

    def findings(self, rows: list[dict[str, Any]]) -> None:
        """What was noticed."""
        from cape_engine.schema import results as r

        for row in () if self.quiet else rows:
            if self._lines:
                common.emit("finding", **row)
            else:
                click.echo(f"  {row[r.SEVERITY]} {row[r.CODE]}: {row[r.MESSAGE]}")
