"""What-if and risk: what a store's entries come to on many filing days, and what leaves which window when."""

from cape_engine.pipeline.outlook.api import OutlookOptions, outlook_request, risk, whatif
from cape_engine.pipeline.outlook.request import OutlookRequest, OutlookResult
from cape_engine.pipeline.outlook.risk_road import execute_risk
from cape_engine.pipeline.outlook.whatif_road import execute_whatif

__all__ = [
    "OutlookOptions",
    "OutlookRequest",
    "OutlookResult",
    "execute_risk",
    "execute_whatif",
    "outlook_request",
    "risk",
    "whatif",
]
