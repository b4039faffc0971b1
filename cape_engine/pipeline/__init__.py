"""The whole road: sources to store, then mass processing, claim checks, liquidation and refund, to the results.

Checking, packing and CBP's answers have rooms of their own, which a run does not import.
"""

from cape_engine.pipeline import allocator as _allocator  # noqa: F401 - before Arrow
from cape_engine.pipeline.api import Options, requested, run
from cape_engine.pipeline.request import DETAILS, Request, RunResult
from cape_engine.pipeline.road import execute

__all__ = [
    "DETAILS",
    "Options",
    "Request",
    "RunResult",
    "execute",
    "requested",
    "run",
]
