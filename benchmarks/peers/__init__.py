"""The same job in DuckDB, Polars, DataFusion and pandas: opponents in the benchmarks, independent oracles in the tests.

They do less work than `cape run`: no findings, messages, flags or versions, no mode B beside mode A, no payments and no
hash of the result. Column 2 countries, several deposits and a claim that lists only some entries are left out as well.
"""
