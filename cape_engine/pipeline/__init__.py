"""The whole road: sources to store, then mass processing, claim checks, liquidation and refund, to the results."""

from cape_engine.pipeline import allocator as _allocator  # noqa: F401 - before Arrow
from cape_engine.pipeline.api import Options, requested, run
from cape_engine.pipeline.checking import CheckOptions, CheckRequest, CheckResult, check, check_request
from cape_engine.pipeline.request import DETAILS, Request, RunResult
from cape_engine.pipeline.road import execute

__all__ = [
    "DETAILS",
    "CheckOptions",
    "CheckRequest",
    "CheckResult",
    "Options",
    "Request",
    "RunResult",
    "check",
    "check_request",
    "execute",
    "requested",
    "run",
]
