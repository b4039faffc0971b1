"""`cape export`: a store as plain rows that any reader of Parquet or CSV understands."""

from __future__ import annotations

from pathlib import Path

import click

from cape_engine.cli import common

EXAMPLE = """Examples:

\b
  cape export store --out rows
  cape export store --out rows --format csv --layout es003
  duckdb -c "select country_of_origin, sum(duty_cents) from 'rows/rows.parquet' group by all"

Writes rows (one a tariff number, with the facts of its line and entry) and entries (one an entry, in the form of a
header file). Columns of which the store knows nothing are left out. Importing
the rows file again gives the same contents.
Exit codes: 0 done; 2 cannot run; 3 stopped or disk full, run the same command again."""


@click.command("export", epilog=EXAMPLE, short_help="Write a store as flat Parquet or CSV.")
@click.argument("store", type=common.FILE, metavar="STORE")
@click.option("--out", required=True, type=common.FILE, help="Folder for the files.")
@click.option("--format", "form", type=click.Choice(["parquet", "csv"]), default="parquet", show_default=True)
@click.option(
    "--layout",
    type=click.Choice(["canonical", "es003"]),
    default="canonical",
    show_default=True,
    help="Our own column names, or the headings of the ES-003 report (and only what it has).",
)
@click.option("--rules", "rules_folder", type=common.FILE, help="Folder of rule files instead of the built-in ones.")
@common.output_options
def command(
    store: Path, *, out: Path, form: str, layout: str, rules_folder: Path | None, as_json: bool, quiet: bool
) -> int:
    """Write the rows and the entries of STORE as plain files."""
    from cape_engine import intake, rules
    from cape_engine.outputs.files import refuse_other_results
    from cape_engine.store import Store

    refuse_other_results(out, "export")
    with common.watching(as_json=as_json, quiet=quiet) as progress:
        counts = intake.export_store(
            Store.open(store), out, form=form, layout=layout, ruleset=rules.load(rules_folder), progress=progress
        )
    if quiet:
        return 0
    for name, rows in counts.items():
        if as_json or not common.is_terminal():
            common.emit("file", file=str(out / name), rows=rows)
        else:
            click.echo(f"{out / name}: {rows:,} rows")
    return 0
