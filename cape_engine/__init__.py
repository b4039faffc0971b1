"""cape_engine: gives back wrongly collected tariffs as CBP's CAPE does, for whole histories, exactly to the cent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cape_engine.pipeline import CheckResult, RunResult, check, run
    from cape_engine.pipeline.answering import AnswersResult, answers
    from cape_engine.pipeline.packing import PackResult, pack

__all__ = ["AnswersResult", "CheckResult", "PackResult", "RunResult", "__version__", "answers", "check", "pack", "run"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import the pipeline only when it is asked for, so that `cape --help` loads no compiler."""
    if name in {"run", "RunResult", "check", "CheckResult"}:
        from cape_engine import pipeline

        return getattr(pipeline, name)
    if name in {"pack", "PackResult"}:
        from cape_engine.pipeline import packing

        return getattr(packing, name)
    if name in {"answers", "AnswersResult"}:
        from cape_engine.pipeline import answering

        return getattr(answering, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
