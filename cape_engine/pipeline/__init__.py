"""The whole road: sources to store, then mass processing, claim checks, liquidation and refund, to the results.

Checking, packing, CBP's answers and reconciliation have rooms of their own, which a run does not import; and the road
of a run, half a second of imports, is loaded only by those who walk it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cape_engine.pipeline import allocator as _allocator  # noqa: F401 - before Arrow

if TYPE_CHECKING:
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

_ROOMS = {
    "DETAILS": "request",
    "Options": "api",
    "Request": "request",
    "RunResult": "request",
    "execute": "road",
    "requested": "api",
    "run": "api",
}


def __getattr__(name: str) -> Any:
    """Import a part of the road when it is asked for."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
