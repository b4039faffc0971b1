"""cape_engine: gives back wrongly collected tariffs as CBP's CAPE does, for whole histories, exactly to the cent."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cape_engine.pipeline import RunResult, run
    from cape_engine.pipeline.answering import AnswersResult, answers
    from cape_engine.pipeline.books import BooksResult, accrual, forecast, statement
    from cape_engine.pipeline.checking import CheckResult, check
    from cape_engine.pipeline.living import AdvanceResult, ScheduleResult, advance, schedule
    from cape_engine.pipeline.outlook import OutlookResult, risk, whatif
    from cape_engine.pipeline.packing import PackResult, pack
    from cape_engine.pipeline.paying import FilesResult, refund_files
    from cape_engine.pipeline.payments import (
        PaymentsShown,
        RefundResult,
        refund_bank,
        refund_enrol,
        refund_reissue,
        refund_release,
        refund_send,
        refund_show,
    )
    from cape_engine.pipeline.reconciling import ReconcileResult, reconcile
    from cape_engine.pipeline.reviewing import ReviewResult, review_assign, review_decide, review_list

__all__ = [
    "AdvanceResult",
    "AnswersResult",
    "BooksResult",
    "CheckResult",
    "FilesResult",
    "OutlookResult",
    "PackResult",
    "PaymentsShown",
    "ReconcileResult",
    "RefundResult",
    "ReviewResult",
    "RunResult",
    "ScheduleResult",
    "__version__",
    "accrual",
    "advance",
    "answers",
    "check",
    "forecast",
    "pack",
    "reconcile",
    "refund_bank",
    "refund_enrol",
    "refund_files",
    "refund_reissue",
    "refund_release",
    "refund_send",
    "refund_show",
    "review_assign",
    "review_decide",
    "review_list",
    "risk",
    "run",
    "schedule",
    "statement",
    "whatif",
]
__version__ = "0.1.0"

_ROOMS = {
    "run": "cape_engine.pipeline",
    "RunResult": "cape_engine.pipeline",
    "check": "cape_engine.pipeline.checking",
    "CheckResult": "cape_engine.pipeline.checking",
    "pack": "cape_engine.pipeline.packing",
    "PackResult": "cape_engine.pipeline.packing",
    "whatif": "cape_engine.pipeline.outlook",
    "risk": "cape_engine.pipeline.outlook",
    "OutlookResult": "cape_engine.pipeline.outlook",
    "answers": "cape_engine.pipeline.answering",
    "AnswersResult": "cape_engine.pipeline.answering",
    "refund_files": "cape_engine.pipeline.paying",
    "FilesResult": "cape_engine.pipeline.paying",
    "reconcile": "cape_engine.pipeline.reconciling",
    "ReconcileResult": "cape_engine.pipeline.reconciling",
    "review_list": "cape_engine.pipeline.reviewing",
    "review_assign": "cape_engine.pipeline.reviewing",
    "review_decide": "cape_engine.pipeline.reviewing",
    "ReviewResult": "cape_engine.pipeline.reviewing",
    "schedule": "cape_engine.pipeline.living",
    "ScheduleResult": "cape_engine.pipeline.living",
    "accrual": "cape_engine.pipeline.books",
    "statement": "cape_engine.pipeline.books",
    "forecast": "cape_engine.pipeline.books",
    "BooksResult": "cape_engine.pipeline.books",
    "advance": "cape_engine.pipeline.living",
    "AdvanceResult": "cape_engine.pipeline.living",
    "refund_bank": "cape_engine.pipeline.payments",
    "refund_enrol": "cape_engine.pipeline.payments",
    "refund_reissue": "cape_engine.pipeline.payments",
    "refund_release": "cape_engine.pipeline.payments",
    "refund_send": "cape_engine.pipeline.payments",
    "refund_show": "cape_engine.pipeline.payments",
    "PaymentsShown": "cape_engine.pipeline.payments",
    "RefundResult": "cape_engine.pipeline.payments",
}


def __getattr__(name: str) -> Any:
    """Import a room of the pipeline only when it is asked for, so that `cape --help` loads no compiler."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ROOMS[name]), name)
