"""What each step of the consolidation of a load takes, by the clock and of all cores."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cape_engine.outputs.manifest import peak_memory_bytes

STEPS = ("generate", "write_inputs", "sums", "consolidate", "split", "keys", "write")
"""Steps in their order; the first two are not part of consolidation."""
_PERCENTILES = (50, 90, 99)
_WORTH_SAYING = 0.001


class Steps:
    """Adds up what each step takes, over all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.cpu = dict.fromkeys(STEPS, 0.0)
        self.wall: dict[str, float] = {}
        self.all_cores = 0.0
        self.milliseconds: list[float] = []

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Count the time of this thread for a step."""
        begun = time.thread_time()
        try:
            yield
        finally:
            taken = time.thread_time() - begun
            with self._lock:
                self.cpu[step] += taken

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time of the clock for a phase."""
        begun, cores = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.wall[name] = self.wall.get(name, 0.0) + time.perf_counter() - begun
            self.all_cores += time.process_time() - cores

    def record(self, entries: int) -> dict[str, Any]:
        """Seconds, entries per second and processor time by step, and how long partitions took.

        Seconds are by the clock; `sums_and_refunds` is from entry refunds to those of recipient and day, with no
        payment made, and stands there where refunds were timed apart from payments.
        """
        latency = np.percentile(self.milliseconds, _PERCENTILES)
        both = sum(self.wall.values())
        seconds = dict(self.wall)
        if "refunds" in seconds:
            seconds["sums_and_refunds"] = seconds["sums"] + seconds["refunds"]
            seconds["refunds_and_payments"] = seconds["refunds"] + seconds["payments"]
        return {
            "seconds": {name: round(wall, 3) for name, wall in seconds.items()},
            "consolidated_in_seconds": round(both, 3),
            "cpu_seconds": {step: round(cpu, 3) for step, cpu in self.cpu.items()},
            "consolidated_in_cpu_seconds": round(self.all_cores, 3),
            "entries_per_second": round(entries / both),
            "entries_per_cpu_second": {
                step: round(entries / self.cpu[step]) for step in STEPS if self.cpu[step] >= _WORTH_SAYING
            },
            "partition_milliseconds": {
                **{f"p{rank}": round(float(value), 3) for rank, value in zip(_PERCENTILES, latency, strict=True)},
                "longest": round(max(self.milliseconds), 3),
            },
            "peak_memory_bytes": peak_memory_bytes(),
        }
