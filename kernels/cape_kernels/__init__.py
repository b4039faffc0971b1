"""Kernels: pure compiled functions over plain arrays; numpy and numba, and nothing of the engine above."""
