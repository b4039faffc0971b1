"""`cape bench consolidation`: entry refunds to payments alone, at any size, against an answer known beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from cape_engine.cli import common

EXAMPLE = """Examples:

\b
  cape bench consolidation
  cape bench consolidation --entries 1000000 --recipients 20000 --days 60 --seed 7 --json
  cape bench consolidation --entries 1000000 --recipients 20000 --parties 50 --late 5 --write load
  cape bench consolidation --check payments_of_theirs.parquet --against load

With --write the folder holds entry_refunds.parquet (and late_entry_refunds.parquet: what comes after the refunds of the
others were made) to feed another system with, and what must come out of it: refunds, payments and subtotals, each with
its SHA-256 in manifest.json. --check compares payments of another system with it.

Exit codes: 0 every refund and every payment is right; 1 not; 2 cannot run."""

MOST_SHOWN = 20
_APART = "sums", "refunds", "payments"
_TOGETHER = "sums", "refunds_and_payments"


@click.command("consolidation", epilog=EXAMPLE, short_help="Entry refunds to payments alone, with a known answer.")
@click.option("--entries", type=click.IntRange(1), default=53_170_000, show_default=True, help="Refunds of entries.")
@click.option("--recipients", type=click.IntRange(1), default=330_000, show_default=True, help="Importers.")
@click.option("--days", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Liquidation days.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, other amounts and days.")
@click.option(
    "--skew",
    type=float,
    default=1.1,
    show_default=True,
    help="How much the largest importers have: 0 all alike, 2 six tenths of all entries are one importer's.",
)
@click.option("--parties", type=click.IntRange(0), default=0, help="4811 parties that a tenth of the importers share.")
@click.option("--late", type=click.IntRange(0), default=0, help="Days with entries that come after their refund.")
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True, help="Worker threads.")
@click.option("--write", "folder", type=common.FILE, help="Folder for inputs and expected outputs.")
@click.option(
    "--files",
    "kind",
    type=click.Choice(["nacha"]),
    help="With --write: bank files too, to made-up accounts.",
)
@click.option("--check", "theirs", type=common.FILE, help="Payments of another system (Parquet, CSV) to compare.")
@click.option("--against", type=common.FILE, help="Folder of --write to compare with (default: that of the file).")
@common.output_options
def consolidation(  # noqa: PLR0913 - each argument is an option of the command
    *,
    entries: int,
    recipients: int,
    days: int,
    seed: int,
    skew: float,
    parties: int,
    late: int,
    threads: int,
    folder: Path | None,
    kind: str | None,
    theirs: Path | None,
    against: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Make refunds of entries chunk by chunk, add them up by recipient and day, split them into payments, check all."""
    if theirs is not None:
        if folder is not None:
            raise click.UsageError("--check compares with what --write wrote before; give that folder with --against")
        return _compare(theirs, against or theirs.parent, as_json=as_json, quiet=quiet)
    if against is not None:
        raise click.UsageError("--against goes with --check")
    if kind is not None and folder is None:
        raise click.UsageError("--files goes with --write")
    from cape_fixtures.consolidation_load import Load

    try:
        load = Load(entries, recipients, days, seed, skew=skew, parties=parties, late=late)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    record = _carried(load, threads, folder, kind)
    if as_json:
        common.emit("consolidation", **record)
    elif not quiet:
        for line in _told(record):
            click.echo(line)
    return 0 if record["right"] else 1


def _carried(load: Any, threads: int, folder: Path | None, kind: str | None) -> dict[str, Any]:
    """Carry a load through consolidation, and write it if a folder is given."""
    from cape_engine.cli.bench_measure import measured

    if folder is None:
        return measured(load, threads)
    from cape_engine.cli.bench_files import Files

    files = Files(folder, load)
    try:
        record = measured(load, threads, files)
        if kind is not None and record["right"]:
            record["bank_files"] = made = files.bank_files()
            record["right"] = (made["payments"], made["cents"]) == (record["payments"], record["total_cents"])
        if record["right"]:
            record["files"] = files.finish(record)["files"]
            record["folder"] = str(folder)
    finally:
        files.close()
    return record


