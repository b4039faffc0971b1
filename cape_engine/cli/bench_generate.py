"""`cape bench generate`: a store, or ES-003 files, of national shape at any scale, with the answer known beside it."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path

import click

from cape_engine.cli import common
from cape_engine.errors import UsageError

EXAMPLE = """Examples:

\b
  cape bench generate --scale 0.01 --out n001
  cape run n001/store --importers n001/importers.csv --as-of 2026-05-04 --out results
  cape bench generate --scale 0.001 --format csv --shuffle --out files

Scale 1 is the nation: 53.17 million entries, 330,566 importers, 1.6 billion lines, 3.5 billion tariff rows, about 166
billion dollars of IEEPA duty. The same scale and seed give the same data, whatever the number of threads. answer.json
holds what is right on the filing day, known from the drawing of the entries and not from the engine."""


@click.command("generate", epilog=EXAMPLE, short_help="Write data of national shape, with its answer.")
@click.option("--scale", type=float, default=0.01, show_default=True, help="Share of the nation, up to 1.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Another seed makes other entries.")
@click.option("--out", type=common.FILE, required=True, help="Folder for the data, importers.csv and answer.json.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["store", "csv", "parquet"]),
    default="store",
    show_default=True,
    help="A store, or exports with header files.",
)
@click.option("--as-of", type=common.Day(), default="2026-05-04", show_default=True, help="Filing day of the answer.")
@click.option("--answers", is_flag=True, help="Also write the answer of each entry.")
@click.option("--shuffle", is_flag=True, help="Rows of each file in random order (csv, parquet).")
@click.option(
    "--quantities",
    type=click.Choice(["all", "needed"]),
    default="all",
    show_default=True,
    help="Quantities on every base number that has a unit, or only where the duty needs one.",
)
@click.option("--threads", type=click.IntRange(1), help="Worker threads (default: all cores).")
@common.output_options
def generate(  # noqa: PLR0913 - each argument is an option of the command
    *,
    scale: float,
    seed: int,
    out: Path,
    kind: str,
    as_of: dt.date,
    answers: bool,
    shuffle: bool,
    quantities: str,
    threads: int | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Write entry summaries of national shape, and the answer that is known because it was drawn with them."""
    from cape_engine.outputs.files import writing
    from cape_fixtures.national import Shape, generate_files, generate_store

    if shuffle and kind == "store":
        raise UsageError("--shuffle is for csv and parquet; a store is always in entry number order")
    try:
        shape = Shape(scale, seed, as_of, quantities == "all")
    except ValueError as wrong:
        raise UsageError(str(wrong)) from wrong
    begin = time.perf_counter()
    with common.watching(as_json=as_json, quiet=quiet) as progress, common.stop_on_signal() as stop, writing(out):
        if progress is not None:
            progress.stage("generating partitions", shape.partitions)

        def watch(rows: int) -> None:
            del rows
            if progress is not None:
                progress.advance()

        workers = threads or os.cpu_count() or 1
        if kind == "store":
            made = generate_store(shape, out, threads=workers, answers=answers, watch=watch, stop=stop)
        else:
            made = generate_files(
                shape, out, kind=kind, shuffle=shuffle, threads=workers, answers=answers, watch=watch, stop=stop
            )
    if not quiet:
        _say(made.answer, made.data, time.perf_counter() - begin, as_json=as_json)
    return 0


def _say(answer: dict[str, dict[str, int]], data: Path, seconds: float, *, as_json: bool) -> None:
    """What was written, how fast, and what is right."""
    from cape_engine.schema.results import PRINCIPAL_CENTS, REMOVED_IEEPA_CENTS

    total, accepted = answer["total"], answer["accepted"]
    size = sum(file.stat().st_size for file in data.rglob("*") if file.is_file())
    if as_json:
        figures = {"seconds": round(seconds, 3), "rows_per_second": round(total["rows"] / seconds), "bytes": size}
        common.emit("generated", data=str(data), **figures, **answer)
        return
    click.echo(f"{total['entries']:,} entries, {total['lines']:,} lines, {total['rows']:,} tariff rows in {data}")
    click.echo(f"{seconds:.1f} s, {total['rows'] / seconds / 1e6:.2f} M rows/s, {size / total['rows']:.2f} bytes a row")
    click.echo(
        f"IEEPA duty ${total[str(REMOVED_IEEPA_CENTS)] / 100:,.2f}; accepted {accepted['entries']:,} entries, "
        f"principal ${accepted[str(PRINCIPAL_CENTS)] / 100:,.2f} (answer.json)"
    )
