"""Carriers of a run: one function applied to every partition, by threads here and by other means elsewhere."""
