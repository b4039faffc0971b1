"""The store: immutable partitions of whole entries, each three flat Parquet files, and a manifest written last."""

from __future__ import annotations

from cape_engine.store.hashing import content_hash
from cape_engine.store.picking import pick_entries
from cape_engine.store.store import FORMAT_VERSION, Source, Store, is_store
from cape_engine.store.writer import StoreWriter

__all__ = ["FORMAT_VERSION", "Source", "Store", "StoreWriter", "content_hash", "is_store", "pick_entries"]
