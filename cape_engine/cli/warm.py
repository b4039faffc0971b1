"""`cape warm`: compile the kernels into the cache ahead of time."""

from __future__ import annotations

import time

import click

from cape_engine.cli import common

EXAMPLE = """Example, in the recipe of an image:

\b
  CAPE_CACHE_DIR=/opt/cape-cache cape warm"""


@click.command("warm", epilog=EXAMPLE, short_help="Compile the kernels into the cache.")
@common.output_options
def command(*, as_json: bool, quiet: bool) -> int:
    """Compile every kernel into the cache, so that later processes start without a compiler."""
    start = time.perf_counter()
    from cape_kernels import _jit, ahead

    ahead.compile_all(seldom=True)
    import cape_engine.pipeline.road  # noqa: F401 - says now if a part of the road cannot be loaded

    folder = _jit.CACHE_FOLDER
    seconds = round(time.perf_counter() - start, 3)
    if as_json:
        common.emit("warm", cache=None if folder is None else str(folder), seconds=seconds)
    elif not quiet:
        where = (
            "no writable cache folder; kernels are compiled in each process" if folder is None else f"cache {folder}"
        )
        click.echo(f"kernels ready in {seconds} s; {where}")
    return 0
