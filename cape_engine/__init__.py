"""cape_engine: gives back wrongly collected tariffs as CBP's CAPE does, for whole histories, exactly to the cent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cape_engine.pipeline import CheckResult, RunResult, check, run

__all__ = ["CheckResult", "RunResult", "__version__", "check", "run"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import the pipeline only when it is asked for, so that `cape --help` loads no compiler."""
    if name in {"run", "RunResult", "check", "CheckResult"}:
        from cape_engine import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
