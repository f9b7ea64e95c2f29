"""Recorded market data: formats, readers, inspection, conversion and fetching."""
