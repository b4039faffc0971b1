"""The life of payments: enrolment, release with offsets, sending, what banks say, reissue, and where the money is."""

from cape_engine.pipeline.payments.api import (
    RefundOptions,
    refund_bank,
    refund_enrol,
    refund_reissue,
    refund_release,
    refund_send,
    refund_show,
)
from cape_engine.pipeline.payments.result import PaymentsShown, RefundResult

__all__ = [
    "PaymentsShown",
    "RefundOptions",
    "RefundResult",
    "refund_bank",
    "refund_enrol",
    "refund_reissue",
    "refund_release",
    "refund_send",
    "refund_show",
]
