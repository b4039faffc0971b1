"""`cape pack`: declarations of every eligible entry, and why the others stay behind."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cape_engine.cli import common

if TYPE_CHECKING:
    from cape_engine.pipeline.packing import PackResult

MOST_REASONS = 12
EXAMPLE = """Examples:

\b
  cape pack --store store --as-of 2026-05-04 --out packed
  cape pack --store store --headers headers.csv --ledger claims.db --out packed
  cape pack --source exports/ --hold answers/routed.csv --ledger claims.db --out packed --json

Writes declarations/*.csv to be uploaded, left_out.csv with why and what to do, corrections.csv with what to correct
first and until when, the same as Parquet, and a manifest.json. With --ledger, entries on live claims stay out, and
what is packed is recorded: the same command again packs nothing twice.
Exit codes: 0 done; 1 done, and entries stay behind; 2 cannot run; 3 stopped, run the same command again."""


@click.command("pack", epilog=EXAMPLE, short_help="Write declarations of every eligible entry.")
@click.option("--store", type=common.FILE, help="Store of entry summaries.")
@click.option(
    "--source",
    "sources",
    multiple=True,
    type=common.FILE,
    help="Exports or folders instead of a store; may be repeated.",
)
@click.option("--out", type=common.FILE, required=True, help="Folder for declarations and lists.")
@click.option("--as-of", type=common.Day(), help="Filing day: rules of that day apply (default today).")
@click.option("--ledger", metavar="URL", help="Ledger (a file, or postgresql://...): nothing is claimed twice.")
@click.option(
    "--account",
    type=click.Choice(["importer", "filer", "broker"]),
    default="broker",
    show_default=True,
    help="Kind of account that will file.",
)
@click.option(
    "--hold", multiple=True, type=common.FILE, help="List of entries to keep back, such as routed.csv; may be repeated."
)
@click.option("--column1", type=common.FILE, help="Your own column 1 rates.")
@common.input_options
@click.option("--threads", type=click.IntRange(1), help="Worker threads (default: all cores).")
@click.option("--memory-limit", metavar="SIZE", help="Memory to stay within while files are read, such as 2GiB.")
@common.output_options
def command(
    *,
    store: Path | None,
    sources: tuple[Path, ...],
    out: Path,
    changes: tuple[str, ...],
    as_of: dt.date | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Put every eligible entry into exactly one declaration, the urgent first, and say of the others why."""
    from cape_kernels import ahead

    ahead.compile_all()
    import cape_engine
    from cape_engine.errors import UsageError

    if (store is None) == (not sources):
        raise UsageError("give either --store DIR or --source FILE [--source FILE ...]")
    with common.watching(as_json=as_json, quiet=quiet) as progress, common.stop_on_signal() as stop:
        result = cape_engine.pack(
            sources if store is None else store,
            out=out,
            as_of=as_of,
            settings=common.parsed_settings(changes),
            progress=progress,
            stop=stop,
            **options,
        )
    if not quiet:
        (_lines if as_json or not common.is_terminal() else _tables)(result, out)
    return result.exit_code


def _lines(result: PackResult, out: Path) -> None:
    """The answer as JSON lines: reasons, findings by code, then the summary."""
    counts = result.manifest["counts"]
    for code, count in counts["reasons"].items():
        common.emit("left_out", code=code, count=count)
    for code, count in counts["findings_by_code"].items():
        common.emit("findings", code=code, count=count)
    common.emit(
        "pack",
        exit_code=result.exit_code,
        out=str(out),
        result_hash=result.manifest["result_hash"],
        counts=counts,
        totals_cents=result.manifest["totals_cents"],
        seconds=result.seconds,
    )


def _tables(result: PackResult, out: Path) -> None:
    """The answer as tables for people."""
    from rich.console import Console
    from rich.table import Table

    from cape_engine.money import cents_text

    console = Console()
    counts, totals = result.manifest["counts"], result.manifest["totals_cents"]
    first = Table(title="Entries", title_justify="left")
    for name in ("", "entries", "principal"):
        first.add_column(name, justify="right" if name else "left")
    for words, count, cents in (
        ("packed", counts["packed"], totals["packed_entries_principal_cents"]),
        ("left out", counts["left_out"], totals["left_out_principal_cents"]),
    ):
        first.add_row(words, f"{count:,}", cents_text(cents))
    console.print(first)
    if counts["reasons"]:
        reasons = Table(title="Why entries stay behind", title_justify="left")
        reasons.add_column("reason")
        reasons.add_column("entries", justify="right")
        for word, count in sorted(counts["reasons"].items(), key=lambda item: -item[1])[:MOST_REASONS]:
            reasons.add_row(word, f"{count:,}")
        console.print(reasons)
    console.print(
        f"{counts['declarations']:,} declarations in [bold]{out}/declarations[/bold]; "
        f"{counts['corrections']:,} corrections in {out}/corrections.csv"
    )
