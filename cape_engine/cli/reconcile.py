"""`cape reconcile`: what CBP paid against what we expected, every difference with its one cause."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from cape_engine.cli import common

EXAMPLE = """Examples:

\b
  cape reconcile --results results --es022 es022.csv --rev603 rev603.xlsx --bank bank.csv --columns headings.toml \\
    --as-of 2026-07-31 --out reconciled
  cape reconcile --ledger claims.db --results results --rev615 rev615.csv --columns headings.toml --out reconciled
  cape reconcile --results results --es022 es022.csv --out reconciled \\
    --set "reports.columns.es022=entry_number=Entry No,refund_amount=Total,ignore=Port"

The columns of CBP's reports are not published: every heading must be mapped, to `ignore` if it is not needed. Without a
mapping the command stops with the list of headings and a TOML to fill in. Writes tables, report.html and
reconciliation.xlsx. Exit codes: 0 everything settled or explained; 1 something is missing, unknown or unexplained, or
rows could not be used; 2 cannot run, nothing written; 3 stopped, run it again."""


def _reports(function: click.decorators.FC) -> click.decorators.FC:
    """One option for each kind of file."""
    for name, text in reversed(
        (
            ("es022", "ES-022: declaration, entry, refund number, principal and interest."),
            ("rev603", "REV-603: refunds at Treasury, with status."),
            ("rev613", "REV-613: refunds held for want of enrolment."),
            ("rev615", "REV-615: REV-603 with entries."),
            ("es701", "ES-701: courtesy notices."),
            ("claim-details", "Claim Details, as downloaded, beside another report."),
            ("bank", "Deposits, as the recipient's bank lists them."),
        )
    ):
        told = f"{text.removesuffix('.')}; may be repeated."
        function = click.option(f"--{name}", multiple=True, type=common.FILE, metavar="FILE", help=told)(function)
    return function


@click.command("reconcile", epilog=EXAMPLE, short_help="What CBP paid against what we expected.")
@click.option("--results", type=common.FILE, help="Folder of a finished run.")
@click.option("--ledger", metavar="URL", help="Ledger; with --results too, the run tells of mode B and column 1.")
@_reports
@click.option("--columns", type=common.FILE, help="TOML: headings of the reports and our names for them.")
@click.option("--as-of", type=common.Day(), help="Day of the reconciliation (default today).")
@click.option("--out", type=common.FILE, help="Folder for tables, page and workbook.")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change one setting; may be repeated.")
@click.option("--settings", "settings_file", type=common.FILE, help="TOML file with settings.")
@click.option("--rules", "rules_folder", type=common.FILE, help="Folder of rule files instead of the built-in ones.")
@common.output_options
def command(
    *,
    changes: tuple[str, ...],
    as_of: dt.date | None,
    as_json: bool,
    quiet: bool,
    **files: object,
) -> int:
    """Compare what CBP reports, and what the bank received, with what a run or the ledger expects."""
    import cape_engine

    out = files["out"]
    with common.watching(as_json=as_json, quiet=quiet) as progress:
        result = cape_engine.reconcile(
            progress=progress,
            as_of=as_of,
            settings=common.parsed_settings(changes),
            **files,  # type: ignore[arg-type]  # the options above are those of the call, by name
        )
    if quiet:
        return result.exit_code
    counts = result.manifest["counts"]
    rows = result.summary.to_pylist()
    if as_json or not common.is_terminal():
        for row in rows:
            common.emit("cause", **row)
        for code, count in counts["findings_by_code"].items():
            common.emit("findings", code=code, count=count)
        common.emit(
            "reconcile",
            exit_code=result.exit_code,
            out=None if out is None else str(out),
            result_hash=result.manifest["result_hash"],
            counts=counts,
            totals_cents=result.manifest["totals_cents"],
        )
        return result.exit_code
    _show(rows, result.findings.to_pylist()[:20], out if isinstance(out, Path) else None)
    return result.exit_code


def _show(rows: list[dict[str, object]], findings: list[dict[str, str]], out: Path | None) -> None:
    """The summary for people."""
    from cape_engine.money import cents_text
    from cape_engine.schema import reconciliation as c

    level = None
    for row in rows:
        if row[str(c.LEVEL)] != level:
            level = row[str(c.LEVEL)]
            click.echo(f"{level}")
        difference, left = (cents_text(int(str(row[str(column)]))) for column in (c.DIFFERENCE, c.LEFT))
        click.echo(f"  {row['cause']!s:22} {int(str(row['items'])):>10,}  difference {difference:>20}  left {left:>18}")
    for one in findings:
        click.echo(f"  {one['severity']} {one['code']}: {one['message']}")
    if out is not None:
        click.echo(f"Report: {out / 'report.html'}; workbook: {out / 'reconciliation.xlsx'}")
