"""Kraken: spot and futures."""
