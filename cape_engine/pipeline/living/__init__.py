"""The life of entries day by day: what a run decided goes into the ledger, and every day is played there."""

from cape_engine.pipeline.living.api import AdvanceOptions, ScheduleOptions, advance, schedule
from cape_engine.pipeline.living.request import AdvanceRequest, AdvanceResult, ScheduleRequest, ScheduleResult

__all__ = [
    "AdvanceOptions",
    "AdvanceRequest",
    "AdvanceResult",
    "ScheduleOptions",
    "ScheduleRequest",
    "ScheduleResult",
    "advance",
    "schedule",
]