def _compare(theirs: Path, folder: Path, *, as_json: bool, quiet: bool) -> int:
    """Say what differs between the payments of another system and the answer."""
    from cape_engine.cli.bench_compare import MEANINGS, compared
    from cape_engine.money import cents_text
    from cape_engine.schema import results as r

    record = compared(theirs, folder)
    differences = record.pop("differences")
    if as_json:
        for row in differences:
            common.emit("difference", **row)
        common.emit("comparison", **record)
    elif not quiet:
        for row in differences[:MOST_SHOWN]:
            click.echo(
                f"{row['kind']:<10} {row[r.RECIPIENT]:<13} {row[r.RESULT_LIQUIDATION_DATE]}  expected "
                f"{cents_text(row['expected_cents'])} in {row['expected_payments']}, found "
                f"{cents_text(row['found_cents'])} in {row['found_payments']}"
            )
        for kind, count in record["counts"].items():
            if count:
                click.echo(f"{count:>12,}  {kind}: {MEANINGS[kind]}")
        click.echo(f"{record['right_refunds']:>12,}  refunds are right, to the cent and payment by payment")
        click.echo(f"{cents_text(record['found_cents'])} dollars of {cents_text(record['expected_cents'])}")
    return 0 if record["right"] else 1


def _told(record: dict[str, Any]) -> Iterator[str]:
    """The figures for people."""
    seconds, latency, cores = record["seconds"], record["partition_milliseconds"], record["cpu_seconds"]
    apart = "sums_and_refunds" in seconds
    yield (
        f"{record['entries']:,} refunds of entries, {record['recipients']:,} importers, {record['days']:,} days: "
        f"{record['cohorts']:,} refunds in {record['payments']:,} payments, {record['total_cents'] / 100:,.2f} dollars"
    )
    if record["subtotals"] or record["later_versions"]:
        yield (
            f"{record['subtotals']:,} parts of importers in refunds of 4811 parties; "
            f"{record['later_versions']:,} refunds are later versions of a cohort"
        )
    yield f"{'step':<28}{'all cores':>10}   entries per second of a core"
    for step, taken in cores.items():
        if step in record["entries_per_cpu_second"]:
            mark = "" if step in {"generate", "write_inputs"} else " *"
            speed = record["entries_per_cpu_second"][step]
            yield f"{step.replace('_', ' ') + mark:<28}{taken:>8.3f} s   {speed:,}"
    yield (
        f"{'consolidation (*)':<28}{record['consolidated_in_cpu_seconds']:>8.3f} s   by the clock "
        f"{record['consolidated_in_seconds']:.3f} s with {record['threads']} threads "
        f"({', '.join(f'{seconds[name]:.3f} {name}'.replace('_', ' ') for name in (_APART if apart else _TOGETHER))})"
    )
    if apart:
        yield (
            f"entry refunds to recipient and day, sums and refunds without payments: by the clock "
            f"{seconds['sums_and_refunds']:.3f} s"
        )
    yield (
        f"a partition takes {latency['p50']:.2f} ms; p90 {latency['p90']:.2f}, p99 {latency['p99']:.2f}, "
        f"longest {latency['longest']:.2f}"
    )
    if "bank_files" in record:
        bank = record["bank_files"]
        yield (
            f"NACHA: {bank['payments']:,} payments, {bank['files']:,} file(s), {bank['cpu_seconds']:.3f} s of a core, "
            f"by the clock {bank['seconds']:.3f} s: {bank['payments_per_second']:,} payments/s"
        )
    yield f"peak memory {record['peak_memory_bytes'] / 2**20:,.0f} MiB"
    yield (
        "every cohort and payment is right" if record["right"] else "WRONG: refunds or payments differ from the answer"
    )
    if "folder" in record:
        yield f"inputs and expected outputs in {record['folder']}"
