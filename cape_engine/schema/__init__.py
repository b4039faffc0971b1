"""The schema: every column of every table, declared once (name, type, unit, bounds, meaning, source)."""
