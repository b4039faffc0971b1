"""Packing: entries of a store into declarations that pass, what stays behind and why, each remembered by the ledger."""

from cape_engine.pipeline.packing.api import PackOptions, pack, pack_request
from cape_engine.pipeline.packing.request import PackRequest, PackResult
from cape_engine.pipeline.packing.road import execute_pack

__all__ = ["PackOptions", "PackRequest", "PackResult", "execute_pack", "pack", "pack_request"]
