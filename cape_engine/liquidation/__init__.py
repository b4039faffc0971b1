"""Liquidation: where each entry stands, which run day decides it, and which entries an officer looks at first."""

from cape_engine.liquidation import review
from cape_engine.liquidation.schedule import Plan, plan
from cape_engine.liquidation.standings import standing

__all__ = ["Plan", "plan", "review", "standing"]
